"""Do Finicity's words mean in the ledger what the institution meant?"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from tests.unit.providers.finicity.conftest import account, transaction

from bursar.domain.sync import RejectReason
from bursar.domain.transactions import ALLOWED_SUBTYPES
from bursar.ports.rejects import UnreadableError
from bursar.providers.finicity.mapping import ACCOUNT_TYPES, to_account, to_holding, to_owner
from bursar.providers.finicity.sdk.models.accounts import Account, Holder, Position
from bursar.providers.finicity.sdk.models.customers import Institution
from bursar.providers.finicity.sdk.models.transactions import Transaction
from bursar.providers.finicity.signs import SignedBalance, are_turned
from bursar.providers.finicity.transaction_mapping import INVESTMENT_TYPES, TYPES, RowContext, to_transaction
from bursar.providers.finicity.zones import zone_of
from bursar.transport.json import decode

NEW_YORK = ZoneInfo("America/New_York")


def wire(type_, members):
    return decode(json.dumps(members).encode(), type_)


def mapped(**members):
    return to_account(wire(Account, account(**members)), NEW_YORK, [])


def row(kind="checking", is_turned=False, zone=NEW_YORK, warnings=None, **members):
    context = RowContext(replace(mapped(), account_type=kind), zone, is_turned)
    return to_transaction(wire(Transaction, transaction(**members)), context, [] if warnings is None else warnings)


@pytest.mark.parametrize(("word", "kind"), sorted(ACCOUNT_TYPES.items()))
def test_type_of_an_account_is_the_domains_word(word, kind):
    record = mapped(type=word)
    assert (record.account_type, record.provider_type) == (kind, word)


def test_unknown_type_is_kept_in_lower_case_and_told():
    warnings = []
    assert to_account(wire(Account, account(type="moonDeposit")), NEW_YORK, warnings).account_type == "moondeposit"
    assert [one.code for one in warnings] == ["unmapped_value"]


@pytest.mark.parametrize(
    ("balance", "detail", "expected", "codes"),
    [
        (310.5, {"creditMaxAmount": 6000, "creditAvailableAmount": 5689.5}, "-310.5", []),
        (-310.5, {"creditMaxAmount": 6000, "creditAvailableAmount": 5650}, "-310.5", []),
        (-20, {"creditMaxAmount": 6000, "creditAvailableAmount": 6020}, "20", []),
        (20, {"creditMaxAmount": 6000, "creditAvailableAmount": 6020}, "20", []),
        (310.5, {}, "-310.5", ["balance_sign_assumed"]),
        (-310.5, None, "-310.5", ["balance_sign_assumed"]),
        (0, None, "0", []),
    ],
)
def test_owed_balance_is_negative_whatever_the_institution_writes(balance, detail, expected, codes):
    warnings = []
    record = to_account(wire(Account, account(type="creditCard", balance=balance, detail=detail)), NEW_YORK, warnings)
    assert record.balance == Decimal(expected)
    assert [one.code for one in warnings] == codes


def test_absent_balance_is_unknown_and_not_zero():
    record = mapped(balance=None, balanceDate=None)
    assert (record.balance_known, record.balance_as_of) == (False, None)


def test_account_tells_when_its_balance_was_true_and_shows_no_number():
    record = mapped()
    assert record.balance_as_of == datetime.fromtimestamp(1784019600, UTC)
    assert record.account_number_masked == "****7528"
    assert record.institution_timezone == "America/New_York"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"currency": "XXQ"}, RejectReason.UNKNOWN_CURRENCY),
        ({"currency": " "}, RejectReason.MISSING_FIELD),
        ({"id": ""}, RejectReason.MISSING_FIELD),
        ({"id": "NaN"}, RejectReason.INCONSISTENT),
        ({"balanceDate": 10**15}, RejectReason.BAD_DATE),
    ],
)
def test_account_without_meaning_is_rejected(members, reason):
    with pytest.raises(UnreadableError) as caught:
        mapped(**members)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        ("America/New_York", datetime(2026, 3, 8, 4, 30, tzinfo=UTC), date(2026, 3, 7)),
        ("America/New_York", datetime(2026, 3, 8, 5, 30, tzinfo=UTC), date(2026, 3, 8)),
        ("America/New_York", datetime(2026, 11, 1, 3, 59, tzinfo=UTC), date(2026, 10, 31)),
        ("America/New_York", datetime(2026, 11, 1, 4, 1, tzinfo=UTC), date(2026, 11, 1)),
        ("America/Los_Angeles", datetime(2026, 1, 1, 7, 30, tzinfo=UTC), date(2025, 12, 31)),
        ("Asia/Tokyo", datetime(2026, 1, 1, 15, 0, tzinfo=UTC), date(2026, 1, 2)),
    ],
)
def test_row_is_of_the_institutions_day(zone, instant, day):
    record = row(zone=ZoneInfo(zone), postedDate=int(instant.timestamp()))
    assert record.transaction_date == day


def test_settled_row_is_of_its_posting_and_a_pending_one_of_the_day_it_happened():
    assert row().transaction_date == date(2026, 7, 15)
    pending = row(status="pending")
    assert (pending.transaction_date, pending.status) == (date(2026, 7, 14), "pending")
    assert row(postedDate=None).transaction_date == date(2026, 7, 14)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"postedDate": None, "transactionDate": None}, RejectReason.MISSING_FIELD),
        ({"postedDate": -5}, RejectReason.BAD_DATE),
        ({"status": "limbo"}, RejectReason.UNSUPPORTED),
        ({"id": "x1"}, RejectReason.INCONSISTENT),
    ],
)
def test_row_without_meaning_is_rejected(members, reason):
    with pytest.raises(UnreadableError) as caught:
        row(**members)
    assert caught.value.reason is reason


def test_id_of_a_row_holds_with_and_without_the_optional_one():
    expected = "6020114477-10000000000000001"
    assert row().provider_transaction_id == expected
    assert row(uniqueTransactionId="something else").provider_transaction_id == expected


@pytest.mark.parametrize("word", [*TYPES, "", "barter", None])
@pytest.mark.parametrize("kind", ["checking", "credit_card", "loan", "brokerage", "other"])
@pytest.mark.parametrize("amount", [-3.5, 0, 3.5])
def test_every_kind_of_row_is_an_allowed_pair_with_the_right_sign(word, kind, amount):
    warnings = []
    record = row(kind, warnings=warnings, type=word, amount=amount)
    assert record.subtype in ALLOWED_SUBTYPES[record.transaction_type]
    assert record.amount == Decimal(str(amount))
    assert [one.code for one in warnings] == []


@pytest.mark.parametrize("word", [*INVESTMENT_TYPES, "teleported"])
def test_every_kind_of_movement_is_an_allowed_pair(word):
    record = row("brokerage", investmentTransactionType=word, ticker="HRBR", unitQuantity=3, unitPrice=2.5, type=None)
    assert record.subtype in ALLOWED_SUBTYPES[record.transaction_type]
    assert (record.quantity or 0) * (-1 if word in ("sold", "soldToClose", "soldToOpen") else 1) == 3


def test_trade_without_a_security_is_told_and_is_none():
    warnings = []
    record = row("brokerage", warnings=warnings, investmentTransactionType="purchased")
    assert (record.transaction_type, [one.code for one in warnings]) == ("other", ["inconsistent_trade"])


def test_amounts_that_are_turned_round_are_turned_back():
    assert row("credit_card", is_turned=True, amount=12.5).amount == Decimal("-12.5")
    assert row("credit_card", is_turned=True, amount=12.5).subtype == "purchase"


def rows_of(*told, **more):
    return [
        wire(Transaction, transaction(number, amount=amount, type=word, **more, **extra))
        for number, (amount, word, extra) in enumerate(told)
    ]


PAID_BACK = {"categorization": {"category": "Credit Card Payment"}}


def test_words_of_the_rows_say_which_way_the_amounts_point():
    holder = rows_of((-5, "pointOfSale", {}), (-7, "fee", {}), (50, "payment", PAID_BACK))
    statement = rows_of((5, "pointOfSale", {}), (7, "fee", {}), (-50, "payment", PAID_BACK))
    assert not are_turned(holder, "credit_card", None)
    assert are_turned(statement, "credit_card", None)
    assert not are_turned(statement[:1], "credit_card", None), "one row is no proof"


def test_refunds_and_bills_paid_with_a_card_turn_nothing_round():
    rows = rows_of(
        (-40, "payment", {}), (-60, "payment", {}), (9, "debit", {}), (8, "pointOfSale", {}), (-5, "pointOfSale", {})
    )
    assert not are_turned(rows, "credit_card", None)


def test_running_balance_says_it_where_no_word_does():
    rows = rows_of(
        (5, None, {"runningBalanceAmount": 105}),
        (7, None, {"runningBalanceAmount": 112}),
        (-12, None, {"runningBalanceAmount": 100}),
    )
    owed_positive = SignedBalance(Decimal(-100), is_turned=True)
    owed_negative = SignedBalance(Decimal(-100))
    assert are_turned(rows, "credit_card", owed_positive)
    assert not are_turned(rows, "credit_card", owed_negative)
    assert not are_turned(rows, "credit_card", replace(owed_positive, is_assumed=True))


def test_movements_of_a_broker_say_which_way_the_amounts_point():
    rows = rows_of(
        (100, None, {"investmentTransactionType": "purchased"}), (-8, None, {"investmentTransactionType": "dividend"})
    )
    assert are_turned(rows, "brokerage", None)


def test_short_position_is_negative_and_an_option_counts_a_hundred():
    position = wire(
        Position,
        {"id": 7, "symbol": "HRBR", "units": "3.000000000000000001", "posType": "SHORT", "securityType": "Option"},
    )
    record = to_holding(position, "60", "USD", NEW_YORK)
    assert record.quantity == Decimal("-3.000000000000000001")
    assert (record.asset_type, record.multiplier, record.currency) == ("option", 100, "USD")
    assert record.market_value is None


def test_owner_comes_with_the_primary_address_first():
    holder = wire(
        Holder,
        {
            "ownerName": "Ana Rivera",
            "nameClassification": "person",
            "emails": [{"email": "b@x.test"}, {"email": "a@x.test", "isPrimary": True}],
            "addresses": [{"ownerAddress": "1 Mill Lane, Albany"}],
            "documentations": [{"documentationId": "900-12-3456"}],
        },
    )
    owner = to_owner(holder, "60")
    assert (owner.names, owner.emails, owner.is_business) == (("Ana Rivera",), ("a@x.test", "b@x.test"), False)
    assert owner.addresses[0].lines == ("1 Mill Lane, Albany",)
    assert "900-12-3456" not in repr(holder) + str(vars(owner) if hasattr(owner, "__dict__") else owner)


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ({"state": "NY", "country": "USA"}, "America/New_York"),
        ({"state": "ca"}, "America/Los_Angeles"),
        ({"country": "GB"}, "Europe/London"),
        ({"state": "??"}, None),
        (None, None),
    ],
)
def test_institution_lies_in_the_zone_of_its_address(address, zone):
    assert zone_of(wire(Institution, {"id": 1, "address": address})) == zone
