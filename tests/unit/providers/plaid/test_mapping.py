import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.accounts import AccountType
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.transactions import ALLOWED_SUBTYPES
from bursar.ports.rejects import UnreadableError
from bursar.providers.plaid import mapping
from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.transactions import Transaction
from bursar.transport import json as exact_json


@pytest.fixture
def account(shapes):
    def make(**members: Any) -> Account:
        return exact_json.decode(json.dumps(shapes.account(**members)).encode(), Account)

    return make


@pytest.fixture
def transaction(shapes):
    def make(**members: Any) -> Transaction:
        return exact_json.decode(json.dumps(shapes.transaction(1, **members)).encode(), Transaction)

    return make


# The vendor's table, written out once more by hand: a slip in the mapping's own table must not hide here.
ACCOUNT_ROWS = [
    ("depository", "checking", "checking"),
    ("depository", "cash management", "checking"),
    ("depository", "limited purpose checking", "checking"),
    ("depository", "savings", "savings"),
    ("depository", "money market", "money_market"),
    ("depository", "cd", "cd"),
    ("depository", "hsa", "hsa"),
    ("depository", "prepaid", "prepaid"),
    ("depository", "ebt", "prepaid"),
    ("depository", "paypal", "prepaid"),
    ("credit", "credit card", "credit_card"),
    ("credit", "paypal", "line_of_credit"),
    ("loan", "mortgage", "mortgage"),
    *[("loan", subtype, "line_of_credit") for subtype in ("home equity", "line of credit", "overdraft")],
    *[
        ("loan", subtype, "loan")
        for subtype in ("auto", "business", "commercial", "construction", "consumer", "loan", "student", "other")
    ],
    *[
        ("investment", subtype, "brokerage")
        for subtype in (
            *("brokerage", "non-taxable brokerage account", "mutual fund", "stock plan"),
            *("cash isa", "isa", "tfsa"),
        )
    ],
    ("investment", "trust", "trust"),
    ("investment", "ira", "traditional_ira"),
    ("investment", "roth", "roth_ira"),
    ("investment", "401k", "401k"),
    ("investment", "roth 401k", "roth_401k"),
    ("investment", "403B", "403b"),
    ("investment", "sep ira", "sep_ira"),
    ("investment", "simple ira", "simple_ira"),
    ("investment", "hsa", "hsa"),
    ("investment", "pension", "pension"),
    ("investment", "529", "education_529"),
    ("investment", "ugma", "custodial"),
    ("investment", "utma", "custodial"),
    ("investment", "crypto exchange", "crypto"),
    ("investment", "non-custodial wallet", "crypto"),
    *[
        ("investment", subtype, "other")
        for subtype in (
            *("401a", "457b", "education savings account", "fhsa", "fixed annuity", "gic"),
            *("health reimbursement arrangement", "keogh", "lif", "life insurance", "line of credit", "lira"),
            *("lrif", "lrsp", "other", "other annuity", "other insurance", "prif", "profit sharing plan", "qshr"),
            *("rdsp", "resp", "retirement", "rlif", "roth 403B", "roth 457b", "roth pension"),
            *("roth profit sharing plan", "roth thrift savings plan", "rrif", "rrsp", "sarsep", "sipp"),
            *("thrift savings plan", "variable annuity"),
        )
    ],
    ("brokerage", "anything", "brokerage"),
    ("brokerage", None, "brokerage"),
    ("other", "other", "other"),
    ("other", "payroll", "other"),
]


@pytest.mark.parametrize(("kind", "subtype", "domain"), ACCOUNT_ROWS)
def test_account_type_is_the_domains(account, kind, subtype, domain) -> None:
    warnings: list[DataWarning] = []
    record = mapping.to_account(account(type=kind, subtype=subtype), warnings)
    assert record.account_type == domain
    assert AccountType.lookup(record.account_type) is not None
    assert record.provider_type == (f"{kind}/{subtype}" if subtype else kind)
    assert warnings == []


def test_every_row_of_the_account_table_has_an_example() -> None:
    assert set(mapping.ACCOUNT_TYPES) == {(kind, subtype) for kind, subtype, _ in ACCOUNT_ROWS if kind != "brokerage"}


@pytest.mark.parametrize(
    ("kind", "subtype", "passed_on"), [("investment", "Moon Fund", "moon fund"), ("depository", None, "depository")]
)
def test_unknown_account_type_is_passed_on_and_counted(account, kind, subtype, passed_on) -> None:
    warnings: list[DataWarning] = []
    record = mapping.to_account(account(type=kind, subtype=subtype), warnings)
    assert record.account_type == passed_on
    assert [(warning.code, warning.provider_id) for warning in warnings] == [("unmapped_value", "acc-1")]


@pytest.mark.parametrize(
    ("kind", "subtype", "current", "balance"),
    [
        ("depository", "checking", 902.4, "902.4"),
        ("depository", "checking", -12.5, "-12.5"),
        ("credit", "credit card", 311.5, "-311.5"),
        ("credit", "credit card", -20.25, "20.25"),
        ("loan", "mortgage", 250000, "-250000"),
        ("investment", "brokerage", 1000.01, "1000.01"),
        ("credit", "credit card", 0, "0"),
    ],
)
def test_what_is_owed_is_negative(account, kind, subtype, current, balance) -> None:
    record = mapping.to_account(account(type=kind, subtype=subtype, balances={"current": current}), [])
    assert str(record.balance) == balance
    assert record.balance_known


def test_unknown_balance_is_marked_and_not_shown_as_zero(account) -> None:
    record = mapping.to_account(account(balances={"current": None, "available": None}), [])
    assert (record.balance, record.balance_known, record.available_balance) == (Decimal(0), False, None)


def test_account_carries_what_plaid_knows(account) -> None:
    record = mapping.to_account(
        account(
            type="credit",
            subtype="credit card",
            persistent_account_id="per-1",
            holder_category="personal",
            balances={"limit": 3000.0, "available": 2688.5, "last_updated_datetime": "2026-07-14T09:12:44+02:00"},
        ),
        [],
    )
    assert (record.provider_account_id, record.persistent_id, record.name) == ("acc-1", "per-1", "Everyday Checking")
    assert (record.credit_limit, record.available_balance) == (Decimal("3000.0"), Decimal("2688.5"))
    assert record.balance_as_of == datetime(2026, 7, 14, 7, 12, 44, tzinfo=UTC)
    assert record.raw_data == {"official_name": "Everyday Checking Plus", "holder_category": "personal"}


@pytest.mark.parametrize(
    ("digits", "shown"), [("2291", "****2291"), ("91", "****91"), (None, "****"), ("", "****"), ("12345", "****2345")]
)
def test_mask_shows_at_most_the_last_four(account, digits, shown) -> None:
    assert mapping.to_account(account(mask=digits), []).account_number_masked == shown


@pytest.mark.parametrize(
    ("iso", "unofficial", "reason", "field"),
    [
        (None, "BTC", RejectReason.UNKNOWN_CURRENCY, "unofficial_currency_code"),
        ("ZZZ", None, RejectReason.UNKNOWN_CURRENCY, "iso_currency_code"),
        ("usd", None, RejectReason.UNKNOWN_CURRENCY, "iso_currency_code"),
        (None, None, RejectReason.MISSING_FIELD, "iso_currency_code"),
    ],
)
def test_row_without_an_iso_currency_is_unreadable(account, transaction, iso, unofficial, reason, field) -> None:
    codes = {"iso_currency_code": iso, "unofficial_currency_code": unofficial}
    with pytest.raises(UnreadableError) as of_row:
        mapping.to_transaction(transaction(**codes), [])
    with pytest.raises(UnreadableError) as of_account:
        mapping.to_account(account(balances=codes), [])
    assert (of_row.value.reason, of_row.value.field) == (reason, field)
    assert (of_account.value.reason, of_account.value.field) == (reason, f"balances.{field}")


def category(primary: str, detailed: str | None = None, version: str | None = "v2") -> dict[str, Any]:
    return {"primary": primary, "detailed": detailed or f"{primary}_OTHER", "version": version}


CATEGORY_ROWS = [
    ("INCOME", "INCOME_INTEREST_EARNED", "income", "interest"),
    ("INCOME", "INCOME_DIVIDENDS", "income", "dividend"),
    ("INCOME", "INCOME_WAGES", "transfer", "direct_deposit"),
    ("INCOME", "INCOME_SALARY", "transfer", "direct_deposit"),
    ("INCOME", "INCOME_TAX_REFUND", "transfer", "direct_deposit"),
    ("TRANSFER_IN", "TRANSFER_IN_DEPOSIT", "transfer", "deposit"),
    ("TRANSFER_IN", "TRANSFER_IN_WIRE", "transfer", "wire_in"),
    ("TRANSFER_IN", "TRANSFER_IN_SAVINGS", "transfer", "transfer_in"),
    ("LOAN_DISBURSEMENTS", "LOAN_DISBURSEMENTS_AUTO", "transfer", "transfer_in"),
    ("TRANSFER_OUT", "TRANSFER_OUT_WITHDRAWAL", "transfer", "atm"),
    ("TRANSFER_OUT", "TRANSFER_OUT_WIRE", "transfer", "wire_out"),
    ("TRANSFER_OUT", "TRANSFER_OUT_SAVINGS", "transfer", "transfer_out"),
    ("LOAN_PAYMENTS", "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT", "transfer", "card_payment"),
    ("LOAN_PAYMENTS", "LOAN_PAYMENTS_MORTGAGE_PAYMENT", "payment", "bill_payment"),
    ("RENT_AND_UTILITIES", "RENT_AND_UTILITIES_RENT", "payment", "bill_payment"),
    ("BANK_FEES", "BANK_FEES_INTEREST_CHARGE", "fee", "interest_charge"),
    ("BANK_FEES", "BANK_FEES_FOREIGN_TRANSACTION_FEES", "fee", "foreign_transaction_fee"),
    ("BANK_FEES", "BANK_FEES_ATM_FEES", "fee", "account_fee"),
]


@pytest.mark.parametrize(("primary", "detailed", "kind", "subtype"), CATEGORY_ROWS)
def test_category_decides_the_kind(transaction, primary, detailed, kind, subtype) -> None:
    amount = -5 if kind == "income" or subtype in ("deposit", "wire_in") else 5
    warnings: list[DataWarning] = []
    row = transaction(personal_finance_category=category(primary, detailed), amount=amount, check_number="101")
    record = mapping.to_transaction(row, warnings)
    assert (record.transaction_type, record.subtype) == (kind, subtype)
    assert subtype in ALLOWED_SUBTYPES[kind]
    assert warnings == []


def test_every_row_of_the_category_tables_has_an_example() -> None:
    assert set(mapping.DETAILED_TYPES) <= {detailed for _, detailed, _, _ in CATEGORY_ROWS}
    assert set(mapping.PRIMARY_TYPES) == {primary for primary, _, _, _ in CATEGORY_ROWS}


@pytest.mark.parametrize("primary", [*sorted(mapping.SPENDING_PRIMARIES), None])
@pytest.mark.parametrize(
    ("amount", "check_number", "subtype"),
    [(5, None, "purchase"), (-5, None, "refund"), (5, "1042", "check"), (0, None, "purchase"), (5, "", "purchase")],
)
def test_spending_is_told_by_check_number_and_sign(transaction, primary, amount, check_number, subtype) -> None:
    warnings: list[DataWarning] = []
    given_category = category(primary) if primary else None
    row = transaction(personal_finance_category=given_category, amount=amount, check_number=check_number)
    record = mapping.to_transaction(row, warnings)
    assert (record.transaction_type, record.subtype) == ("payment", subtype)
    assert warnings == []


def test_category_that_plaid_adds_later_is_counted(transaction) -> None:
    warnings: list[DataWarning] = []
    record = mapping.to_transaction(transaction(personal_finance_category=category("MOON_TRIPS")), warnings)
    assert record.subtype == "purchase"
    assert [warning.code for warning in warnings] == ["unmapped_value"]


def test_amount_against_its_category_is_kept_and_told(transaction) -> None:
    warnings: list[DataWarning] = []
    row = transaction(amount=-30, personal_finance_category=category("BANK_FEES"))
    assert mapping.to_transaction(row, warnings).amount == Decimal(30)
    assert [warning.code for warning in warnings] == ["sign_mismatch"]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20))
def test_sign_turns_and_no_digit_changes(amount: Decimal) -> None:
    turned = mapping.negate(amount)
    assert turned + amount == 0
    assert turned.as_tuple().digits == amount.as_tuple().digits
    assert turned.as_tuple().exponent == amount.as_tuple().exponent
    assert not (turned.is_zero() and turned.is_signed())


@pytest.mark.parametrize(("pending", "status"), [(True, "pending"), (False, "settled")])
def test_pending_row_is_pending_and_its_successor_names_it(transaction, pending, status) -> None:
    record = mapping.to_transaction(transaction(pending=pending, pending_transaction_id="tx-0"), [])
    assert (record.status, record.pending_transaction_id) == (status, "tx-0")


def test_booking_date_is_plaids_date_whatever_the_instant_says(transaction) -> None:
    record = mapping.to_transaction(
        transaction(date="2026-07-11", authorized_date="2026-07-10", datetime="2026-07-12T03:30:00Z"), []
    )
    assert record.transaction_date == date(2026, 7, 11)
    assert record.occurred_at == datetime(2026, 7, 12, 3, 30, tzinfo=UTC)
    assert record.raw_data is not None
    assert record.raw_data["authorized_date"] == "2026-07-10"


@pytest.mark.parametrize(
    ("members", "counterparty"),
    [
        ({}, "Corner Market"),
        ({"merchant_name": None}, "Corner Market"),
        ({"merchant_name": None, "counterparties": []}, "PURCHASE CORNER MKT #1700"),
        ({"merchant_name": None, "counterparties": None}, "PURCHASE CORNER MKT #1700"),
    ],
)
def test_counterparty_falls_back_to_the_banks_text(transaction, members, counterparty) -> None:
    record = mapping.to_transaction(transaction(**members), [])
    assert record.counterparty == counterparty
    assert record.description == "PURCHASE CORNER MKT #1700"


@pytest.mark.parametrize(("version", "hint"), [("v2", "TRAVEL_FLIGHTS@v2"), (None, "TRAVEL_FLIGHTS")])
def test_category_hint_carries_its_version(transaction, version, hint) -> None:
    row = transaction(personal_finance_category=category("TRAVEL", "TRAVEL_FLIGHTS", version))
    assert mapping.to_transaction(row, []).category_hint == hint


def test_long_description_is_cut_and_kept_whole_beside(transaction) -> None:
    record = mapping.to_transaction(transaction(name="x" * 600), [])
    assert len(record.description) == 500
    assert record.raw_data is not None
    assert record.raw_data["full_description"] == "x" * 600


def test_amount_with_more_digits_than_the_ledger_holds_is_unreadable(shapes) -> None:
    body = json.dumps(shapes.transaction(1, amount="@")).replace('"@"', "1." + "1" * 30).encode()
    with pytest.raises(UnreadableError) as caught:
        mapping.to_transaction(exact_json.decode(body, Transaction), [])
    assert caught.value.reason is RejectReason.BAD_NUMBER


def test_blank_id_is_unreadable(transaction) -> None:
    with pytest.raises(UnreadableError) as caught:
        mapping.to_transaction(transaction(transaction_id=" "), [])
    assert caught.value.field == "transaction_id"
