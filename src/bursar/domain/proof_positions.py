"""Where among an account's rows does each stated balance stand?

A balance `b` that stands after rows with the sum `s` implies that the account opened with `b - s`. Two balances agree
when they imply the same opening, whatever lies between them; so the best positions are those at which the most
neighbours agree, and among these the ones at which the others disagree the least. That is a shortest path over the
allowed positions; with K of them per balance it costs O(K log K) per balance.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

_Cost: TypeAlias = tuple[int, int, int]
"""Minus the number of agreements, sum of |disagreements|, rows that stand on the unlikely side; smaller is better."""


@dataclass(frozen=True, slots=True)
class Window:
    """The positions that one balance may take: `first`, `first + 1` and so on, one for each implied opening."""

    first: int
    openings: Sequence[int]
    misplaced: Sequence[int]
    """For each position, how many rows it puts on the side that their first sighting makes unlikely."""
    follows: bool
    """True when this balance is known to be younger than the one before it: its position is then not smaller."""


def best_positions(windows: Sequence[Window]) -> list[int]:
    """Return for each window the index of its best opening; exact, for one window the likeliest position."""
    if not windows:
        return []
    costs: list[_Cost] = [(0, 0, misplaced) for misplaced in windows[0].misplaced]
    origins: list[list[int]] = []
    for before, window in pairwise(windows):
        costs, origin = _advance(before, costs, window)
        origins.append(origin)
    index = min(range(len(costs)), key=costs.__getitem__)
    chosen = [index]
    for origin in reversed(origins):
        index = origin[index]
        chosen.append(index)
    chosen.reverse()
    return chosen


def _advance(before: Window, costs: Sequence[_Cost], window: Window) -> tuple[list[_Cost], list[int]]:
    """Return for each position of a window its best cost and the position before it on the way to that cost."""
    reach = _Reach()
    reached: list[_Cost] = []
    origin: list[int] = []
    known = 0
    follows = window.follows and window.first >= before.first
    for index, opening in enumerate(window.openings):
        limit = window.first + index - before.first + 1 if follows else len(costs)
        while known < min(limit, len(costs)):
            reach.add(before.openings[known], costs[known], known)
            known += 1
        (agreements, distance, unlikely), source = reach.best(opening)
        reached.append((agreements, distance, unlikely + window.misplaced[index]))
        origin.append(source)
    return reached, origin


class _Reach:
    """The positions of the previous balance so far, asked for the cheapest way to a given opening."""

    def __init__(self) -> None:
        self._agreeing: dict[int, tuple[_Cost, int]] = {}
        self._agreements = 1
        # Only ways with the most agreements can be the best start of a disagreement. Of these, a way is kept when no
        # other is cheaper even after moving to its opening; between kept ways, the cheapest for an opening is then
        # always the next one to its left or to its right.
        self._openings: list[int] = []
        self._ways: list[tuple[int, int, int]] = []

    def add(self, opening: int, cost: _Cost, index: int) -> None:
        known = self._agreeing.get(opening)
        if known is None or cost < known[0]:
            self._agreeing[opening] = (cost, index)
        agreements, distance, unlikely = cost
        if agreements > self._agreements:
            return
        if agreements < self._agreements:
            self._agreements = agreements
            self._openings.clear()
            self._ways.clear()
        place = bisect_left(self._openings, opening)
        for neighbour in (place - 1, place):
            if 0 <= neighbour < len(self._openings) and self._from(neighbour, opening)[:2] <= (distance, unlikely):
                return
        end = place
        while end < len(self._openings) and (distance + self._openings[end] - opening, unlikely) <= self._ways[end][:2]:
            end += 1
        start = place
        while start and (distance + opening - self._openings[start - 1], unlikely) <= self._ways[start - 1][:2]:
            start -= 1
        self._openings[start:end] = [opening]
        self._ways[start:end] = [(distance, unlikely, index)]

    def best(self, opening: int) -> tuple[_Cost, int]:
        place = bisect_left(self._openings, opening)
        near = [self._from(at, opening) for at in (place - 1, place) if 0 <= at < len(self._openings)]
        distance, unlikely, index = min(near)
        cost, source = (self._agreements, distance, unlikely), index
        same = self._agreeing.get(opening)
        if same is not None:
            (agreements, distance, unlikely), index = same
            cost, source = min((cost, source), ((agreements - 1, distance, unlikely), index))
        return cost, source

    def _from(self, place: int, opening: int) -> tuple[int, int, int]:
        distance, unlikely, index = self._ways[place]
        return distance + abs(opening - self._openings[place]), unlikely, index


def find_subset(amounts: Sequence[int], total: int) -> bool:
    """True when some of the amounts (none and all included) add up to the total; 2 ** len(amounts) steps."""
    sums = {0}
    for amount in amounts:
        sums |= {amount + other for other in sums}
    return total in sums
