"""How do people use a provider's simulator, and which faults can it not show?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bursar.sandbox.people import Account, Login
from bursar.sandbox.view import IdPolicy


def _every_account(_account: Account) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the convergence test must know of a simulator; `providers/<p>/sandbox` exports it as `TRAITS`."""

    consent: str
    """The action (`MountedFace.act`) that plays a person who gives consent, at first and again."""
    login: Callable[[Login], Mapping[str, str]]
    """The action's arguments beside the link token or the address: who logs in where."""
    end_consent: Callable[[str], tuple[str, Mapping[str, str]]]
    """The action and its arguments that end the consent of a login, named by its id at the provider."""
    policies: tuple[IdPolicy, ...] = (IdPolicy.STABLE,)
    """What this provider's ids may be worth; the first is what it documents."""
    pages: tuple[str, ...] = ("/transactions",)
    """Paths of listings, behind the slug: an answer that is old or comes twice is one of theirs."""
    shows_number: bool = True
    """Whether accounts come with their full number, so that another source of one is known to be the same."""
    links_pending: bool = True
    """Whether a settled row keeps its pending one's id, or names it, where the ids' policy does not say; False: only
    their content tells that they are one."""
    shows: Callable[[Account], bool] = _every_account
    """Which of a login's accounts this provider has at all, such as those in its one currency."""
    immune: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fault -> why this provider's protocol cannot show it."""
