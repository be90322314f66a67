"""Which stated balances must hold a movement of an account, which may, and which cannot?

When a movement began to count at the institution is not known, but bounded. Not before its booking day. Not while a
reading still told that it did not count. Not after the reading that first told that it does, for a balance that was
true then. A row that is new in a list, though dated before an earlier reading, was late or back-dated: nobody says
which, so that each balance in between may hold it or not.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import TypeVar
from uuid import UUID

UNSTATED_DATE_DAYS = 1
"""How far the true date of a balance may be from the one derived from the instant of reading (unknown zones)."""

HISTORY_ROWS = 60
"""A reading with more rows than this that are older than earlier readings delivers history, in which nothing is late:
each row counts from its booking day on."""

BACKDATED_DAYS = 10
"""By how much a row may be dated before the day on which it begins to count."""

_BACKDATED = timedelta(days=BACKDATED_DAYS)
_NEVER = datetime.max.replace(tzinfo=UTC)
_EVER = datetime.min.replace(tzinfo=UTC)
_DAY = timedelta(days=1)
_Moment = TypeVar("_Moment", date, datetime)


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
    is_alone: bool = False
    """True when its reading failed, so that rows may have come and gone that it holds and that nobody was told."""


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
    """When it was first told and did not count yet (a pending row, a row before its change); None when it was new.
    No balance of that moment or before holds it, whatever its booking date says; one that was read later may."""
    taken_back_at: datetime | None = None
    """When a later movement of the same row was seen that is its opposite. An old list makes a row look removed or
    changed, and then as it was again: until then it may never have happened."""


@dataclass(slots=True)
class Holding:
    """What one stated balance holds, in the ledger's smallest unit."""

    certain: int = 0
    """The sum of what it must hold."""
    certain_count: int = 0
    free: list[int] = field(default_factory=list[int])
    """The movements, by index, that it may hold, the likeliest first."""
    likely: set[int] = field(default_factory=set[int])
    """Those of the free ones that it probably holds."""


def bound(
    rows: Sequence[ProofRow], amounts: Sequence[int], observations: Sequence[ProofObservation], lag: timedelta
) -> list[Holding]:
    """Return what each balance holds. `lag` is how far balances may be from the rows that were read with them."""
    return _Bounds(rows, observations, lag).holdings(amounts)


@dataclass(slots=True)
class _Doubt:
    """Where it is in question whether balances hold a movement: before the `last`, all later ones do."""

    last: int
    certain: list[int] = field(default_factory=list[int])
    free: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])
    """Which balances may hold it, and whether each probably does."""


class _Bounds:
    def __init__(self, rows: Sequence[ProofRow], observations: Sequence[ProofObservation], lag: timedelta) -> None:
        self._rows = rows
        self._observations = observations
        self._lag = lag
        self._slacks = [
            timedelta(0) if seen.date_is_stated else timedelta(days=UNSTATED_DATE_DAYS) for seen in observations
        ]
        self._days = [seen.on for seen in observations]
        # From which balance on do all younger ones agree? These are the least values of all that follow, in order.
        pairs = list(zip(observations, self._slacks, strict=True))
        self._earliest = _least([seen.on - slack for seen, slack in pairs])
        self._latest = _least([seen.on + slack for seen, slack in pairs])
        self._read = _least([seen.read_at or _NEVER for seen in observations])
        self._told = _least([seen.read_at or seen.observed_at for seen in observations])
        self._true = _least([seen.observed_at if seen.read_at else _EVER for seen in observations])
        self._true_or_unread = _least([seen.observed_at if seen.read_at else _NEVER for seen in observations])
        known = sorted((seen.read_at, max(seen.on, seen.read_at.date())) for seen in observations if seen.read_at)
        self._readings = [at for at, _ in known]
        self._reached = list(accumulate((on for _, on in known), max))
        self._late = [self._is_late(row) for row in rows]
        crowd = Counter(row.first_seen_at for row, is_late in zip(rows, self._late, strict=True) if is_late)
        self._history = {at for at, count in crowd.items() if count > HISTORY_ROWS}

    def holdings(self, amounts: Sequence[int]) -> list[Holding]:
        found = [Holding() for _ in self._observations]
        begins = [0] * (len(found) + 1)
        counts = [0] * (len(found) + 1)
        # Rows of one day that one reading brought are alike.
        known: dict[tuple[date, datetime, datetime | None, datetime | None], _Doubt] = {}
        for index, (row, amount) in enumerate(zip(self._rows, amounts, strict=True)):
            kind = row.on, row.first_seen_at, row.outside_since, row.taken_back_at
            doubt = known.get(kind)
            if doubt is None:
                doubt = known[kind] = self._doubt(index)
            begins[doubt.last] += amount
            counts[doubt.last] += 1
            for at in doubt.certain:
                found[at].certain += amount
                found[at].certain_count += 1
            for at, is_likely in doubt.free if amount else ():
                found[at].free.append(index)
                if is_likely:
                    found[at].likely.add(index)
        for holding, begun, count in zip(found, accumulate(begins), accumulate(counts), strict=False):
            holding.certain += begun
            holding.certain_count += count
            holding.free.sort(key=lambda index: (index not in holding.likely, self._rows[index].first_seen_at, index))
        return found

    def _doubt(self, index: int) -> "_Doubt":
        row = self._rows[index]
        first, last = self._doubtful(index)
        doubt = _Doubt(last)
        for at in range(first, last):
            holds = self._holds(index, at)
            if holds:
                doubt.certain.append(at)
            elif holds is None:
                doubt.free.append((at, self._is_likely(row, self._observations[at])))
        return doubt

    def _is_late(self, row: ProofRow) -> bool:
        """True when the row is dated before a reading that did not list it yet."""
        before = bisect_left(self._readings, row.first_seen_at) - 1
        return row.outside_since is None and before >= 0 and row.on <= self._reached[before]

    def _doubtful(self, index: int) -> tuple[int, int]:
        """Return between which two balances each has to be looked at: none before holds the row, all after do."""
        row = self._rows[index]
        at = row.first_seen_at + self._lag
        dated = bisect_right(self._earliest, row.on + timedelta(days=self._lag.days))
        seen = max(bisect_left(self._true, at), bisect_left(self._latest, row.on))
        if not self._is_history(row):
            dated = max(dated, bisect_right(self._earliest, row.on + _BACKDATED))
        if self._is_open(index):
            dated = max(dated, bisect_left(self._true_or_unread, at))
        told = self._read if row.outside_since is None else self._told
        listed = 0 if self._is_history(row) else bisect_left(told, row.first_seen_at)
        last = max(listed, min(dated, seen))
        if row.taken_back_at is not None:
            last = max(last, bisect_left(self._true_or_unread, row.taken_back_at))
        first = min(bisect_left(self._days, row.on - _DAY), bisect_left(self._true, row.first_seen_at))
        return min(first, last), last

    def _is_open(self, index: int) -> bool:
        """True when the booking date does not tell from when on a movement counted."""
        row = self._rows[index]
        return row.outside_since is not None or (self._late[index] and not self._is_history(row))

    def _is_history(self, row: ProofRow) -> bool:
        return row.outside_since is None and row.first_seen_at in self._history

    def _holds(self, index: int, at: int) -> bool | None:
        """Return whether a balance holds a movement; None when it may."""
        row, seen = self._rows[index], self._observations[at]
        holds = self._holds_unless_taken_back(index, at)
        return None if holds and row.taken_back_at is not None and seen.observed_at < row.taken_back_at else holds

    def _holds_unless_taken_back(self, index: int, at: int) -> bool | None:
        row, seen, slack = self._rows[index], self._observations[at], self._slacks[at]
        lag = timedelta(0) if seen.read_at is None else self._lag
        is_dated_later = row.on > seen.on + slack
        if row.outside_since is not None:
            told = seen.read_at or seen.observed_at
            if min(told, seen.observed_at) <= row.outside_since - lag:
                return False
            if told < row.first_seen_at:
                return False if is_dated_later else None
        elif seen.read_at is not None and seen.read_at < row.first_seen_at and not self._is_history(row):
            return False if is_dated_later else None
        was_told = seen.read_at is not None and seen.observed_at >= row.first_seen_at
        if is_dated_later:
            return None if was_told else False
        if was_told and seen.observed_at >= row.first_seen_at + lag:
            return True
        if row.on >= seen.on - slack - timedelta(days=lag.days):
            return None
        if self._is_open(index) and seen.read_at is not None:
            return None
        return None if self._is_behind(seen, row) else True

    def _is_behind(self, seen: ProofObservation, row: ProofRow) -> bool:
        """True when a balance is older than the reading that brought it and the row, which may be dated back."""
        return (
            seen.read_at is not None
            and seen.observed_at < row.first_seen_at <= seen.read_at
            and seen.read_at - seen.observed_at <= _BACKDATED
            and row.on >= seen.on - _BACKDATED
        )

    def _is_likely(self, row: ProofRow, seen: ProofObservation) -> bool:
        if row.first_seen_at <= seen.observed_at:
            return True
        return row.outside_since is None and row.on < seen.on and seen.read_at is not None


def _least(values: "list[_Moment]") -> "list[_Moment]":
    """Return for each value the least of it and all that follow."""
    return list(accumulate(reversed(values), min))[::-1]
