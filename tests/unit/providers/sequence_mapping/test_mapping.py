"""What do Sequence's places and movements become in the ledger, and what cannot become anything?"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bursar.domain.sync import RejectReason
from bursar.ports.rejects import UnreadableError
from bursar.providers.sequence.mapping import Place, own_ends, to_cents, to_movement, to_place, to_transaction

POD = {"__typename": "Pod", "id": "pod", "name": "Rent"}
PORT = {"__typename": "Port", "id": "port", "name": "Pay"}
CARD = {"__typename": "Account", "id": "card", "name": "Card"}
SHOP = {"__typename": "Merchant", "id": "shop", "name": "Corner Shop"}
PAYER = {"__typename": "ExternalEntity", "name": "ACME"}


def balance(cents: Any) -> dict[str, Any]:
    return {"id": "m", "balance": {"cents": cents}}


PLACES: dict[str, Place] = {
    "pod": to_place({"id": "pod", "name": "Rent", "metadata": balance(5)}, "POD", "org"),
    "port": to_place({"id": "port", "name": "Pay", "metadata": balance(5)}, "PORT", "org"),
    "card": to_place({"id": "card", "name": "Card", "type": "CREDIT_CARD", "metadata": balance(5)}, "ACCOUNT", "org"),
}


def node(source: Any = PORT, destination: Any = POD, **changes: Any) -> dict[str, Any]:
    return {
        "id": "ref",
        "status": "COMPLETE",
        "createdAt": "2026-03-08T04:59:59.000Z",
        "amount": {"cents": 1234},
        "source": source,
        "destination": destination,
        "direction": None,
        "activityType": None,
        "description": None,
    } | changes


def rows(told: dict[str, Any]) -> dict[str, Any]:
    movement = to_movement(told)
    ends = dict(own_ends(movement, PLACES))
    others = {"source": ends["destination"], "destination": ends["source"]}
    return {
        end: to_transaction(movement, end, place, other if isinstance(other := others[end], Place) else None)
        for end, place in ends.items()
        if isinstance(place, Place)
    }


@pytest.mark.parametrize(
    ("kind", "own", "expected", "amount"),
    [
        ("POD", "REGULAR", "checking", "12.34"),
        ("PORT", None, "checking", "12.34"),
        ("ACCOUNT", "SAVINGS", "savings", "12.34"),
        ("ACCOUNT", "CREDIT_CARD", "credit_card", "-12.34"),
        ("ACCOUNT", "LOAN", "loan", "-12.34"),
        ("ACCOUNT", "MORTGAGE", "mortgage", "-12.34"),
        ("ACCOUNT", "MOON_ACCOUNT", "moon_account", "12.34"),
    ],
)
def test_what_is_owed_is_negative_and_unknown_kinds_keep_their_word(kind, own, expected, amount) -> None:
    account = to_place({"id": "a", "name": "n", "type": own, "metadata": balance(1234)}, kind, "org").account
    assert (account.account_type, account.balance, account.currency) == (expected, Decimal(amount), "USD")


@pytest.mark.parametrize("metadata", [None, {}, {"id": "m"}, {"id": "m", "balance": None}])
def test_balance_that_is_not_told_is_unknown_and_not_zero(metadata) -> None:
    assert to_place({"id": "a", "name": "n", "metadata": metadata}, "POD", "org").account.balance_known is False


@pytest.mark.parametrize("cents", [None, "5", 5.0, True, [], 10**40])
def test_balance_that_is_no_number_of_cents_is_refused(cents) -> None:
    with pytest.raises(UnreadableError) as caught:
        to_place({"id": "a", "name": "n", "metadata": balance(cents)}, "POD", "org")
    assert caught.value.field == "metadata.balance.cents"


def test_only_the_last_digits_of_a_number_are_kept() -> None:
    account = to_place({"id": "a", "name": "n", "bankAccountNumber": "000123456789"}, "PORT", "org").account
    assert account.account_number_masked == "********6789"
    assert "000123456789" not in repr(account)
    assert account.identity is None


def test_movement_inside_is_one_row_on_each_side() -> None:
    told = rows(node())
    assert {end: (row.provider_account_id, row.amount) for end, row in told.items()} == {
        "source": ("port", Decimal("-12.34")),
        "destination": ("pod", Decimal("12.34")),
    }
    assert len({row.provider_transaction_id for row in told.values()}) == 2
    assert {(row.transaction_type, row.subtype) for row in told.values()} == {("transfer", "internal")}


def test_day_is_new_yorks() -> None:
    assert rows(node())["source"].transaction_date == date(2026, 3, 7)
    later = rows(node(createdAt="2026-03-09T04:00:00Z"))["source"]  # summer time: midnight is at four
    assert later.transaction_date == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETE", "settled"),
        ("PENDING", "pending"),
        ("PROCESSING", "pending"),
        ("PENDING_APPROVAL", "pending"),
        ("INCOMPLETE", "pending"),
    ],
)
def test_state_of_a_row(status, expected) -> None:
    assert rows(node(status=status))["source"].status == expected


@pytest.mark.parametrize("status", ["BARTERED", "complete"])
def test_state_that_nobody_knows_is_refused_because_money_may_or_may_not_have_moved(status) -> None:
    with pytest.raises(UnreadableError) as caught:
        rows(node(status=status))
    assert (caught.value.field, caught.value.reason) == ("status", RejectReason.UNSUPPORTED)


@pytest.mark.parametrize(
    ("told", "end", "kind", "amount"),
    [
        (node(PAYER, PORT, activityType="DIRECT_DEPOSIT"), "destination", ("transfer", "direct_deposit"), "12.34"),
        (node(PAYER, PORT, activityType="CASHBACK"), "destination", ("income", "reward"), "12.34"),
        (node(POD, SHOP, activityType="ACH"), "source", ("payment", "purchase"), "-12.34"),
        (node(SHOP, POD, activityType="ACH"), "destination", ("payment", "refund"), "12.34"),
        (node(POD, CARD), "source", ("transfer", "transfer_out"), "-12.34"),
        (node(POD, CARD), "destination", ("transfer", "transfer_in"), "12.34"),
    ],
)
def test_kind_and_sign_follow_the_ends(told, end, kind, amount) -> None:
    row = rows(told)[end]
    assert ((row.transaction_type, row.subtype), row.amount) == (kind, Decimal(amount))


def test_name_of_the_other_side_stands_for_a_missing_description() -> None:
    row = rows(node(PAYER, PORT))["destination"]
    assert (row.description, row.counterparty) == ("ACME", "ACME")
    assert rows(node(PAYER, PORT, description="Salary"))["destination"].description == "Salary"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": " "}, "id"),
        ({"status": None}, "status"),
        ({"createdAt": "2026-03-08"}, "createdAt"),
        ({"createdAt": "2026-03-08T04:59:59"}, "createdAt"),
        ({"createdAt": "0001-01-01T00:00:00+14:00"}, "createdAt"),
        ({"createdAt": 5}, "createdAt"),
        ({"amount": None}, "amount"),
        ({"amount": {"cents": -1}}, "amount.cents"),
        ({"amount": {"cents": 1.5}}, "amount.cents"),
        ({"source": "pod"}, "source"),
    ],
    ids=str,
)
def test_movement_that_cannot_be_read_says_why(change, field) -> None:
    with pytest.raises(UnreadableError) as caught:
        to_movement(node(**change))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("told", "end", "is_fault"),
    [
        (node(None, POD, activityType="ONE_TIME_TRANSFER"), "source", True),
        (node(None, POD, direction="INTERNAL"), "source", True),
        (node(POD, None, direction="INCOMING"), "destination", True),
        (node(None, POD, direction="INCOMING", activityType="DIRECT_DEPOSIT"), "source", False),
        (node({"__typename": "Pod", "name": "x"}, POD), "source", True),
        (node({"name": "x"}, POD), "source", True),
        (node({"__typename": "Pod", "id": "deleted", "name": "x"}, POD), "source", False),
        (node(PAYER, POD), "source", False),
    ],
)
def test_end_that_ought_to_be_told_and_is_not_is_a_fault(told, end, is_fault) -> None:
    found = dict(own_ends(to_movement(told), PLACES))[end]
    assert isinstance(found, UnreadableError) is is_fault
    assert not isinstance(found, Place)


def test_dollars_become_whole_cents_or_nothing() -> None:
    assert (to_cents(Decimal("12.34")), to_cents(Decimal("1E+2")), to_cents(Decimal("5.000"))) == (1234, 10000, 500)
    with pytest.raises(ValueError, match="whole cents"):
        to_cents(Decimal("0.001"))
