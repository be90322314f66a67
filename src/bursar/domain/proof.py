"""Do an account's rows explain the balances that its institution stated?

Between two stated balances stands a segment: opening, plus the rows between, against closing. What remains is the gap;
zero means proven. A balance of a day may have been read before, between or after that day's rows, so its position among
them is not known: positions are chosen so that as many segments as possible close, then so that the gaps that remain
are smallest, then as the rows' first sightings suggest. A gap is reported only when no such choice avoids it.

Limits, all on the side of a gap that is shown and later goes away, or within one day:
- On the days on which a balance may stand, positions run through the rows in the order of first sighting. Where a late
  row breaks that order, a balance out of line between two that agree is accepted when any choice of at most
  `SUBSET_ROWS` rows of those days explains it; with more rows, or before the next balance is known, it is a gap.
- A row that was never seen pending, and is booked later with a date before an older balance, is a gap there and an
  opposite one after, unless the balance knew it already (a late row).
- Of more than `POSITIONS` possible positions (a day of that many rows), the likeliest are tried.
- A missing row and a present one of equal amount on such days, or missing rows with sum zero, cannot be told.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from itertools import accumulate, pairwise
from uuid import UUID

from bursar.domain.accounts import AccountType
from bursar.domain.proof_positions import Window, best_positions, find_subset
from bursar.domain.vocabulary import Vocabulary

FETCH_MARGIN_DAYS = 5
"""How far before and after a gap to read again: institutions date rows a few days apart from when they book them."""

UNSTATED_DATE_DAYS = 1
"""How far the true date of a balance may be from the one derived from the instant of reading (unknown zones)."""

POSITIONS = 1000
SUBSET_ROWS = 12
STRAGGLERS = 8
"""At most this many balances in a row may be out of line and still be explained as read in between."""

_DAY = timedelta(days=1)
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


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
class ProofObservation:
    """A ledger balance that was stated for the account, in its currency and with the holder's sign."""

    observed_at: datetime
    """UTC: when the source says that it was true, else when it was read."""
    on: date
    """The institution's calendar date."""
    date_is_stated: bool
    """False when `on` was derived from the instant of reading; it may then be a day off."""
    balance: Decimal
    observation_id: UUID | None = None
    """Under which id it is kept; None when it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRow:
    """A movement of the account's ledger balance, in its currency.

    That is a settled row; and where the institution changed, cancelled or took back a row that had counted already,
    one more movement of the difference, from the moment at which that was seen. Pending rows take no part.
    """

    transaction_id: UUID
    on: date
    """The booking date."""
    amount: Decimal
    first_seen_at: datetime
    """When the movement was first seen to count."""
    outside_since: datetime | None = None
    """From when on it was known not to count yet (a pending row, a row before its change); None when it was new.
    No balance read between this moment and `first_seen_at` holds it, whatever its booking date says."""


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
    ledger = _Ledger(rows, observations)
    standings = ledger.standings()
    segments = tuple(ledger.segment(before, after) for before, after in pairwise(standings))
    gaps = tuple(_gap(segment) for segment in segments if not segment.is_proven)
    status = ProofStatus.GAP if gaps else ProofStatus.PROVEN if segments else ProofStatus.UNPROVEN
    return BalanceProof(
        status=status,
        reason=None if segments else ProofReason.TOO_FEW_BALANCES,
        implied_opening=ledger.decimal(standings[0].opening) if standings else None,
        segments=segments,
        gaps=gaps,
        days=tuple(_days(ledger, standings, gaps)),
        tail=ledger.tail(standings[-1]) if standings else None,
    )


@dataclass(frozen=True, slots=True)
class _Standing:
    """A stated balance at its chosen position; amounts in the ledger's smallest unit."""

    observation: ProofObservation
    balance: int
    position: int
    opening: int
    """The opening of the account that this balance implies; two balances agree when theirs are equal."""


class _Ledger:
    """The rows and stated balances of one account in order, as whole numbers of the smallest unit in use."""

    def __init__(self, rows: Iterable[ProofRow], observations: Iterable[ProofObservation]) -> None:
        self.observations = sorted(observations, key=lambda seen: (seen.on, seen.observed_at, seen.balance))
        self.rows = sorted(
            _from_when_it_counts(rows, self.observations),
            key=lambda row: (row.on, row.first_seen_at, row.transaction_id, row.amount),
        )
        numbers = [row.amount for row in self.rows] + [seen.balance for seen in self.observations]
        self._places = max((_places(number) for number in numbers), default=0)
        self.row_dates = [row.on for row in self.rows]
        self.amounts = [self._whole(row.amount) for row in self.rows]
        self.sums = [0, *accumulate(self.amounts)]

    def standings(self) -> list[_Standing]:
        """Return each balance at its best position, equal ones of one day at one position once."""
        balances = [self._whole(seen.balance) for seen in self.observations]
        spans = [self._span(seen) for seen in self.observations]
        windows: list[Window] = []
        for index, (seen, balance, span) in enumerate(zip(self.observations, balances, spans, strict=True)):
            follows = index > 0 and _is_known_order(self.observations[index - 1], seen)
            windows.append(self._window(seen, balance, span, follows=follows))
        standings: list[_Standing] = []
        for seen, balance, window, index in zip(
            self.observations, balances, windows, best_positions(windows), strict=True
        ):
            standings.append(_Standing(seen, balance, window.first + index, window.openings[index]))
        self._explain_stragglers(standings, spans)
        return standings[:1] + [after for before, after in pairwise(standings) if not _is_repeat(before, after)]

    def segment(self, before: _Standing, after: _Standing) -> ProofSegment:
        """Return the segment between two balances."""
        gap = after.opening - before.opening
        return ProofSegment(
            start_on=before.observation.on,
            end_on=after.observation.on,
            opening=before.observation.balance,
            rows_total=self.decimal(after.balance - before.balance - gap),
            closing=after.observation.balance,
            gap=self.decimal(gap),
            opening_id=before.observation.observation_id,
            closing_id=after.observation.observation_id,
        )

    def tail(self, last: _Standing) -> ProofTail:
        """Return what stands after the last balance."""
        rows_total = self.sums[-1] - (last.balance - last.opening)
        return ProofTail(
            start_on=last.observation.on,
            row_count=len(self.rows) - last.position,
            rows_total=self.decimal(rows_total),
            computed_balance=self.decimal(last.balance + rows_total),
        )

    def decimal(self, whole: int) -> Decimal:
        """Return a whole number of smallest units as the amount that it is."""
        return Decimal(whole).scaleb(-self._places, _EXACT)

    def _whole(self, amount: Decimal) -> int:
        return int(amount.scaleb(self._places, _EXACT))

    def _span(self, seen: ProofObservation) -> tuple[int, int]:
        """Return the smallest and the greatest position that the balance's date allows."""
        margin = timedelta(days=0 if seen.date_is_stated else UNSTATED_DATE_DAYS)
        return bisect_left(self.row_dates, seen.on - margin), bisect_right(self.row_dates, seen.on + margin)

    def _window(self, seen: ProofObservation, balance: int, span: tuple[int, int], *, follows: bool) -> Window:
        low, high = span
        high = next((at for at in range(low, high) if _is_outside(self.rows[at], seen)), high)
        was_seen = [row.first_seen_at <= seen.observed_at for row in self.rows[low:high]]
        misplaced = list(accumulate((-1 if known else 1 for known in was_seen), initial=sum(was_seen)))
        if len(misplaced) > POSITIONS:
            likeliest = misplaced.index(min(misplaced))
            start = min(max(likeliest - POSITIONS // 2, 0), len(misplaced) - POSITIONS)
            misplaced = misplaced[start : start + POSITIONS]
            low += start
        openings = [balance - total for total in self.sums[low : low + len(misplaced)]]
        return Window(low, openings, misplaced, follows)

    def _explain_stragglers(self, standings: list[_Standing], spans: Sequence[tuple[int, int]]) -> None:
        """Put balances that stand alone against equal openings on both sides in line, where some rows explain them."""
        index = 1
        while index < len(standings) - 1:
            opening = standings[index - 1].opening
            end = index
            while end < len(standings) and end - index < STRAGGLERS and standings[end].opening != opening:
                end += 1
            is_closed = index < end < len(standings) and standings[end].opening == opening
            if is_closed and all(self._explains(standings[at], spans[at], opening) for at in range(index, end)):
                for at in range(index, end):
                    standings[at] = replace(standings[at], opening=opening)
            index = end if is_closed else index + 1

    def _explains(self, standing: _Standing, span: tuple[int, int], opening: int) -> bool:
        """True when the balance follows from the opening, all rows before its days, and any choice of theirs."""
        low, high = span
        amounts = [self.amounts[at] for at in range(low, high) if not _is_outside(self.rows[at], standing.observation)]
        return len(amounts) <= SUBSET_ROWS and find_subset(amounts, standing.balance - opening - self.sums[low])


def _is_outside(row: ProofRow, seen: ProofObservation) -> bool:
    """True when the balance is known not to hold the row."""
    return row.outside_since is not None and row.outside_since <= seen.observed_at < row.first_seen_at


def _from_when_it_counts(rows: Iterable[ProofRow], observations: Sequence[ProofObservation]) -> list[ProofRow]:
    """Return the rows, each dated no earlier than the last balance that is known not to hold it."""
    read = sorted(observations, key=lambda seen: seen.observed_at)
    instants = [seen.observed_at for seen in read]
    placed: list[ProofRow] = []
    for row in rows:
        last = bisect_left(instants, row.first_seen_at) - 1
        if row.outside_since is None or last < 0 or instants[last] < row.outside_since or read[last].on <= row.on:
            placed.append(row)
        else:
            placed.append(replace(row, on=read[last].on))
    return placed


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _is_known_order(before: ProofObservation, after: ProofObservation) -> bool:
    """True when the instants tell which balance is younger.

    They do not where a statement was read days later, nor between a stated and a derived date, which may be off.
    """
    return (
        before.date_is_stated == after.date_is_stated
        and before.observed_at <= after.observed_at
        and all(abs((seen.observed_at.date() - seen.on).days) <= 1 for seen in (before, after))
    )


def _is_repeat(before: _Standing, after: _Standing) -> bool:
    same_day = before.observation.on == after.observation.on
    return same_day and (before.balance, before.position) == (after.balance, after.position)


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


def _days(ledger: _Ledger, standings: Sequence[_Standing], gaps: Sequence[ProofGap]) -> list[ProofDays]:
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
