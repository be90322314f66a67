"""Who does a provider say owns an account, and what of that may be kept?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One owner of one account, as far as it may be kept; `repr` shows nothing of the person."""

    names: tuple[str, ...] = field(repr=False)
    emails: tuple[str, ...] = field(default=(), repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)
    addresses: tuple[OwnerAddress, ...] = field(default=(), repr=False)
    is_business: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersTold:
    """What a provider told of one account's owners, ready to be sealed."""

    owners: tuple[Owner, ...] = field(repr=False)
    """Empty: the institution has nobody on file. That nobody has asked yet is another thing."""
    unreadable_count: int = 0
    """Owners that were there and could not be read."""
    withheld_count: int = 0
    """Texts that looked like a tax or social security number and were not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOwners:
    """What the platform knows of an account's owners."""

    account_id: UUID
    told: OwnersTold | None
    """None: unknown, because nobody has asked, or because what was known was deleted."""
    connection_id: UUID | None = None
    """The connection that told; None while unknown."""
    stored_at: datetime | None = None
    """When it was told first as it stands; an unchanged answer later does not move it. None while unknown."""


_LABEL = (
    r"\b(?:ssn|ein|itin|s?tin|tax(?:payer)?[ _-]?(?:id|no|number)?|social security(?: number| no)?|nino|steuer\w*)\b"
)
_TAX_NUMBER = re.compile(
    rf"{_LABEL}\W{{0,3}}(?:[A-Z]{{0,2}}[ -]?)?\d[\d -]{{4,14}}[A-Z]?"
    r"|(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"
    r"|(?<![\d-])\d{2}-\d{7}(?![\d-])",
    re.IGNORECASE,
)
_DIGITS_IN_A_NAME = re.compile(r"\d(?:[ -]?\d){6,}")


def keep_owners(told: Iterable[ProviderOwnerData], *, unreadable_count: int = 0) -> OwnersTold:
    """Return what may be kept of the owners that a provider told, in their order.

    Adapters have no field for tax and social security numbers; this is the second net, for those that an institution
    writes into another field. A text that holds one is left out whole and counted. An owner of whom no name is left
    counts as unreadable.
    """
    kept: list[Owner] = []
    withheld = 0
    for data in told:
        names = tuple(name for name in data.names if not _is_tax_number(name) and not _DIGITS_IN_A_NAME.search(name))
        owner = Owner(
            names=names,
            emails=_without_tax_numbers(data.emails),
            phones=_without_tax_numbers(data.phones),
            addresses=tuple(_clean_address(address) for address in data.addresses),
            is_business=data.is_business,
        )
        withheld += _count_texts(data) - _count_texts(owner)
        if names:
            kept.append(owner)
        else:
            unreadable_count += 1
    return OwnersTold(owners=tuple(kept), unreadable_count=unreadable_count, withheld_count=withheld)


def _is_tax_number(text: str) -> bool:
    return _TAX_NUMBER.search(text) is not None


def _without_tax_numbers(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if not _is_tax_number(text))


def _clean_address(address: OwnerAddress) -> OwnerAddress:
    return replace(
        address,
        lines=_without_tax_numbers(address.lines),
        city=_clean_part(address.city),
        region=_clean_part(address.region),
        postal_code=_clean_part(address.postal_code),
        country=_clean_part(address.country),
    )


def _clean_part(text: str | None) -> str | None:
    return None if text is not None and _is_tax_number(text) else text


def _count_texts(owner: ProviderOwnerData | Owner) -> int:
    parts = sum(
        len(address.lines)
        + sum(part is not None for part in (address.city, address.region, address.postal_code, address.country))
        for address in owner.addresses
    )
    return len(owner.names) + len(owner.emails) + len(owner.phones) + parts
