"""The values of the interface: both spellings, exact amounts, no change after the making."""

import datetime
import json
import pickle
from decimal import Decimal

import pytest
from pydantic import ValidationError

import bursar.models
import bursar.models.transactions
from bursar.banking.history import BalanceHistory
from bursar.models import Address, Balance, BankAccount, LinkedItem, LinkStart, Owner, Transaction


def test_transaction_has_two_addresses_and_is_one_class() -> None:
    assert bursar.models.Transaction is bursar.models.transactions.Transaction


def test_account_is_made_as_programs_write_it() -> None:
    account = BankAccount(
        id="acc_123",
        name="My Checking",
        official_name="Premium Checking Account",
        type="depository",
        subtype="checking",
        balance=5432.10,  # pyright: ignore[reportArgumentType] - floats are taken as they are written
        currency="USD",
        institution_id="ins_001",
        institution_name="Chase Bank",
    )
    assert (account.id, account.account_id) == ("acc_123", "acc_123")
    assert account.balance == Decimal("5432.1")
    assert BankAccount.model_validate({**account.model_dump(exclude={"id"}), "account_id": "acc_123"}) == account


SIGNED = {
    "id": "txn_123",
    "account_id": "acc_123",
    "amount": -45.67,
    "date": "2025-01-15",
    "description": "STARBUCKS #12345",
    "merchant_name": "Starbucks",
    "category": "Food & Drink",
    "pending": False,
    "currency": "USD",
}
LISTED = {
    "transaction_id": "txn_123",
    "account_id": "acc_123",
    "amount": Decimal("-45.67"),
    "date": datetime.date(2025, 1, 15),
    "name": "STARBUCKS #12345",
    "merchant_name": "Starbucks",
    "category": ["Food & Drink"],
    "pending": False,
    "iso_currency_code": "USD",
}


def test_both_spellings_make_the_same_transaction() -> None:
    one, other = Transaction(**SIGNED), Transaction(**LISTED)
    assert one == other
    for row in (one, other):
        assert (row.id, row.description, row.currency) == (row.transaction_id, row.name, row.iso_currency_code)
        assert row.amount == Decimal("-45.67")
        assert row.date == datetime.date(2025, 1, 15)
        assert (row.category, row.categories) == ("Food & Drink", ["Food & Drink"])


def test_list_of_categories_goes_from_coarse_to_fine() -> None:
    row = Transaction(**{**LISTED, "category": ["Food & Drink", "Coffee"]})
    assert (row.category, row.category_path) == ("Food & Drink", ("Food & Drink", "Coffee"))
    assert Transaction(**{**LISTED, "category": []}).category is None


def test_spellings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="transaction_id and id are one field and differ"):
        Transaction(**{**SIGNED, "transaction_id": "txn_other"})


def test_models_do_not_change() -> None:
    row = Transaction(**SIGNED)
    with pytest.raises(ValidationError):
        row.amount = Decimal(0)


def test_json_has_amounts_as_texts_and_reads_back_digit_for_digit() -> None:
    row = Transaction(**{**SIGNED, "amount": "1234567890123456.789"})
    text = row.model_dump_json()
    assert json.loads(text)["amount"] == "1234567890123456.789"
    assert json.loads(text)["category"] == "Food & Drink"
    assert Transaction.model_validate_json(text) == row
    assert json.loads(Transaction(**{**SIGNED, "amount": Decimal("1E+2")}).model_dump_json())["amount"] == "100"


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), "12,50", "", True, None, "9" * 31])
def test_what_is_no_amount_is_refused(amount) -> None:
    with pytest.raises(ValidationError):
        Transaction(**{**SIGNED, "amount": amount})


@pytest.mark.parametrize(
    "wrong", [{"currency": "BTC"}, {"currency": ""}, {"date": "2025-02-30"}, {"surprise": 1}, {"id": None}]
)
def test_unknown_currencies_dates_and_members_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        Transaction(**{**SIGNED, **wrong})


def test_unknown_balance_is_none_and_not_zero() -> None:
    assert BankAccount(id="a", name="A", type="other", currency="EUR").balance is None
    assert Balance(account_id="a", current=None, currency="eur").iso_currency_code == "EUR"


def test_snapshot_has_a_date_named_date() -> None:
    snapshot = BalanceHistory(account_id="a", balance=5432.10, date="2025-01-01", currency="USD")  # pyright: ignore
    assert (snapshot.balance, snapshot.date) == (Decimal("5432.1"), datetime.date(2025, 1, 1))


def test_address_of_an_owner_prints_on_one_line_and_nothing_shows_in_repr() -> None:
    address = Address(lines=("17 Mill Lane", "Flat 2"), city="Riverton", region="NY", postal_code="10001", country="US")
    owner = Owner(name="Ada Marsh", email="ada@example.com", phone="+1 555 0100", address=address)
    assert f"{owner.address}" == "17 Mill Lane, Flat 2, Riverton NY 10001, US"
    assert not any(word in repr(owner) for word in ("Ada", "ada@", "0100", "Mill", "Riverton", "10001"))


def test_access_token_is_neither_shown_nor_pickled() -> None:
    item = LinkedItem(provider="x", access_token="access-canary")
    assert "canary" not in repr(item)
    assert "canary" not in str(item)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(item)
    assert "canary" not in repr(LinkStart(provider="x", kind="link_token", link_token="link-canary"))
