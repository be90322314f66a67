"""Which of the movements that each stated balance may hold does it hold, so that the fewest gaps remain?

A balance that holds movements with the sum `s` implies that the account opened with `balance - s`; a segment between
two balances closes when both imply the same opening. The search goes from the last balance, by which nearly all is
settled, back to the first. A state is an opening and the free movements that are held; what an older balance holds of
them is a part of it. Which parts have the sum that the opening asks for is found by meeting in the middle. States cost
their gaps, then the sum of these, then how unlikely their choices are; the cheapest few are kept.

The answer is exact as long as no balance has more than `SUBSET_ROWS` free movements and no more than `STATES` states
are worth keeping. Beyond that it is a good choice, not always the best.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TypeAlias

SUBSET_ROWS = 16
"""Up to how many free movements of one balance every choice is tried."""

STATES = 64
_LIKE = 4
"""How many choices of equal sum are kept of each half."""
_GAP_STATES = 8
_NEAR = 8
"""How many balances ahead are asked for the opening that a gap leads to."""
_FEW = 6

_Held: TypeAlias = frozenset[int]
_Cost: TypeAlias = tuple[int, int, int]
"""Gaps, their sum, unlikely choices."""
_State: TypeAlias = tuple[int, _Held]


@dataclass(frozen=True, slots=True)
class View:
    """One balance, less what it certainly holds."""

    rest: int
    free: Sequence[int]
    """The likeliest first."""
    likely: frozenset[int]
    follows: bool
    """True when it is known to be younger than the one before it, and so holds what that one holds."""

    @property
    def free_set(self) -> frozenset[int]:
        """What it may hold, without an order."""
        return frozenset(self.free)


def choose(views: Sequence[View], amounts: Sequence[int]) -> list[_State]:
    """Return for each balance the opening that it implies and the free movements that it holds."""
    if not views:
        return []
    return _choose_plainly(views, amounts) or _choose_among_all(views, amounts)


def _choose_plainly(views: Sequence[View], amounts: Sequence[int]) -> list[_State] | None:
    """Return one path without a gap, of likely choices where they fit; None when it leads to a gap."""
    held = views[-1].likely
    opening = views[-1].rest - sum(amounts[index] for index in held)
    chosen = [(opening, held)]
    for after, view in pairwise(reversed(views)):
        parts = _Parts(view, _allowed(view, after, held), amounts).of_sum(view.rest - opening)
        if not parts:
            return None
        held = parts[0]
        chosen.append((opening, held))
    return chosen[::-1]


def _choose_among_all(views: Sequence[View], amounts: Sequence[int]) -> list[_State]:
    """Return the path with the fewest gaps of those that are tried."""
    likely = [view.rest - sum(amounts[index] for index in view.likely) for view in views]
    last = len(views) - 1
    states: dict[_State, _Cost] = {}
    source: list[dict[_State, _State]] = [{} for _ in views]
    parts = _Parts(views[last], tuple(views[last].free), amounts)
    for opening, held in parts.propose(likely[max(last - _NEAR, 0) :]):
        states[opening, held] = 0, 0, parts.unlikeliness(held)
    for at in range(last - 1, -1, -1):
        targets = list(dict.fromkeys(likely[max(at - _NEAR, 0) : at + 1]))
        states = _step_back(views[at], views[at + 1], states, targets, amounts, source[at])
    state = min(states, key=states.__getitem__)
    chosen = [state]
    for at in range(last):
        state = source[at][state]
        chosen.append(state)
    return chosen


def _allowed(view: View, after: View, held: _Held) -> tuple[int, ...]:
    """Return the free movements of a balance that the choice for the next one leaves to it."""
    free = tuple(view.free)
    refused = after.free_set - held if free and after.follows else ()
    return tuple(index for index in free if index not in refused) if refused else free


def _step_back(
    view: View,
    after: View,
    states: dict[_State, _Cost],
    targets: Sequence[int],
    amounts: Sequence[int],
    source: dict[_State, _State],
) -> dict[_State, _Cost]:
    """Return the states of a balance, given those of the next one, and note where each comes from."""
    reached: dict[_State, _Cost] = {}
    kinds: dict[tuple[int, ...], _Parts] = {}

    def reach(state: _State, cost: _Cost, origin: _State) -> None:
        known = reached.get(state)
        if known is None or cost < known:
            reached[state] = cost
            source[state] = origin

    ranked = sorted(states.items(), key=lambda item: item[1])[:STATES]
    fewest = ranked[0][1][0]
    is_plain = False
    for rank, (origin, (gaps, total, unlikely)) in enumerate(ranked):
        # One gap more than needed is never better: the best state may still come to it by a gap later.
        if gaps > fewest + 1:
            break
        opening, held = origin
        free = _allowed(view, after, held)
        parts = kinds.get(free)
        if parts is None:
            parts = kinds[free] = _Parts(view, free, amounts)
        for part in parts.of_sum(view.rest - opening):
            reach((opening, part), (gaps, total, unlikely + parts.unlikeliness(part)), origin)
            is_plain = is_plain or (gaps == fewest and parts.is_large and parts.unlikeliness(part) == 0)
        if rank < _GAP_STATES and not is_plain:
            for other, part in parts.propose([*targets, opening]):
                if other != opening:
                    cost = gaps + 1, total + abs(other - opening), unlikely + parts.unlikeliness(part)
                    reach((other, part), cost, origin)
    return reached


class _Parts:
    """All choices among the movements that a balance may hold."""

    def __init__(self, view: View, free: Sequence[int], amounts: Sequence[int]) -> None:
        self._view = view
        self._amounts = amounts
        self._free = free
        self._likely = view.likely.intersection(free)
        self._likely_sum = self._sum(self._likely)
        self.is_large = len(free) > _FEW
        """True when not all choices are tried for their own sake."""
        if len(free) > SUBSET_ROWS:
            # Around the place at which likely ones end are those in doubt; the others are taken as they seem.
            start = min(max(len(self._likely) - SUBSET_ROWS // 2, 0), len(free) - SUBSET_ROWS)
            doubtful = free[start : start + SUBSET_ROWS]
        else:
            doubtful = free
        self._settled = self._likely.difference(doubtful)
        self._settled_sum = self._sum(self._settled)
        self._halves = (doubtful[: len(doubtful) // 2], doubtful[len(doubtful) // 2 :])
        self._tables: tuple[dict[int, list[_Held]], dict[int, list[_Held]]] | None = None
        self._found: dict[int, list[_Held]] = {}

    def unlikeliness(self, held: _Held) -> int:
        """Return how many choices are not the likely ones."""
        return len(held ^ self._view.likely) if held != self._view.likely else 0

    def of_sum(self, total: int) -> list[_Held]:
        """Return choices of a sum, the likeliest first."""
        if not self._free:
            return [frozenset()] if not total else []
        if self.is_large and total == self._likely_sum:
            return [self._likely]
        found = self._found.get(total)
        if found is None:
            found = self._found[total] = self._search(total)
        return found

    def propose(self, openings: Iterable[int]) -> list[_State]:
        """Return states to begin anew with: at these openings, or near them, or as likely."""
        if not self._free:
            return [(self._view.rest, frozenset())]
        found: dict[_State, None] = {(self._view.rest - self._likely_sum, self._likely): None}
        for opening in openings:
            parts = self.of_sum(self._view.rest - opening)
            if not parts:
                parts = self.of_sum(self._nearest(self._view.rest - opening))
            found.update(((self._view.rest - self._sum(part), part), None) for part in parts)
        if not self.is_large:
            for size in range(len(self._free) + 1):
                for part in combinations(self._free, size):
                    found[self._view.rest - self._sum(part), frozenset(part)] = None
        return list(found)

    def _sum(self, held: Iterable[int]) -> int:
        return sum(self._amounts[index] for index in held)

    def _search(self, total: int) -> list[_Held]:
        found: dict[_Held, None] = {}
        left, right = self._both()
        missing = total - self._settled_sum
        for amount, parts in left.items():
            for other in right.get(missing - amount, ()):
                for part in parts:
                    found[self._settled | part | other] = None
        for part in self._runs() if len(self._free) > SUBSET_ROWS else ():
            if part[0] == total:
                found[frozenset(self._free[: part[1]])] = None
        return sorted(found, key=lambda held: (self.unlikeliness(held), sorted(held)))[:STATES]

    def _runs(self) -> list[tuple[int, int]]:
        """Return the sums of the first free movements, none to all, with their number."""
        sums = [(0, 0)]
        for count, index in enumerate(self._free, 1):
            sums.append((sums[-1][0] + self._amounts[index], count))
        return sums

    def _both(self) -> tuple[dict[int, list[_Held]], dict[int, list[_Held]]]:
        if self._tables is None:
            self._tables = self._table(self._halves[0]), self._table(self._halves[1])
        return self._tables

    def _table(self, indices: Sequence[int]) -> dict[int, list[_Held]]:
        """Return the sums of all choices, each with its likeliest ones."""
        likely = self._likely
        ways: dict[int, list[tuple[int, _Held]]] = {0: [(0, frozenset())]}
        for index in indices:
            amount, is_likely = self._amounts[index], index in likely
            grown = {total: [(cost + is_likely, part) for cost, part in parts] for total, parts in ways.items()}
            for total, parts in ways.items():
                more = [(cost + (not is_likely), part | {index}) for cost, part in parts]
                known = grown.get(total + amount)
                if known is None:
                    grown[total + amount] = more
                else:
                    grown[total + amount] = sorted([*known, *more], key=lambda way: way[0])[:_LIKE]
            ways = grown
        return {total: [part for _, part in parts] for total, parts in ways.items()}

    def _nearest(self, total: int) -> int:
        """Return the sum of a choice that is nearest to a total."""
        left, right = self._both()
        others = sorted(right)
        missing = total - self._settled_sum
        best: int | None = None
        for amount in left:
            place = bisect_left(others, missing - amount)
            for other in others[max(place - 1, 0) : place + 1]:
                found = amount + other
                if best is None or (abs(found - missing), found) < (abs(best - missing), best):
                    best = found
        return (best or 0) + self._settled_sum
