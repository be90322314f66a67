import json as standard
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.transport import json
from bursar.transport.redaction import Secret


class Row(msgspec.Struct):
    amount: Decimal

    def __post_init__(self) -> None:
        json.check_number(self.amount, "amount")


amounts = st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**16), max_value=10**16)


@given(amounts)
def test_number_keeps_every_digit_both_ways(amount: Decimal) -> None:
    body = json.encode({"amount": amount})
    assert standard.loads(body, parse_float=str, parse_int=str)["amount"] == str(amount)
    assert str(json.decode(body, Row).amount) == str(amount)
    assert str(json.decode_object(body)["amount"]) == str(amount)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,20})\.[0-9]{1,9}", fullmatch=True))
def test_digits_of_the_document_are_the_digits_of_the_decimal(text: str) -> None:
    body = b'{"amount": ' + text.encode() + b"}"
    assert str(json.decode(body, Row).amount) == str(Decimal(text))
    assert json.decode_object(body)["amount"] == Decimal(text)


@pytest.mark.parametrize("text", ["0.1", "1234567.89", "12345678901234567.89", "1234567890123456.789", "1.10", "-0.01"])
def test_number_that_a_float_would_bend_stays_as_it_is(text) -> None:
    assert str(json.decode(f'{{"amount": {text}}}'.encode(), Row).amount) == text


@pytest.mark.parametrize(
    "text",
    [
        *["NaN", "Infinity", '"NaN"', '"Infinity"', '""', '"null"', "null", "true", "[]", '"1,234.50"'],
        *["1e400", "1e-400", "1e999999999999999999", "1" + "0" * 40, "0." + "0" * 40 + "1"],
    ],
)
def test_number_that_no_ledger_holds_is_refused(text) -> None:
    with pytest.raises(json.JsonError):
        json.decode(f'{{"amount": {text}}}'.encode(), Row)


@pytest.mark.parametrize("text", ["1e400", "-1e31", "1.5e-40"])
def test_exponent_is_refused_in_untyped_data_too(text) -> None:
    with pytest.raises(json.JsonError):
        json.decode_object(f'{{"amount": {text}}}'.encode())


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"", b"{", b"<p>", b"\xff"])
def test_document_that_is_no_object_is_an_error(body) -> None:
    with pytest.raises(json.JsonError):
        json.decode_object(body)


def test_error_names_the_place() -> None:
    with pytest.raises(json.JsonError) as caught:
        json.decode(b'{"rows": [{"amount": 1}, {"amount": "x"}]}', dict[str, list[Row]])
    assert caught.value.path == "$[...][1].amount"
    assert not caught.value.is_malformed


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1e99"), [Decimal("-Infinity")]])
def test_number_without_a_json_form_is_not_sent(value) -> None:
    with pytest.raises(ValueError, match="number"):
        json.encode({"rows": [{"amount": value}]})


def test_float_is_not_sent() -> None:
    with pytest.raises(TypeError, match="float"):
        json.encode({"amount": 0.1})


def test_secret_is_sent_in_clear_and_read_as_secret() -> None:
    class Token(msgspec.Struct):
        value: Secret

    body = json.encode({"value": Secret("clear")})
    assert body == b'{"value":"clear"}'
    assert json.decode(body, Token).value == Secret("clear")
    with pytest.raises(json.JsonError):
        json.decode(b'{"value": 5}', Token)


def test_text_of_a_class_of_its_own_is_sent_as_it_is() -> None:
    class Masked(str):
        def __str__(self) -> str:
            return "***"

    assert json.encode({"token": Masked("clear")}) == b'{"token":"clear"}'
