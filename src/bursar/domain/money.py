"""What is an amount of money, exactly?"""

import re
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from typing import Self

from bursar.domain.currencies import MINOR_UNITS

MAX_DIGITS = 30
"""Digits and exponents beyond this are refused: no account holds them, and they are a way to exhaust memory."""

# Decimal alone also reads `1_000`, ` 12 `, `1E3` and digits of other scripts, which no source means to say.
_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")

_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


class MoneyError(ValueError):
    """The base of what can be wrong with an amount."""


class UnknownCurrencyError(MoneyError):
    """The code is not in ISO 4217; crypto units are quantities of an asset, not currencies."""


class CurrencyMismatchError(MoneyError):
    """Two currencies met in one operation; convert one of them first, with a rate that you can name."""


class AmountError(MoneyError):
    """The number is not finite, or has more digits than any amount has."""


def is_currency(code: str) -> bool:
    """True for an upper-case ISO 4217 alphabetic code; withdrawn ones count, because old statements use them."""
    return code in MINOR_UNITS


def minor_units(currency: str) -> int:
    """Return the number of decimals of a currency: 2 for USD, 0 for JPY, 3 for BHD.

    Raises:
        UnknownCurrencyError: the code is not in ISO 4217.
    """
    try:
        return MINOR_UNITS[currency]
    except KeyError:
        raise UnknownCurrencyError(f"{currency[:8]!r} is not an ISO 4217 currency code") from None


def check_amount(amount: Decimal) -> Decimal:
    """Return the amount unchanged, digit for digit, when it is finite and of a sane size.

    Raises:
        AmountError: NaN, an infinity, or more than 30 digits before or after the point.
    """
    if not amount.is_finite():
        raise AmountError("an amount must be a finite number")
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or len(digits) > MAX_DIGITS or not -MAX_DIGITS <= exponent <= MAX_DIGITS:
        raise AmountError(f"an amount has at most {MAX_DIGITS} digits")
    return amount


def parse_amount(text: str) -> Decimal:
    """Return the plain decimal number in a text (`-12.30`, no grouping, no exponent, no symbol), with its scale.

    Raises:
        AmountError: anything else, the empty text included; never zero for what could not be read.
    """
    if _PLAIN_NUMBER.fullmatch(text) is None:
        raise AmountError("not a decimal number")
    return check_amount(Decimal(text))


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency; arithmetic never rounds and never mixes currencies."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):  # pyright: ignore[reportUnnecessaryIsInstance] - the wire is untyped
            raise TypeError("an amount is a Decimal, never a float or an int")
        check_amount(self.amount)
        minor_units(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Return no money in a currency that must be named."""
        return cls(Decimal(0), currency)

    def __add__(self, other: Self) -> Self:
        with localcontext(_EXACT):
            return type(self)(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Self) -> Self:
        with localcontext(_EXACT):
            return type(self)(self.amount - self._same(other).amount, self.currency)

    def __neg__(self) -> Self:
        return type(self)(self.amount.copy_negate(), self.currency)

    def __abs__(self) -> Self:
        return type(self)(self.amount.copy_abs(), self.currency)

    def __mul__(self, factor: Decimal | int) -> Self:
        if isinstance(factor, bool) or not isinstance(factor, Decimal | int):  # pyright: ignore[reportUnnecessaryIsInstance] - a float must not pass
            raise TypeError("money is multiplied by Decimal or int only")
        with localcontext(_EXACT):
            return type(self)(self.amount * factor, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: Self) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Self) -> bool:
        return self.amount <= self._same(other).amount

    def __gt__(self, other: Self) -> bool:
        return self.amount > self._same(other).amount

    def __ge__(self, other: Self) -> bool:
        return self.amount >= self._same(other).amount

    def __str__(self) -> str:
        return f"{format_amount(self.amount, self.currency)} {self.currency}"

    def _same(self, other: Self) -> Self:
        if other.currency != self.currency:
            raise CurrencyMismatchError(f"cannot combine {self.currency} with {other.currency}")
        return other


def format_amount(amount: Decimal, currency: str) -> str:
    """Return the amount as plain text with at least the currency's decimals and never fewer digits than it has.

    `12.3` USD is `12.30`, `500` JPY is `500`, `0.12345` USD stays `0.12345`: display pads, it does not round.
    Zero has no sign and no digits of its own.
    """
    if not amount:
        amount = Decimal(0)
    places = MINOR_UNITS.get(currency, 0)
    exponent = amount.as_tuple().exponent
    scale = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    if scale > places:
        amount = _strip_to(amount, places)
        exponent = amount.as_tuple().exponent
        scale = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{amount:.{max(scale, places)}f}"


def _strip_to(amount: Decimal, places: int) -> Decimal:
    """Drop zeros at the end of the fraction beyond `places`; the value stays equal."""
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        return amount
    kept = list(digits)
    while exponent < -places and kept and kept[-1] == 0:
        kept.pop()
        exponent += 1
    return Decimal((sign, tuple(kept), exponent))
