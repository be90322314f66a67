"""Do an account's rows explain the balances that its institution stated?

Between two stated balances stands a segment: opening, plus the rows between, against closing. What remains is the gap;
zero means proven. From when on a row counted is not known but bounded (`proof_bounds`); within these bounds the choice
is taken that leaves the fewest gaps, then the smallest, then the likeliest (`proof_choice`). A gap is reported only
when the search finds no choice that avoids it.

Limits, all on the side of no alarm where an explanation exists:
- A missing row that the free rows of those days, or of a balance up to two days behind its rows, explain by coincidence
  is not reported before a balance that they cannot explain.
- Beyond `SUBSET_ROWS` free rows of one balance not all choices are tried, nor are all states kept: there a gap may be
  reported that an untried choice would avoid.
- Missing rows with sum zero between two balances cannot be told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from bursar.domain.accounts import AccountType
from bursar.domain.proof_bounds import ProofObservation, ProofRow
from bursar.domain.proof_ledger import Ledger, Standing
from bursar.domain.vocabulary import Vocabulary

FETCH_MARGIN_DAYS = 5
"""How far before and after a gap to read again: institutions date rows a few days apart from when they book them."""

_DAY = timedelta(days=1)


class ProofStatus(Vocabulary):
    """What is known about the rows of an account, or of a day."""

    PROVEN = "proven"
    """The rows explain the balances on both sides exactly."""
    GAP = "gap"
    """They do not: rows are missing, doubled or wrong."""
    UNPROVEN = "unproven"
    """There is no balance on one side, so that nothing can be said."""
    NOT_APPLICABLE = "not_applicable"
    """The balance moves without rows."""


class ProofReason(Vocabulary):
    """Why an account is unproven as a whole, or cannot be proven."""

    TOO_FEW_BALANCES = "too_few_balances"
    VALUE_MOVES_BY_PRICES = "value_moves_by_prices"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSegment:
    """What lies between two stated balances that follow each other."""

    start_on: date
    end_on: date
    opening: Decimal
    rows_total: Decimal
    closing: Decimal
    gap: Decimal
    """`closing - opening - rows_total`: what rows would have to be added; zero when proven."""
    opening_id: UUID | None = None
    closing_id: UUID | None = None

    @property
    def is_proven(self) -> bool:
        """True when the rows explain the move to the last digit."""
        return not self.gap


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofGap:
    """An amount that the rows of some days fail to explain, and the days to read again for it, both inclusive."""

    start_on: date
    end_on: date
    amount: Decimal
    """Positive when value entered the account without a row, negative when it left."""
    suggested_fetch_start: date
    suggested_fetch_end: date
    opening: Decimal
    closing: Decimal
    opening_id: UUID | None = None
    closing_id: UUID | None = None
    """The two balances that it lies between: it is the same gap as long as these are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofDays:
    """Days with one status, both ends inclusive. A day that a gap touches is `gap`, even where a proof touches it."""

    start_on: date
    end_on: date
    status: ProofStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofTail:
    """What came after the last stated balance: computed, and not proven before the next one."""

    start_on: date
    """The date of the last stated balance."""
    row_count: int
    rows_total: Decimal
    computed_balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceProof:
    """The proof of one account, as far as its stated balances reach."""

    status: ProofStatus
    reason: ProofReason | None = None
    """Why it is `unproven` or `not_applicable`; None otherwise."""
    implied_opening: Decimal | None = None
    """The balance before the oldest row, as the first stated balance implies it: zero or a figure that the holder
    recognises when the history is whole. None without any stated balance."""
    segments: tuple[ProofSegment, ...] = ()
    """Oldest first."""
    gaps: tuple[ProofGap, ...] = ()
    """The segments that do not close, oldest first."""
    days: tuple[ProofDays, ...] = ()
    """Every day from the oldest row or balance to the youngest, oldest first, neighbours with different status."""
    tail: ProofTail | None = None
    """None without any stated balance."""

    def status_on(self, day: date) -> ProofStatus:
        """Return the status of a day; a day outside all rows and balances is unproven."""
        if self.status is ProofStatus.NOT_APPLICABLE:
            return self.status
        found = next((days.status for days in self.days if days.start_on <= day <= days.end_on), None)
        return found or ProofStatus.UNPROVEN


def prove_balances(
    observations: Iterable[ProofObservation], rows: Iterable[ProofRow], *, account_type: AccountType
) -> BalanceProof:
    """Return what the stated balances prove about the rows; the order of the arguments' elements does not matter."""
    if account_type.is_investment():
        return BalanceProof(status=ProofStatus.NOT_APPLICABLE, reason=ProofReason.VALUE_MOVES_BY_PRICES)
    ledger = Ledger(rows, observations)
    standings = ledger.standings()
    segments = tuple(_segment(ledger, before, after) for before, after in pairwise(standings))
    gaps = tuple(_gap(segment) for segment in segments if not segment.is_proven)
    status = ProofStatus.GAP if gaps else ProofStatus.PROVEN if segments else ProofStatus.UNPROVEN
    return BalanceProof(
        status=status,
        reason=None if segments else ProofReason.TOO_FEW_BALANCES,
        implied_opening=ledger.decimal(standings[0].opening) if standings else None,
        segments=segments,
        gaps=gaps,
        days=tuple(_days(ledger, standings, gaps)),
        tail=_tail(ledger, standings[-1]) if standings else None,
    )


def _segment(ledger: Ledger, before: Standing, after: Standing) -> ProofSegment:
    """Return the segment between two balances."""
    gap = after.opening - before.opening
    return ProofSegment(
        start_on=before.observation.on,
        end_on=after.observation.on,
        opening=before.observation.balance,
        rows_total=ledger.decimal(after.balance - before.balance - gap),
        closing=after.observation.balance,
        gap=ledger.decimal(gap),
        opening_id=before.observation.observation_id,
        closing_id=after.observation.observation_id,
    )


def _tail(ledger: Ledger, last: Standing) -> ProofTail:
    """Return what stands after the last balance."""
    rows_total = ledger.total - (last.balance - last.opening)
    return ProofTail(
        start_on=last.observation.on,
        row_count=len(ledger.rows) - last.position,
        rows_total=ledger.decimal(rows_total),
        computed_balance=ledger.decimal(last.balance + rows_total),
    )


def _gap(segment: ProofSegment) -> ProofGap:
    margin = timedelta(days=FETCH_MARGIN_DAYS)
    return ProofGap(
        start_on=segment.start_on,
        end_on=segment.end_on,
        amount=segment.gap,
        suggested_fetch_start=segment.start_on - margin,
        suggested_fetch_end=segment.end_on + margin,
        opening=segment.opening,
        closing=segment.closing,
        opening_id=segment.opening_id,
        closing_id=segment.closing_id,
    )


def _days(ledger: Ledger, standings: Sequence[Standing], gaps: Sequence[ProofGap]) -> list[ProofDays]:
    """Return every day's status as the fewest spans of equal status."""
    known = [*ledger.row_dates[:1], *ledger.row_dates[-1:], *(seen.on for seen in ledger.observations)]
    if not known:
        return []
    spans: list[ProofDays] = []
    cursor = min(known)

    def mark_until(end: date, status: ProofStatus) -> None:
        nonlocal cursor
        if end < cursor:
            return
        if spans and spans[-1].status is status:
            spans[-1] = replace(spans[-1], end_on=end)
        else:
            spans.append(ProofDays(start_on=cursor, end_on=end, status=status))
        cursor = end + _DAY

    if len(standings) > 1:
        mark_until(standings[0].observation.on - _DAY, ProofStatus.UNPROVEN)
        for gap in gaps:
            mark_until(gap.start_on - _DAY, ProofStatus.PROVEN)
            mark_until(gap.end_on, ProofStatus.GAP)
        mark_until(standings[-1].observation.on, ProofStatus.PROVEN)
    mark_until(max(known), ProofStatus.UNPROVEN)
    return spans
