"""What of an account's owners goes over the wire?"""

from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from bursar.domain.owners import AccountOwners, Owner, OwnerAddress
from bursar.server.schemas.base import Instant, Out
from bursar.services.owners import OwnersRefreshed


class ReasonBody(BaseModel):
    """Why the provider is asked."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    reason: str | None = None
    """Required; one line of at most 200 characters, kept in the audit trail."""


class OwnerAddressOut(Out):
    """A postal address as the institution keeps it."""

    lines: list[str]
    city: str | None
    region: str | None
    postal_code: str | None
    country: str | None

    @classmethod
    def of(cls, address: OwnerAddress) -> Self:
        """Return the wire form."""
        return cls(
            lines=list(address.lines),
            city=address.city,
            region=address.region,
            postal_code=address.postal_code,
            country=address.country,
        )


class OwnerOut(Out):
    """One owner, as the institution knows them; what it does not tell is empty or null."""

    names: list[str]
    emails: list[str]
    phones: list[str]
    addresses: list[OwnerAddressOut]
    is_business: bool | None

    @classmethod
    def of(cls, owner: Owner) -> Self:
        """Return the wire form."""
        return cls(
            names=list(owner.names),
            emails=list(owner.emails),
            phones=list(owner.phones),
            addresses=[OwnerAddressOut.of(address) for address in owner.addresses],
            is_business=owner.is_business,
        )


class AccountOwnersOut(Out):
    """Who owns an account."""

    account_id: UUID
    owners: list[OwnerOut] | None
    """Null: unknown, nobody has asked or it was deleted since. Empty: the institution has nobody on file."""
    unreadable_count: int | None
    withheld_count: int | None
    """Texts that looked like a tax number and were not kept."""
    connection_id: UUID | None
    stored_at: Instant | None

    @classmethod
    def of(cls, known: AccountOwners) -> Self:
        """Return the wire form."""
        told = known.told
        return cls(
            account_id=known.account_id,
            owners=None if told is None else [OwnerOut.of(owner) for owner in told.owners],
            unreadable_count=None if told is None else told.unreadable_count,
            withheld_count=None if told is None else told.withheld_count,
            connection_id=known.connection_id,
            stored_at=known.stored_at,
        )


class OwnersRefreshedOut(Out):
    """What came of asking the provider; the owners themselves are read with a GET."""

    account_id: UUID
    connection_id: UUID
    owner_count: int
    unreadable_count: int
    withheld_count: int
    is_changed: bool
    stored_at: Instant

    @classmethod
    def of(cls, refreshed: OwnersRefreshed) -> Self:
        """Return the wire form."""
        return cls(
            account_id=refreshed.account_id,
            connection_id=refreshed.connection_id,
            owner_count=refreshed.owner_count,
            unreadable_count=refreshed.unreadable_count,
            withheld_count=refreshed.withheld_count,
            is_changed=refreshed.is_changed,
            stored_at=refreshed.stored_at,
        )
