"""Which opening does each stated balance of an account imply, at its best position among the rows?"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from itertools import accumulate, combinations, pairwise
from uuid import UUID

from bursar.domain.proof_late import LateRow, place_late_rows
from bursar.domain.proof_positions import Window, best_positions, find_subset

UNSTATED_DATE_DAYS = 1
"""How far the true date of a balance may be from the one derived from the instant of reading (unknown zones)."""

POSITIONS = 1000
SUBSET_ROWS = 12
UNCERTAIN_ROWS = 14
BALANCE_LAG = timedelta(days=2)
"""How far a balance that was read with rows may be behind them, or ahead."""
STRAGGLERS = 8
"""At most this many balances in a row may be out of line and still be explained as read in between."""

_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_PAIRED = 16
_TRIALS = 60_000
"""At most this many rows are looked at again to find out whether late rows were back-dated."""

_DAY = timedelta(days=1)
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


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
    read_at: datetime | None = None
    """UTC: when it was read, together with the rows of that moment; None when it was not, or nobody knows."""


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


@dataclass(frozen=True, slots=True)
class Standing:
    """A stated balance at its chosen position; amounts in the ledger's smallest unit."""

    observation: ProofObservation
    balance: int
    position: int
    opening: int
    """The opening of the account that this balance implies; two balances agree when theirs are equal."""


class Ledger:
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

    def standings(self) -> list[Standing]:
        """Return each balance at its best position, equal ones of one day at one position once."""
        balances = [self._whole(seen.balance) for seen in self.observations]
        spans = [self._span(seen) for seen in self.observations]
        windows: list[Window] = []
        for index, (seen, balance, span) in enumerate(zip(self.observations, balances, spans, strict=True)):
            follows = index > 0 and _is_known_order(self.observations[index - 1], seen)
            windows.append(self._window(seen, balance, span, follows=follows))
        standings: list[Standing] = []
        for seen, balance, window, index in zip(
            self.observations, balances, windows, best_positions(windows), strict=True
        ):
            standings.append(Standing(seen, balance, window.first + index, window.openings[index]))
        self._place_late_rows(standings)
        self._explain_stragglers(standings, spans)
        return standings[:1] + [after for before, after in pairwise(standings) if not _is_repeat(before, after)]

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

    def _place_late_rows(self, standings: list[Standing]) -> None:
        """Count rows that were listed after their booking date from where on they fit the balances best."""
        openings = [standing.opening for standing in standings]
        if len(set(openings)) < 2:
            return
        reached = list(accumulate((standing.position for standing in standings), max))
        unread = list(accumulate((_read_at(standing) for standing in reversed(standings)), min))[::-1]
        late: list[LateRow] = []
        for index, (row, amount) in enumerate(zip(self.rows, self.amounts, strict=True)):
            first, last = bisect_right(reached, index), bisect_left(unread, row.first_seen_at)
            if amount and row.outside_since is None and first < last < len(standings):
                late.append(LateRow(amount, first, last))
        for at, opening in enumerate(place_late_rows(openings, late)):
            standings[at] = replace(standings[at], opening=opening)

    def _explain_stragglers(self, standings: list[Standing], spans: Sequence[tuple[int, int]]) -> None:
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

    def _explains(self, standing: Standing, span: tuple[int, int], opening: int) -> bool:
        """True when the balance follows from the opening, all rows before its days, and any choice of theirs.

        Where it was read with rows, also of rows that were listed about then, or were dated before and listed after.
        """
        low, high = span
        amounts = [self.amounts[at] for at in range(low, high) if not _is_outside(self.rows[at], standing.observation)]
        if len(amounts) > SUBSET_ROWS:
            return False
        amounts.extend(self._uncertain(standing.observation, low, high)[: UNCERTAIN_ROWS - len(amounts)])
        return find_subset(amounts, standing.balance - opening - self.sums[low])

    def _uncertain(self, seen: ProofObservation, low: int, high: int) -> list[int]:
        """Return what rows of other days may add to a balance that may be older or younger than the rows."""
        read_at = seen.read_at
        if read_at is None:
            return []
        found: list[tuple[timedelta, int]] = []
        for at, (row, amount) in enumerate(zip(self.rows, self.amounts, strict=True)):
            distance = row.first_seen_at - read_at
            if low <= at < high and not _is_outside(row, seen):
                continue
            if at < low and distance > -BALANCE_LAG:
                found.append((abs(distance), -amount))
            elif at >= low and abs(distance) <= BALANCE_LAG:
                found.append((abs(distance), amount))
        return [amount for _, amount in sorted(found)]


def _read_at(standing: Standing) -> datetime:
    return standing.observation.read_at or _NEVER


def best_reading(rows: Sequence[ProofRow], observations: Sequence[ProofObservation]) -> tuple[Ledger, list[Standing]]:
    """Return the ledger and its standings under the reading of late rows that leaves the fewest gaps."""
    best = _read(rows, observations, frozenset())
    groups = _listed_late(rows, observations) if best.gap_count else []
    if groups and len(rows) < _TRIALS:
        singles = [frozenset((index,)) for group in groups for index in sorted(group)]
        pairs = [one | other for one, other in combinations(singles[:_PAIRED], 2)]
        moves = [*groups, *singles, *groups, *singles, *pairs, *singles]
        trials = _TRIALS // (len(rows) + 1)
        for start in (frozenset[int](), frozenset[int]().union(*groups)):
            if best.gap_count:
                found = _descend(rows, observations, start, moves[:trials])
                best = min(best, found, key=lambda reading: reading.gap_count)
    return best.ledger, best.standings


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the balances say when some of the late rows were back-dated: they count from their sighting on."""

    gap_count: int
    ledger: Ledger
    standings: list[Standing]


def _read(rows: Sequence[ProofRow], observations: Sequence[ProofObservation], back_dated: frozenset[int]) -> _Reading:
    ledger = Ledger(
        (replace(row, outside_since=_EVER) if index in back_dated else row for index, row in enumerate(rows)),
        observations,
    )
    standings = ledger.standings()
    return _Reading(sum(before.opening != after.opening for before, after in pairwise(standings)), ledger, standings)


def _descend(
    rows: Sequence[ProofRow],
    observations: Sequence[ProofObservation],
    start: frozenset[int],
    moves: Sequence[frozenset[int]],
) -> _Reading:
    """Return the best reading that is reached by turning late rows over, each time that it leaves fewer gaps."""
    here, back_dated = _read(rows, observations, start), start
    for move in moves:
        if not here.gap_count:
            break
        found = _read(rows, observations, back_dated ^ move)
        if found.gap_count < here.gap_count:
            here, back_dated = found, back_dated ^ move
    return here


def _listed_late(rows: Sequence[ProofRow], observations: Sequence[ProofObservation]) -> list[frozenset[int]]:
    """Return the rows that are dated before a balance at whose reading they were not listed, by first sighting."""
    read = sorted((seen.read_at, seen.on) for seen in observations if seen.read_at is not None)
    instants = [at for at, _ in read]
    groups: dict[datetime, set[int]] = defaultdict(set)
    for index, row in enumerate(rows):
        before = bisect_left(instants, row.first_seen_at) - 1
        if row.outside_since is None and before >= 0 and row.on <= read[before][1]:
            groups[row.first_seen_at].add(index)
    return [frozenset(groups[at]) for at in sorted(groups)]


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
        if row.outside_since is None:
            placed.append(row)
            continue
        on = row.on if row.outside_since == _EVER else max(row.on, row.outside_since.date() - _DAY)
        if last >= 0 and instants[last] >= row.outside_since:
            on = max(on, read[last].on)
        placed.append(replace(row, on=on))
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


def _is_repeat(before: Standing, after: Standing) -> bool:
    same_day = before.observation.on == after.observation.on
    return same_day and (before.balance, before.position) == (after.balance, after.position)
