"""Which rows are chosen, and what is refused before anything is sent."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from bursar.banking.exceptions import BankingProviderError, InvalidInputError
from bursar.banking.filters import TransactionQuery, read_window
from bursar.models import Transaction

TODAY = date(2026, 3, 2)


def row(id_: str, day: str = "2026-02-10", amount: str = "-10", merchant: str | None = "Corner Market", **members):
    given = {"account_id": "a", "description": "x", "currency": "USD", "category": "Food & Drink", **members}
    return Transaction(id=id_, amount=Decimal(amount), date=date.fromisoformat(day), merchant_name=merchant, **given)


ROWS = [
    row("1", "2026-02-01", "-500.00", "Amazon", category="Shopping"),
    row("2", "2026-02-02", "40", None, category=None, account_id="b"),
    row("3", "2026-02-03", "-99.99", "AMAZON MKTPLACE", pending=True),
    row("4", "2026-02-03", "-10.00"),
    row("5", "2026-02-28", "750", "Employer", category="Income", account_id="b"),
    row("6", "2026-03-01", "-10", "corner café"),
]


def chosen(**filters) -> list[str]:
    query = TransactionQuery.of("2026-02-01", "2026-03-01", filters, today=TODAY)
    return [each.id for each in query.cut(query.choose(ROWS))]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, "653421"),
        ({"min_amount": 99.99}, "531"),
        ({"min_amount": "99.99", "max_amount": 500}, "31"),
        ({"max_amount": 10}, "64"),
        ({"merchant_name": "amazon"}, "31"),
        ({"merchant": "AMAZON"}, "31"),
        ({"category": "food & drink"}, "634"),
        ({"category": "shopping,Income"}, "51"),
        ({"category": ["SHOPPING", "income"]}, "51"),
        ({"category": "Moon Travel"}, ""),
        ({"account_id": "b"}, "52"),
        ({"exclude_pending": True}, "65421"),
        ({"exclude_pending": False}, "653421"),
        ({"is_pending": True}, "3"),
        ({"is_pending": False}, "65421"),
        ({"min_amount": 50, "merchant_name": "amazon", "exclude_pending": True}, "1"),
        ({"sort_by": "amount"}, "513246"),
        ({"sort_by": "amount", "sort_order": "asc"}, "462315"),
        ({"sort_by": "signed_amount", "sort_order": "desc"}, "524631"),
        ({"sort_by": "merchant", "sort_order": "asc"}, "136452"),
        ({"sort_by": "merchant", "order": "desc"}, "546312"),
        ({"sort_by": "date", "sort_order": "asc"}, "123456"),
        ({"page": 1, "page_size": 4}, "6534"),
        ({"page": 2, "per_page": 4}, "21"),
        ({"page": 9, "page_size": 4}, ""),
    ],
)
def test_filters_hold_together_and_order_is_stable(filters, ids) -> None:
    assert chosen(**filters) == list(ids)


def test_without_a_page_every_row_comes_and_with_one_fifty() -> None:
    many = [row(f"{number:03}") for number in range(120)]
    everything = TransactionQuery.of("2026-02-01", None, {}, today=TODAY)
    first = TransactionQuery.of("2026-02-01", None, {"page": 1}, today=TODAY)
    assert len(everything.cut(many)) == 120
    assert len(first.cut(many)) == 50
    assert first.count_pages(120) == 3


def test_days_are_inclusive_at_both_ends() -> None:
    query = TransactionQuery.of("2026-02-03", "2026-02-28", {}, today=TODAY)
    assert [each.id for each in query.choose(ROWS)] == ["5", "3", "4"]


def test_without_dates_the_last_thirty_days_are_meant() -> None:
    assert read_window(None, None, today=TODAY) == (date(2026, 1, 31), None)
    assert read_window(None, "2026-01-31", today=TODAY) == (date(2026, 1, 1), date(2026, 1, 31))
    assert read_window(date(2026, 2, 1), None, today=TODAY) == (date(2026, 2, 1), None)


@pytest.mark.parametrize(
    ("start", "end", "field", "says"),
    [
        ("2026-03-01", "2026-02-01", "start_date", "after the end date 2026-02-01: exchange them"),
        ("2026-02-30", None, "start_date", "YYYY-MM-DD"),
        ("01/02/2026", None, "start_date", "YYYY-MM-DD"),
        (None, "2026-2-1", "end_date", "YYYY-MM-DD"),
        (None, "20260201", "end_date", "YYYY-MM-DD"),
        (datetime(2026, 2, 1, 12), None, "start_date", "YYYY-MM-DD"),  # noqa: DTZ001 - the point
        (1767225600, None, "start_date", "YYYY-MM-DD"),
        ("2027-01-01", None, "start_date", "in the future"),
    ],
)
def test_dates_that_make_no_sense_are_refused(start, end, field, says) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        read_window(start, end, today=TODAY)
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, BankingProviderError)


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"min_amount": -1}, "min_amount"),
        ({"max_amount": "ten"}, "max_amount"),
        ({"min_amount": float("nan")}, "min_amount"),
        ({"min_amount": True}, "min_amount"),
        ({"min_amount": 10, "max_amount": 5}, "min_amount"),
        ({"sort_by": "merchant_id"}, "sort_by"),
        ({"sort_order": "down"}, "sort_order"),
        ({"page": 0}, "page"),
        ({"page_size": 201}, "page_size"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": "50"}, "page_size"),
        ({"merchant_name": " "}, "merchant_name"),
        ({"category": ","}, "category"),
        ({"merchant": "a", "merchant_name": "b"}, "merchant_name"),
        ({"exclude_pending": True, "is_pending": True}, "is_pending"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_filters_that_make_no_sense_are_refused_by_name(filters, field) -> None:
    with pytest.raises(InvalidInputError) as caught:
        chosen(**filters)
    assert caught.value.field == field
