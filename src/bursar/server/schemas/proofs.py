"""What of a balance proof goes over the wire?"""

from datetime import date
from typing import Self
from uuid import UUID

from bursar.domain.gaps import BalanceGap
from bursar.domain.money import format_amount
from bursar.server.schemas.base import Instant, Out, money
from bursar.services.proof import AccountProof


class SegmentOut(Out):
    """What lies between two stated balances: `gap = closing - opening - rows_total`, zero when proven."""

    start_on: date
    end_on: date
    opening: str
    rows_total: str
    closing: str
    gap: str
    is_proven: bool


class GapOut(Out):
    """An amount that the rows fail to explain, and the days to read again for it."""

    start_on: date
    end_on: date
    amount: str
    suggested_fetch_start: date
    suggested_fetch_end: date


class BalanceGapOut(Out):
    """A gap that is kept: it has one id from the day it is found, and says when and why it closed."""

    id: UUID
    account_id: UUID
    opening_id: UUID
    closing_id: UUID
    start_on: date
    end_on: date
    amount: str
    currency: str
    opening_balance: str
    closing_balance: str
    suggested_fetch_start: date
    suggested_fetch_end: date
    is_open: bool
    found_at: Instant
    changed_at: Instant
    closed_at: Instant | None
    closed_by: str | None

    @classmethod
    def of(cls, gap: BalanceGap) -> Self:
        """Return the wire form."""
        return cls(
            id=gap.id,
            account_id=gap.account_id,
            opening_id=gap.opening_id,
            closing_id=gap.closing_id,
            start_on=gap.start_on,
            end_on=gap.end_on,
            amount=format_amount(gap.amount, gap.currency),
            currency=gap.currency,
            opening_balance=format_amount(gap.opening_balance, gap.currency),
            closing_balance=format_amount(gap.closing_balance, gap.currency),
            suggested_fetch_start=gap.suggested_fetch_start,
            suggested_fetch_end=gap.suggested_fetch_end,
            is_open=gap.closed_at is None,
            found_at=gap.found_at,
            changed_at=gap.changed_at,
            closed_at=gap.closed_at,
            closed_by=gap.closed_by,
        )


class DaysOut(Out):
    """Days with one status, both ends inclusive."""

    start_on: date
    end_on: date
    status: str


class TailOut(Out):
    """What came after the last stated balance: computed, not proven."""

    start_on: date
    row_count: int
    rows_total: str
    computed_balance: str


class ProofOut(Out):
    """Whether the rows of an account explain what its institution says that it holds."""

    account_id: UUID
    account_name: str
    currency: str
    status: str
    reason: str | None
    implied_opening: str | None
    segments: list[SegmentOut]
    gaps: list[GapOut]
    days: list[DaysOut]
    tail: TailOut | None

    @classmethod
    def of(cls, proven: AccountProof) -> Self:
        """Return the wire form."""
        proof, currency = proven.proof, proven.account.currency
        return cls(
            account_id=proven.account.id,
            account_name=proven.account.name,
            currency=currency,
            status=proof.status.value,
            reason=proof.reason.value if proof.reason is not None else None,
            implied_opening=money(proof.implied_opening, currency),
            segments=[
                SegmentOut(
                    start_on=each.start_on,
                    end_on=each.end_on,
                    opening=format_amount(each.opening, currency),
                    rows_total=format_amount(each.rows_total, currency),
                    closing=format_amount(each.closing, currency),
                    gap=format_amount(each.gap, currency),
                    is_proven=each.is_proven,
                )
                for each in proof.segments
            ],
            gaps=[
                GapOut(
                    start_on=each.start_on,
                    end_on=each.end_on,
                    amount=format_amount(each.amount, currency),
                    suggested_fetch_start=each.suggested_fetch_start,
                    suggested_fetch_end=each.suggested_fetch_end,
                )
                for each in proof.gaps
            ],
            days=[DaysOut(start_on=each.start_on, end_on=each.end_on, status=each.status.value) for each in proof.days],
            tail=None
            if proof.tail is None
            else TailOut(
                start_on=proof.tail.start_on,
                row_count=proof.tail.row_count,
                rows_total=format_amount(proof.tail.rows_total, currency),
                computed_balance=format_amount(proof.tail.computed_balance, currency),
            ),
        )
