"""What do the two origins of the simulated Sequence share?"""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request

from bursar.providers.sequence.sandbox.logins import Logins
from bursar.providers.sequence.sandbox.records import User
from bursar.providers.sequence.sandbox.resolvers import Books
from bursar.providers.sequence.sandbox.switchboard import Switchboard
from bursar.providers.sequence.sandbox.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Origins:
    """The addresses of the application and of the identity site, without a slash at the end."""

    app: str
    auth: str

    @property
    def callback(self) -> str:
        """The one address that a login may lead back to."""
        return f"{self.app}/callback"

    @property
    def audience(self) -> str:
        """What the application's interface is called in tokens."""
        return f"{self.app}/api"


@dataclass(slots=True)
class Manners:
    """What may be chosen about the simulator's behaviour.

    Attributes:
        token_delay_ms: how long the application's page takes to keep the token that came back.
        issues_refresh_tokens: whether a login in the browser yields a refresh token, which the real one does not.
        allows_introspection: whether the schema describes itself.
    """

    token_delay_ms: int = 300
    issues_refresh_tokens: bool = False
    allows_introspection: bool = False


FindUser = Callable[[str], tuple[Books, User] | None]


@dataclass(slots=True, kw_only=True)
class Site:
    """One simulated Sequence: who may come in, and what they find."""

    origins: Callable[[Request], Origins]
    tokens: Tokens
    logins: Logins
    find_user: FindUser
    """By the subject of an access token."""
    manners: Manners = field(default_factory=Manners)
    switchboard: Switchboard = field(default_factory=Switchboard)
