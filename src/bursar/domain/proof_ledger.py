"""Which opening does each stated balance of an account imply, when it holds the rows that explain most?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from itertools import pairwise

from bursar.domain.proof_bounds import Holding, ProofObservation, ProofRow, bound
from bursar.domain.proof_choice import View, choose

BALANCE_LAG = timedelta(days=2)
"""How far a balance may be behind the rows that were read with it, or ahead, when that explains more."""

EXCURSION_BALANCES = 3
"""How many balances in a row may disagree without a gap when those before and after them agree with each other."""

_TOGETHER = timedelta(0)
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


@dataclass(frozen=True, slots=True)
class Standing:
    """A stated balance and what it holds; amounts in the ledger's smallest unit."""

    observation: ProofObservation
    balance: int
    position: int
    """How many of the movements it holds."""
    opening: int
    """The opening of the account that this balance implies; two balances agree when theirs are equal."""


class Ledger:
    """The rows and stated balances of one account in order, as whole numbers of the smallest unit in use."""

    def __init__(self, rows: Iterable[ProofRow], observations: Iterable[ProofObservation]) -> None:
        self.observations = sorted(
            observations, key=lambda seen: (seen.on, seen.observed_at, seen.balance, seen.date_is_stated)
        )
        self.rows = sorted(rows, key=lambda row: (row.on, row.first_seen_at, row.transaction_id, row.amount))
        numbers = [row.amount for row in self.rows] + [seen.balance for seen in self.observations]
        self._places = max((_places(number) for number in numbers), default=0)
        self.row_dates = [row.on for row in self.rows]
        self.amounts = [self._whole(row.amount) for row in self.rows]
        self.total = sum(self.amounts)

    def standings(self) -> list[Standing]:
        """Return each balance with what it holds, equal ones of one day that hold the same once.

        Balances whose reading failed are left out where they leave more gaps. Balances that are only explained as
        read up to `BALANCE_LAG` before or after their rows are explained so.
        """
        found = self._read(self.observations, _TOGETHER)
        if _gap_count(found):
            told = [seen for seen in self.observations if not seen.is_alone]
            if len(told) < len(self.observations):
                found = min(found, self._read(told, _TOGETHER), key=_gap_count)
            if _gap_count(found):
                found = min(found, self._read(told, BALANCE_LAG), key=_gap_count)
        return found[:1] + [after for before, after in pairwise(found) if not _is_repeat(before, after)]

    def decimal(self, whole: int) -> Decimal:
        """Return a whole number of smallest units as the amount that it is."""
        return Decimal(whole).scaleb(-self._places, _EXACT)

    def _whole(self, amount: Decimal) -> int:
        return int(amount.scaleb(self._places, _EXACT))

    def _read(self, observations: Sequence[ProofObservation], lag: timedelta) -> list[Standing]:
        balances = [self._whole(seen.balance) for seen in observations]
        holdings = bound(self.rows, self.amounts, observations, lag)
        follows = [
            index > 0 and _is_known_order(observations[index - 1], seen, lag) for index, seen in enumerate(observations)
        ]
        views = [
            View(balance - holding.certain, holding.free, frozenset(holding.likely), is_younger)
            for balance, holding, is_younger in zip(balances, holdings, follows, strict=True)
        ]
        return _without_excursions(_standings(observations, balances, holdings, choose(views, self.amounts)))


def _standings(
    observations: Sequence[ProofObservation],
    balances: Sequence[int],
    holdings: Sequence[Holding],
    chosen: Sequence[tuple[int, frozenset[int]]],
) -> list[Standing]:
    return [
        Standing(seen, balance, holding.certain_count + len(held), opening)
        for seen, balance, holding, (opening, held) in zip(observations, balances, holdings, chosen, strict=True)
    ]


def _without_excursions(standings: Sequence[Standing]) -> list[Standing]:
    """Leave out read balances that disagree where those before and after agree with each other.

    Between the two that agree nothing is missing: what lies between is an old figure, or a row came and went untold.
    """
    kept: list[Standing] = []
    at = 0
    while at < len(standings):
        kept.append(standings[at])
        at += 1
        ahead = standings[at : at + EXCURSION_BALANCES + 1]
        back = next((place for place, each in enumerate(ahead) if each.opening == kept[-1].opening), 0)
        if all(each.observation.read_at is not None for each in ahead[:back]):
            at += back
    return kept


def _gap_count(standings: Sequence[Standing]) -> int:
    return sum(before.opening != after.opening for before, after in pairwise(standings))


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _is_known_order(before: ProofObservation, after: ProofObservation, lag: timedelta) -> bool:
    """True when the instants tell which balance is younger.

    They do not where a statement was read days later, nor between a stated and a derived date, which may be off, nor
    where the younger one may be behind its rows by more than what lies between.
    """
    apart = timedelta(0) if after.read_at is None else lag
    return (
        before.date_is_stated == after.date_is_stated
        and before.observed_at + apart <= after.observed_at
        and all(abs((seen.observed_at.date() - seen.on).days) <= 1 for seen in (before, after))
    )


def _is_repeat(before: Standing, after: Standing) -> bool:
    same_day = before.observation.on == after.observation.on
    return same_day and (before.balance, before.position) == (after.balance, after.position)
