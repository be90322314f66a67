"""What did an institution say that an account held, and when?"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary


class SnapshotSource(Vocabulary):
    """Why a balance was read."""

    ACCOUNT_SYNC = "account_sync"
    HOLDINGS_SYNC = "holdings_sync"
    MANUAL_SYNC = "manual_sync"
    SCHEDULED_SYNC = "scheduled_sync"
    INITIAL_CONNECTION = "initial_connection"

    def is_automated(self) -> bool:
        """True when no person asked for this very reading."""
        return self in (self.ACCOUNT_SYNC, self.HOLDINGS_SYNC, self.SCHEDULED_SYNC)

    def is_user_initiated(self) -> bool:
        """True for the other two."""
        return not self.is_automated()


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceObservation:
    """A balance that a source states, beside the one in the account record (a statement's opening, a history).

    Amounts have the holder's sign: what is owed is negative.
    """

    provider_account_id: str = field(repr=False)
    balance: Decimal
    currency: str
    as_of: datetime | None = None
    """The instant that the source states; None when it gives a date only, or nothing (then now)."""
    on: date | None = None
    """The institution's calendar date that the source states."""
    available_balance: Decimal | None = None
    holdings_value: Decimal | None = None
    cash_value: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSnapshot:
    """A balance as a source stated it, kept for ever and never changed."""

    id: UUID
    account_id: UUID
    sync_run_id: UUID | None
    balance: Decimal
    available_balance: Decimal | None
    holdings_value: Decimal | None
    cash_value: Decimal | None
    currency: str
    source: str
    captured_at: datetime
    """The source's as-of instant where it states one, else when it was read."""
    observed_on: date
    """The institution's calendar date of the balance."""
    date_is_stated: bool
    """True when the source itself names the date."""
