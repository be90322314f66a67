"""What is a simulated security worth on a given day?"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from random import Random

_CENT = Decimal("0.01")


class SecurityKind(StrEnum):
    """What sort of security it is."""

    EQUITY = "equity"
    ETF = "etf"
    MUTUAL_FUND = "mutual_fund"


@dataclass(frozen=True, slots=True)
class Security:
    """An invented security; `cusip` and `isin` have the right length and belong to nobody."""

    symbol: str
    name: str
    kind: SecurityKind
    cusip: str
    isin: str
    first_price: Decimal
    currency: str = "USD"


SECURITIES = {
    security.symbol: security
    for security in (
        Security(
            "BWTM", "Bursar World Total Market ETF", SecurityKind.ETF, "00BWTM105", "US00BWTM1050", Decimal("102.40")
        ),
        Security("HRBR", "Harbor Robotics Inc", SecurityKind.EQUITY, "00HRBR101", "US00HRBR1010", Decimal("38.15")),
        Security(
            "PLNX",
            "Plainfield Bond Index",
            SecurityKind.MUTUAL_FUND,
            "00PLNX206",
            "US00PLNX2060",
            Decimal("10.72"),
        ),
    )
}
"""Every security of the world by symbol."""


class Market:
    """Closing prices as a random walk, a pure function of the seed and the day."""

    def __init__(self, seed: int, first_day: date) -> None:
        """`first_day` is the day of the first prices; earlier days have the same price."""
        self._first_day = first_day
        self._walks = {symbol: [security.first_price] for symbol, security in SECURITIES.items()}
        # The prices come one by one from these generators, so the walk does not depend on who asks first.
        self._rngs = {symbol: Random(f"{seed}|market|{symbol}") for symbol in SECURITIES}  # noqa: S311

    def price(self, symbol: str, on: date) -> Decimal:
        """The close of a day in the security's currency, two decimals; unknown symbols raise `KeyError`."""
        walk, rng = self._walks[symbol], self._rngs[symbol]
        index = max((on - self._first_day).days, 0)
        while len(walk) <= index:
            on_weekend = (self._first_day + timedelta(days=len(walk))).weekday() >= 5
            step = Decimal(0 if on_weekend else rng.randint(-180, 190)).scaleb(-4)
            walk.append(max((walk[-1] * (1 + step)).quantize(_CENT), _CENT))
        return walk[index]
