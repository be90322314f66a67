"""Is money exact, in one currency, and the same after it was written down?"""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bursar.domain.currencies import MINOR_UNITS
from bursar.domain.money import (
    MAX_DIGITS,
    AmountError,
    CurrencyMismatchError,
    Money,
    UnknownCurrencyError,
    check_amount,
    format_amount,
    is_currency,
    minor_units,
    parse_amount,
)

AMOUNTS = st.integers(-(10**14), 10**14).flatmap(
    lambda whole: st.integers(0, 12).map(lambda places: Decimal(whole).scaleb(-places))
)
MONIES = AMOUNTS.map(lambda amount: Money(amount, "EUR"))
CURRENCIES = st.sampled_from(sorted(MINOR_UNITS))


@given(MONIES, MONIES, MONIES)
def test_addition_is_associative_and_commutative(a: Money, b: Money, c: Money) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


@given(MONIES, MONIES)
def test_subtraction_undoes_addition(a: Money, b: Money) -> None:
    assert (a + b) - b == a
    assert a - b == a + -b
    assert a + Money.zero("EUR") == a


@given(AMOUNTS, AMOUNTS)
def test_arithmetic_is_exact_whatever_the_ambient_precision(a: Decimal, b: Decimal) -> None:
    with localcontext() as context:
        context.prec = 3
        total = (Money(a, "USD") + Money(b, "USD")).amount

    assert Fraction(total) == Fraction(a) + Fraction(b)


@given(AMOUNTS, st.integers(-(10**6), 10**6))
def test_multiplication_is_exact_from_both_sides(amount: Decimal, factor: int) -> None:
    product = Money(amount, "USD") * factor

    assert Fraction(product.amount) == Fraction(amount) * factor
    assert factor * Money(amount, "USD") == product


@given(AMOUNTS, CURRENCIES)
def test_formatted_amount_is_read_back_equal(amount: Decimal, currency: str) -> None:
    text = format_amount(amount, currency)

    assert parse_amount(text) == amount
    assert len(text.partition(".")[2]) >= MINOR_UNITS[currency]
    assert "E" not in text


@given(AMOUNTS, AMOUNTS)
def test_order_follows_the_amounts(a: Decimal, b: Decimal) -> None:
    left, right = Money(a, "USD"), Money(b, "USD")

    assert (left < right, left <= right, left > right, left >= right) == (a < b, a <= b, a > b, a >= b)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("12.3", "USD", "12.30"),
        ("500", "JPY", "500"),
        ("1.5", "BHD", "1.500"),
        ("0.12345", "USD", "0.12345"),
        ("1.50000", "USD", "1.50"),
        ("100.00", "JPY", "100"),
        ("1E+3", "USD", "1000.00"),
        ("-0", "USD", "0.00"),
        ("-0.000", "JPY", "0"),
        ("123456789012345678901234567890", "USD", "123456789012345678901234567890.00"),
        ("7.10", "???", "7.1"),
    ],
)
def test_amount_is_shown_with_the_decimals_of_its_currency_and_never_rounded(
    amount: str, currency: str, text: str
) -> None:
    assert format_amount(Decimal(amount), currency) == text


@pytest.mark.parametrize("text", ["12", "-12.30", "+5", ".5", "5.", "0.00", "0" * 29 + "1"])
def test_plain_number_is_read_with_its_scale(text: str) -> None:
    assert parse_amount(text).as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "1,5",
        "1_000",
        " 12",
        "12\n",
        "1E3",
        "0x10",
        "12-",
        "(12)",
        "$5",
        "١٢",
        "１２",
        "NaN",
        "Infinity",
        "9" * 31,
        "0." + "1" * 31,
    ],
)
def test_anything_else_than_a_plain_number_is_refused(text: str) -> None:
    with pytest.raises(AmountError):
        parse_amount(text)


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_an_amount_error(text: str) -> None:
    try:
        amount = parse_amount(text)
    except AmountError:
        return
    assert amount.is_finite()


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+31", "1E-31", "1" * (MAX_DIGITS + 1)])
def test_amount_without_sense_or_size_is_refused(amount: str) -> None:
    with pytest.raises(AmountError):
        check_amount(Decimal(amount))
    with pytest.raises(AmountError):
        Money(Decimal(amount), "USD")


def test_amount_of_the_greatest_size_is_kept_digit_for_digit() -> None:
    amount = Decimal("9" * MAX_DIGITS)

    assert check_amount(amount) is amount
    with pytest.raises(AmountError):
        Money(amount, "USD") + Money(Decimal(1), "USD")


@pytest.mark.parametrize("number", [1, 1.5, "1", None])
def test_money_of_anything_but_a_decimal_is_refused(number: object) -> None:
    with pytest.raises(TypeError):
        Money(number, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1.5, True, "2", None])
def test_money_times_anything_but_an_exact_number_is_refused(factor: object) -> None:
    with pytest.raises(TypeError):
        Money(Decimal(1), "USD") * factor  # type: ignore[operator]


def test_two_currencies_never_meet() -> None:
    dollars, euros = Money(Decimal(1), "USD"), Money(Decimal(1), "EUR")

    for operation in (
        lambda: dollars + euros,
        lambda: dollars - euros,
        lambda: dollars < euros,
        lambda: dollars <= euros,
        lambda: dollars > euros,
        lambda: dollars >= euros,
    ):
        with pytest.raises(CurrencyMismatchError, match="USD with EUR"):
            operation()
    assert dollars != euros


@given(MONIES)
def test_sign_changes_keep_every_digit(money: Money) -> None:
    opposite = -money

    assert -opposite == money
    assert abs(money).amount == abs(money.amount)
    assert opposite.amount.as_tuple().digits == money.amount.as_tuple().digits


def test_money_reads_as_amount_and_currency() -> None:
    assert str(Money(Decimal("-1234.5"), "USD")) == "-1234.50 USD"


@pytest.mark.parametrize("code", ["usd", "US", "XYZ", "BTC", "", "USDT", "EURO"])
def test_code_outside_iso_4217_is_unknown(code: str) -> None:
    assert not is_currency(code)
    with pytest.raises(UnknownCurrencyError):
        minor_units(code)
    with pytest.raises(UnknownCurrencyError):
        Money(Decimal(1), code)


@given(st.text(min_size=9, max_size=200))
def test_unknown_code_is_not_repeated_at_length_in_the_error(code: str) -> None:
    assume(code not in MINOR_UNITS)

    with pytest.raises(UnknownCurrencyError) as caught:
        minor_units(code)
    assert len(str(caught.value)) < 130
