"""Who does a provider say owns an account?"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerAddress:
    """A postal address as the institution keeps it; None is unknown."""

    lines: tuple[str, ...] = field(default=(), repr=False)
    """Street and number, building, flat: in the order of an envelope."""
    city: str | None = field(default=None, repr=False)
    region: str | None = field(default=None, repr=False)
    """State, province or county."""
    postal_code: str | None = field(default=None, repr=False)
    country: str | None = field(default=None, repr=False)
    """ISO 3166-1 alpha-2 in upper case where the provider says so, else its own word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOwnerData:
    """One owner of one account, as the institution knows them; the most private data that is read.

    Everything is in the provider's order, the preferred value first. There is no field for tax numbers, social security
    numbers or dates of birth, and no raw answer: what an adapter gets of them, it leaves at the door.
    """

    provider_account_id: str = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    """At least one; a business, or two people in one text, are possible."""
    emails: tuple[str, ...] = field(default=(), repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)
    """As the institution writes them."""
    addresses: tuple[OwnerAddress, ...] = field(default=(), repr=False)
    is_business: bool | None = None
    """None where the provider does not say."""
