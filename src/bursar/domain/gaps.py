"""What is a balance gap once it is kept: found at one time, changed at another, closed for a reason?"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary


class GapEnd(Vocabulary):
    """Why a gap is no longer open."""

    EXPLAINED = "explained"
    """The rows explain the balances now."""
    REPLACED = "replaced"
    """Other gaps stand in its days: a further balance tells more closely where the amount is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceGap:
    """An amount that the rows between two stated balances fail to explain.

    It keeps its id as long as it stands between the same two balances, also when its amount changes.
    """

    id: UUID
    account_id: UUID
    opening_id: UUID
    """The stated balance before it."""
    closing_id: UUID
    """The stated balance after it."""
    start_on: date
    end_on: date
    """Inclusive, as are all its dates, in the institution's calendar."""
    amount: Decimal
    """Positive when value entered the account without a row, negative when it left."""
    currency: str
    opening_balance: Decimal
    closing_balance: Decimal
    suggested_fetch_start: date
    suggested_fetch_end: date
    found_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    """A `GapEnd`; None while it is open."""
