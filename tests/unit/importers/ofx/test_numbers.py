from decimal import Decimal

import pytest

from bursar.importers.ofx.notices import Notices
from bursar.importers.ofx.numbers import NumberReader, decide_radix


def read(text: str, file: str = "") -> tuple[str | None, list[str]]:
    notices = Notices()
    number = NumberReader(notices, lambda: [file]).read(text, 5)
    return None if number is None else str(number), [notice.code for notice in notices.all()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-12.34", "-12.34"),
        ("+12.34", "12.34"),
        ("12", "12"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("12.", "12"),
        ("12,34", "12.34"),
        ("-0,5", "-0.5"),
        ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1’234.56", "1234.56"),
        ("1\u00a0234,56", "1234.56"),
        ("1\u202f234,56", "1234.56"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1.234.567,89", "1234567.89"),
        ("12,34,567.89", "1234567.89"),
        ("−12.34", "-12.34"),
        ("0", "0"),
        ("0.00", "0.00"),
        ("0.125", "0.125"),
        ("0,125", "0.125"),
        ("1234,567", "1234.567"),
        ("12.3456", "12.3456"),
        ("-00000000001500.0000", "-1500.0000"),
        ("  7.10 ", "7.10"),
    ],
)
def test_number_is_read_with_its_scale(text, value):
    assert read(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(12.34)", "-12.34"),
        ("12.34-", "-12.34"),
        ("$120.00", "120.00"),
        ("-$120.00", "-120.00"),
        ("$-120.00", "-120.00"),
        ("USD 5", "5"),
        ("5 EUR", "5"),
        ("(1,234.56)", "-1234.56"),
        ("€ 3,20", "3.20"),
    ],
)
def test_number_with_decoration_is_read_with_a_warning(text, value):
    assert read(text) == (value, ["number_irregular"])


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "",
        "N/A",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "1E+999999",
        "1e5",
        "12.3.4",
        "--5",
        "-(5)",
        "(5",
        "5)",
        "1_000",
        "٣",
        "1,23,4",
        "1.2,3.4",
        "12 34",
        "0x10",
        "-",
        ".",
        ",",
        "+-5",
        "9" * 31,
        "1" * 100,
        "12.34 USD EUR",
        "US",
    ],
)
def test_text_that_is_no_number_is_refused_and_never_zero(text):
    assert read(text) == (None, [])


@pytest.mark.parametrize(
    ("text", "file", "value"),
    [
        ("10,000", "<TRNAMT>12.34\n", "10000"),
        ("10,000", "<TRNAMT>12,34\n", "10.000"),
        ("10.000", "<TRNAMT>-1,5<FITID>", "10000"),
        ("10.000", "<BALAMT>1.5", "10.000"),
        ("10,000", "<TRNAMT>1,234.56", "10000"),
        ("10,000", "<trnamt>1,234,567</trnamt>", "10000"),
        ("10.000", "<UNITS>0.1234", "10.000"),
    ],
)
def test_ambiguous_number_is_decided_by_the_rest_of_the_file(text, file, value):
    assert read(text, file) == (value, [])


@pytest.mark.parametrize("file", ["", "<TRNAMT>5<TRNAMT>20,000", "<TRNAMT>1.5<TRNAMT>1,5", "<MEMO>12,5"])
def test_undecided_number_takes_the_mark_as_decimal_and_warns(file):
    assert read("10,000", file) == ("10.000", ["ambiguous_number"])


def test_radix_is_found_across_the_seams_of_pieces():
    text = "x" * 300 + "<TRNAMT>12,50<FITID>" + "y" * 300
    for size in (1, 7, 64):
        assert decide_radix(text[at : at + size] for at in range(0, len(text), size)) == ","


def test_file_is_searched_once():
    calls = []
    reader = NumberReader(Notices(), lambda: calls.append(1) or ["<TRNAMT>1.5"])
    assert [reader.read("1,000"), reader.read("2,000")] == [Decimal(1000), Decimal(2000)]
    assert len(calls) == 1
