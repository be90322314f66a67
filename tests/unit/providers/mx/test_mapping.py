"""Does each of MX's objects mean the right thing, with the right sign, on the right day?"""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from bursar.domain.accounts import AccountType
from bursar.domain.owners import OwnerAddress
from bursar.domain.transactions import ALLOWED_SUBTYPES
from bursar.ports.rejects import UnreadableError
from bursar.providers.mx import mapping
from bursar.providers.mx.sdk.models.accounts import Account, AccountOwner
from bursar.providers.mx.sdk.models.holdings import InvestmentHolding
from bursar.providers.mx.sdk.models.transactions import Transaction
from bursar.transport import json


def read(type_, members):
    return json.decode(msgspec.json.encode(members), type_)


@pytest.fixture
def to_account(shapes):
    def run(**members):
        warnings = []
        return mapping.to_account(read(Account, shapes.account(**members)), warnings), warnings

    return run


@pytest.fixture
def to_row(shapes):
    def run(currency="USD", **members):
        warnings = []
        row = read(Transaction, shapes.transaction(1, **members))
        return mapping.to_transaction(row, currency, warnings), warnings

    return run


@pytest.mark.parametrize("kind", sorted(mapping.ACCOUNT_TYPES))
def test_balance_has_the_holders_sign_on_every_type(to_account, kind):
    account, warnings = to_account(type=kind, balance=250.10)
    owed = kind in {"CREDIT_CARD", "LINE_OF_CREDIT", "CHECKING_LINE_OF_CREDIT", "LOAN", "MORTGAGE"}
    assert account.balance == Decimal("-250.10" if owed else "250.10")
    assert AccountType(account.account_type).is_credit() == owed
    assert warnings == []
    in_favour, _ = to_account(type=kind, balance=-3.5)
    assert in_favour.balance == Decimal("3.5" if owed else "-3.5")


def test_card_tells_its_credit_as_available(to_account):
    account, _ = to_account(type="CREDIT_CARD", available_balance=None, available_credit=700.5, credit_limit=1000)
    assert (account.available_balance, account.credit_limit) == (Decimal("700.5"), Decimal(1000))


def test_account_is_told_whole(to_account):
    account, _ = to_account(cash_balance=5.25, nickname="Our house", is_closed=True)
    assert account.provider_account_id.startswith("ACT-")
    assert (account.account_number_masked, account.name, account.currency) == ("****4410", "Our house", "USD")
    assert (account.available_balance, account.cash_balance) == (Decimal("1180.12"), Decimal("5.25"))
    assert account.balance_as_of == datetime(2026, 7, 14, 9, 30, 11, tzinfo=UTC)
    assert not account.is_active


def test_unknown_balance_is_unknown_and_never_zero(to_account):
    account, _ = to_account(balance=None)
    assert not account.balance_known
    zero, _ = to_account(balance=0)
    assert (zero.balance_known, zero.balance) == (True, Decimal(0))


@pytest.mark.parametrize(
    ("kind", "subtype", "expected"),
    [
        ("SAVINGS", "MONEY_MARKET", "money_market"),
        ("SAVINGS", "CERTIFICATE_OF_DEPOSIT", "cd"),
        ("SAVINGS", "NONE", "savings"),
        ("INVESTMENT", "PLAN_401_K", "401k"),
        ("INVESTMENT", "ROTH_IRA", "roth_ira"),
        ("INVESTMENT", "BROKERAGE", "brokerage"),
        ("LOAN", "HOME_EQUITY", "line_of_credit"),
        ("CREDIT_CARD", "REWARDS", "credit_card"),
    ],
)
def test_subtype_refines_the_type(to_account, kind, subtype, expected):
    account, warnings = to_account(type=kind, subtype=subtype)
    assert (account.account_type, account.provider_type) == (expected, f"{kind}/{subtype}")
    assert warnings == []


def test_every_subtype_is_a_word_of_the_domain():
    words = {word for kinds in mapping.SUBTYPES.values() for word in kinds.values()} | set(
        mapping.ACCOUNT_TYPES.values()
    )
    assert words <= set(AccountType.values())


def test_unknown_subtype_is_counted_and_its_type_stands(to_account):
    account, (warning,) = to_account(type="INVESTMENT", subtype="MOON_DEPOSIT")
    assert (account.account_type, account.balance_known) == ("brokerage", True)
    assert (warning.code, warning.field) == ("unmapped_value", "accounts.subtype")


def test_balance_of_an_unknown_type_has_no_sign_and_is_not_shown(to_account):
    account, (warning,) = to_account(type="DREAM")
    assert (account.account_type, account.balance_known) == ("dream", False)
    assert warning.field == "accounts.type"


@pytest.mark.parametrize(
    ("number", "shown"),
    [("XXXXXX4410", "****4410"), ("1234567890", "****7890"), ("1234", "****"), ("X123", "****123"), (None, "****"),
     ("", "****"), ("XXXX", "****")],
)  # fmt: skip
def test_number_is_masked(number, shown):
    assert mapping.mask(number) == shown


@pytest.mark.parametrize(
    ("members", "reason", "field"),
    [
        ({"currency_code": None}, "missing_field", "currency_code"),
        ({"currency_code": "XYZ"}, "unknown_currency", "currency_code"),
        ({"guid": " "}, "missing_field", "guid"),
        ({"balance": "1" * 31}, "bad_number", "balance"),
    ],
)
def test_account_without_meaning_is_rejected(to_account, members, reason, field):
    with pytest.raises((UnreadableError, json.JsonError)) as caught:
        to_account(**members)
    if isinstance(caught.value, UnreadableError):
        assert (caught.value.reason, caught.value.field) == (reason, field)


@pytest.mark.parametrize(("kind", "sign"), [("CREDIT", 1), ("DEBIT", -1), ("credit", 1)])
def test_direction_decides_the_sign(to_row, kind, sign):
    row, _ = to_row(type=kind)
    assert row.amount == sign * Decimal("38.64")


def test_zero_has_no_sign(to_row):
    row, _ = to_row(amount=0.00, type="DEBIT")
    assert (row.amount, row.amount.is_signed()) == (Decimal(0), False)


@pytest.mark.parametrize(
    ("members", "day"),
    [
        ({"posted_at": "2026-07-11T12:00:00Z"}, date(2026, 7, 11)),
        ({"posted_at": "2026-07-11T00:00:00Z"}, date(2026, 7, 11)),
        ({"posted_at": "2026-07-11T06:00:00.000Z"}, date(2026, 7, 11)),
        ({"posted_at": None}, date(2026, 7, 10)),
        ({"posted_at": "2026-07-11T12:00:00Z", "status": "PENDING"}, date(2026, 7, 10)),
    ],
)
def test_booking_day_is_the_day_of_posting(to_row, members, day):
    row, _ = to_row(**members)
    assert row.transaction_date == day


def test_text_is_the_institutions_and_the_counterparty_is_mxs(to_row):
    row, _ = to_row(memo="a note", check_number_string="1007", category=None, top_level_category=None)
    assert (row.description, row.counterparty) == ("PURCHASE CORNER MKT #1700", "Corner Market")
    assert (row.memo, row.check_number) == ("a note", "1007")
    assert (row.transaction_type, row.subtype) == ("payment", "check")


def test_long_text_is_cut_and_kept_beside(to_row):
    row, _ = to_row(original_description="x" * 600)
    assert len(row.description) == 500
    assert row.raw_data["full_description"] == "x" * 600


def test_row_without_a_currency_is_in_its_accounts(to_row):
    row, _ = to_row(currency="CAD", currency_code=None)
    assert row.currency == "CAD"
    with pytest.raises(UnreadableError):
        to_row(currency=None, currency_code=None)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"type": "SIDEWAYS"}, "type"),
        ({"status": "DREAMT"}, "status"),
        ({"amount": -1}, "amount"),
        ({"guid": ""}, "guid"),
    ],
)
def test_row_without_meaning_is_rejected(to_row, members, field):
    with pytest.raises(UnreadableError) as caught:
        to_row(**members)
    assert caught.value.field == field


@pytest.mark.parametrize("direction", ["CREDIT", "DEBIT"])
@pytest.mark.parametrize("category", sorted(mapping.CATEGORIES))
def test_every_category_is_an_allowed_kind(to_row, category, direction):
    row, warnings = to_row(category=category, type=direction)
    expected = mapping.CATEGORIES[category][direction == "DEBIT"]
    assert (row.transaction_type, row.subtype) == expected
    assert row.subtype in ALLOWED_SUBTYPES[row.transaction_type]
    assert (row.category_hint, warnings) == (category, [])


@pytest.mark.parametrize("direction", ["CREDIT", "DEBIT"])
@pytest.mark.parametrize("category", sorted(mapping.TOP_LEVEL_CATEGORIES))
def test_every_top_level_category_is_an_allowed_kind(to_row, category, direction):
    row, warnings = to_row(category="Something finer", top_level_category=category, type=direction)
    assert (row.transaction_type, row.subtype) == mapping.TOP_LEVEL_CATEGORIES[category][direction == "DEBIT"]
    assert row.subtype in ALLOWED_SUBTYPES[row.transaction_type]
    assert warnings == []


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"is_direct_deposit": True, "type": "CREDIT"}, ("transfer", "direct_deposit")),
        ({"is_direct_deposit": True, "type": "DEBIT"}, ("payment", "purchase")),
        ({"is_fee": True, "type": "DEBIT"}, ("fee", "account_fee")),
        ({"is_overdraft_fee": True, "type": "DEBIT"}, ("fee", "account_fee")),
        ({"is_fee": True, "type": "CREDIT"}, ("payment", "refund")),
        ({"is_bill_pay": True, "type": "DEBIT"}, ("payment", "bill_payment")),
        ({"type": "CREDIT"}, ("payment", "refund")),
    ],
)
def test_flags_decide_where_the_category_does_not(to_row, members, kind):
    row, _ = to_row(category=None, top_level_category=None, **members)
    assert (row.transaction_type, row.subtype) == kind


def test_unknown_top_level_category_is_counted(to_row):
    _, (warning,) = to_row(category="Bartering", top_level_category="Shells")
    assert (warning.code, warning.field) == ("unmapped_value", "top_level_category")


def holding(**members):
    return {
        "guid": "HOL-1",
        "account_guid": "ACT-1",
        "symbol": "VTX",
        "description": "Vertex Fund",
        "holding_type": "MUTUAL_FUND",
        "quantity": "12.345",
        "current_price": 10.02,
        "current_price_as_of": "2026-07-13",
        "market_value": 123.70,
        "cost_basis": 100.00,
        "purchase_price": 8.10,
        "currency_code": "USD",
        **members,
    }


def test_position_is_told_whole():
    record = mapping.to_holding(read(InvestmentHolding, holding()), None)
    assert (record.quantity, record.market_value) == (Decimal("12.345"), Decimal("123.70"))
    assert (record.cost_basis, record.average_price) == (Decimal("100.00"), Decimal("8.10"))
    assert (record.current_price, record.price_on) == (Decimal("10.02"), date(2026, 7, 13))
    assert (record.symbol, record.asset_type, record.multiplier) == ("VTX", "mutual_fund", 1)


def test_position_without_a_ticker_goes_by_its_description_and_an_option_by_its_contract():
    record = mapping.to_holding(
        read(InvestmentHolding, holding(symbol=None, put_or_call="PUT", current_price_as_of="yesterday")), None
    )
    assert (record.symbol, record.asset_type, record.multiplier) == ("Vertex Fund", "option", 100)
    assert record.price_on is None


def test_position_that_nothing_names_is_rejected():
    with pytest.raises(UnreadableError):
        mapping.to_holding(read(InvestmentHolding, holding(symbol=None, description=" ")), "USD")


def test_owner_is_told_with_what_there_is():
    owner = {
        "guid": "ACO-1",
        "account_guid": "ACT-1",
        "first_name": "Ana",
        "last_name": "Ruiz",
        "address": "1 Main Street\nFlat 2",
        "city": "Lehi",
        "state": "UT",
        "postal_code": "84043",
        "country": "US",
        "email": "ana@example.test",
        "ssn": "900-12-3456",
    }
    record = mapping.to_owner(read(AccountOwner, owner))
    assert (record.names, record.emails, record.phones) == (("Ana Ruiz",), ("ana@example.test",), ())
    assert record.addresses == (
        OwnerAddress(lines=("1 Main Street", "Flat 2"), city="Lehi", region="UT", postal_code="84043", country="US"),
    )
    assert "Ana" not in repr(record)
    bare = mapping.to_owner(read(AccountOwner, {"guid": "A", "account_guid": "B", "owner_name": "Ana Ruiz"}))
    assert (bare.names, bare.addresses) == (("Ana Ruiz",), ())
    with pytest.raises(UnreadableError):
        mapping.to_owner(read(AccountOwner, {"guid": "A", "account_guid": "B", "owner_name": " "}))
