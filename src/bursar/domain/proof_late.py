"""From when on does a row count that was listed after its booking date?

A row that is new in a list and dated before balances that were read already was either late (booked then, and in those
balances) or back-dated (booked now, under an older date). Its source does not say which: the balances do. A late row
counts from its booking date on; it counts from a younger balance on where fewer disagreements remain then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

SUBSET_ROWS = 12
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class LateRow:
    """A row whose beginning is not known."""

    amount: int
    first: int
    """The first balance, by index, that its booking date puts behind it."""
    last: int
    """The first balance that was read together with it; `first < last`."""


def place_late_rows(openings: Sequence[int], late: Sequence[LateRow]) -> list[int]:
    """Return the openings that the balances imply when late rows count from where they fit best.

    Rows are moved only where that makes disagreements fewer. One that is older than every balance is moved to the
    balance that was read together with it, or not at all: nothing else speaks for another place.
    """
    placed = list(openings)
    left = list(late)
    for _ in range(_ROUNDS):
        steps = [after - before for before, after in pairwise(placed)]
        best: tuple[int, int, list[LateRow], int] | None = None
        for at, step in enumerate(steps, 1):
            if step:
                best = _better(best, _best_choice(steps, at, left), at)
        if best is None:
            return placed
        _, _, rows, at = best
        for row in rows:
            left.remove(row)
            for index in range(row.first, at):
                placed[index] += row.amount
    return placed


def _better(
    best: tuple[int, int, list[LateRow], int] | None, found: tuple[int, list[LateRow]] | None, at: int
) -> tuple[int, int, list[LateRow], int] | None:
    if found is None or (best is not None and (found[0], len(found[1])) >= best[:2]):
        return best
    return found[0], len(found[1]), found[1], at


def _best_choice(steps: Sequence[int], at: int, late: Sequence[LateRow]) -> tuple[int, list[LateRow]] | None:
    """Return the rows to count from balance `at` on, and by how many that changes the disagreements (negative)."""
    nearby = [row for row in late if row.first < at <= row.last and (row.last == at or row.first)]
    nearby.sort(key=lambda row: (row.last != at, steps[row.first - 1] != -row.amount if row.first else False))
    best: tuple[int, list[LateRow]] | None = None
    for size in range(1, min(len(nearby), SUBSET_ROWS) + 1):
        for rows in combinations(nearby[:SUBSET_ROWS] if size > 1 else nearby, size):
            change = _change(steps, at, rows)
            if change < (best[0] if best is not None else 0):
                best = change, list(rows)
    return best


def _change(steps: Sequence[int], at: int, rows: Sequence[LateRow]) -> int:
    """Return by how many the steps that are not zero become more when rows count from balance `at` on only."""
    moved = {at: steps[at - 1]}
    for row in rows:
        moved[at] -= row.amount
        if row.first:
            moved[row.first] = moved.get(row.first, steps[row.first - 1]) + row.amount
    if not all(row.first for row in rows) and moved[at]:
        return 0
    return sum(bool(step) - bool(steps[index - 1]) for index, step in moved.items())
