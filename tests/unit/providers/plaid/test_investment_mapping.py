import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bursar.domain.holdings import AssetType
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.transactions import ALLOWED_SUBTYPES
from bursar.ports.rejects import UnreadableError
from bursar.providers.plaid import investment_mapping as mapping
from bursar.providers.plaid.sdk.models.investments import Holding, InvestmentTransaction, Security
from bursar.transport import json as exact_json


def security(**members: Any) -> Security:
    body = {"security_id": "sec-1", "name": "Acme Inc", "ticker_symbol": "ACME", "type": "equity", **members}
    return exact_json.decode(json.dumps(body).encode(), Security)


def holding(**members: Any) -> Holding:
    body = {
        "account_id": "acc-1",
        "security_id": "sec-1",
        "quantity": 10,
        "institution_price": 12.5,
        "institution_price_as_of": "2026-11-20",
        "institution_value": 125.0,
        "cost_basis": 90.1,
        "iso_currency_code": "USD",
        **members,
    }
    return exact_json.decode(json.dumps(body).encode(), Holding)


def movement(**members: Any) -> InvestmentTransaction:
    body = {
        "investment_transaction_id": "inv-1",
        "account_id": "acc-1",
        "security_id": "sec-1",
        "date": "2026-11-20",
        "name": "BUY ACME",
        "quantity": 2,
        "amount": 25.0,
        "price": 12.5,
        "fees": 0.5,
        "type": "buy",
        "subtype": "buy",
        "iso_currency_code": "USD",
        **members,
    }
    return exact_json.decode(json.dumps(body).encode(), InvestmentTransaction)


@pytest.mark.parametrize(("kind", "asset_type"), list(mapping.ASSET_TYPES.items()))
def test_security_kind_is_the_domains(kind, asset_type) -> None:
    contract = {
        "contract_type": "call",
        "expiration_date": "2027-01-15",
        "strike_price": 100,
        "underlying_security_ticker": "ACME",
    }
    made = mapping.asset_type_of(security(type=kind, option_contract=contract if kind == "derivative" else None))
    assert made == asset_type
    assert AssetType.lookup(made) is not None


def test_derivative_that_is_no_option_is_other() -> None:
    assert mapping.asset_type_of(security(type="derivative")) == "other"


def test_money_market_fund_is_cash() -> None:
    assert mapping.asset_type_of(security(type="mutual fund", is_cash_equivalent=True)) == "cash_equivalent"


def test_position_keeps_total_cost_and_quantity_exact() -> None:
    body = b'{"account_id":"a","security_id":"sec-1","quantity":0.123456789012345678,"institution_price":1.10,'
    body += b'"institution_value":0.14,"cost_basis":null,"iso_currency_code":"USD"}'
    record = mapping.to_holding(exact_json.decode(body, Holding), security(), "sec-1")
    assert str(record.quantity) == "0.123456789012345678"
    assert (record.cost_basis, record.average_price) == (None, None)
    assert str(record.current_price) == "1.10"


def test_short_position_stays_negative() -> None:
    record = mapping.to_holding(holding(quantity=-5, institution_value=-62.5), security(), "sec-1")
    assert (record.quantity, record.market_value) == (Decimal(-5), Decimal("-62.5"))


def test_option_counts_a_hundred_shares() -> None:
    contract = {
        "contract_type": "put",
        "expiration_date": "2027-01-15",
        "strike_price": 100,
        "underlying_security_ticker": "ACME",
    }
    record = mapping.to_holding(holding(), security(type="derivative", option_contract=contract), "sec-1")
    assert (record.multiplier, record.asset_type, record.price_on) == (Decimal(100), "option", date(2026, 11, 20))


@pytest.mark.parametrize(
    ("members", "symbol", "security_id", "id_type"),
    [
        ({}, "ACME", "sec-1", "provider"),
        ({"isin": "US0000000001"}, "ACME", "US0000000001", "isin"),
        ({"ticker_symbol": None, "cusip": "000000001"}, "000000001", "000000001", "cusip"),
        ({"ticker_symbol": " ", "institution_security_id": "PLAN-7"}, "PLAN-7", "sec-1", "provider"),
        ({"ticker_symbol": None}, "Acme Inc", "sec-1", "provider"),
    ],
)
def test_security_is_named_by_the_best_that_there_is(members, symbol, security_id, id_type) -> None:
    record = mapping.to_holding(holding(), security(**members), "sec-1")
    assert (record.symbol, record.security_id, record.security_id_type) == (symbol, security_id, id_type)


def test_position_without_any_name_or_security_is_unreadable() -> None:
    with pytest.raises(UnreadableError) as nameless:
        mapping.to_holding(holding(), security(ticker_symbol=None, name=None), "sec-1")
    with pytest.raises(UnreadableError) as unknown:
        mapping.to_holding(holding(), None, "sec-1")
    assert nameless.value.reason is RejectReason.MISSING_FIELD
    assert unknown.value.reason is RejectReason.INCONSISTENT


def test_position_in_crypto_units_is_unreadable() -> None:
    with pytest.raises(UnreadableError) as caught:
        mapping.to_holding(holding(iso_currency_code=None, unofficial_currency_code="BTC"), security(), "sec-1")
    assert caught.value.reason is RejectReason.UNKNOWN_CURRENCY


# Every subtype of the vendor's list, with Plaid's sign of the amount and of the quantity.
MOVEMENTS = [
    ("account fee", 5, 0, "fee", "account_fee"),
    ("adjustment", 5, 0, "other", "adjustment"),
    ("assignment", 5, 1, "trade", "assignment"),
    ("buy", 5, 1, "trade", "buy"),
    ("buy to cover", 5, 1, "trade", "buy_to_cover"),
    ("contribution", -5, 0, "transfer", "deposit"),
    ("deposit", -5, 0, "transfer", "deposit"),
    ("distribution", -5, 0, "income", "distribution"),
    ("distribution", 5, 0, "transfer", "withdrawal"),
    ("dividend", -5, 0, "income", "dividend"),
    ("dividend reinvestment", 5, 1, "trade", "reinvest"),
    ("exercise", -5, -1, "trade", "exercise"),
    ("expire", 0, -1, "trade", "expiration"),
    ("fund fee", 5, 0, "fee", "account_fee"),
    ("interest", -5, 0, "income", "interest"),
    ("interest receivable", -5, 0, "income", "interest"),
    ("interest reinvestment", 5, 1, "trade", "reinvest"),
    ("legal fee", 5, 0, "fee", "other_fee"),
    ("loan payment", -5, 0, "transfer", "transfer_in"),
    ("loan payment", 5, 0, "transfer", "transfer_out"),
    ("long-term capital gain", -5, 0, "income", "capital_gain"),
    ("long-term capital gain reinvestment", 5, 1, "trade", "reinvest"),
    ("management fee", 5, 0, "fee", "account_fee"),
    ("margin expense", 5, 0, "fee", "margin_interest"),
    ("merger", 0, 1, "trade", "merger"),
    ("miscellaneous fee", 5, 0, "fee", "other_fee"),
    ("non-qualified dividend", -5, 0, "income", "dividend"),
    ("non-resident tax", 5, 0, "fee", "tax_withheld"),
    ("pending credit", -5, 0, "transfer", "transfer_in"),
    ("pending debit", 5, 0, "transfer", "transfer_out"),
    ("qualified dividend", -5, 0, "income", "dividend"),
    ("rebalance", 5, 1, "trade", "buy"),
    ("rebalance", -5, -1, "trade", "sell"),
    ("return of principal", -5, 0, "income", "return_of_capital"),
    ("request", -5, 0, "transfer", "transfer_in"),
    ("sell", -5, -1, "trade", "sell"),
    ("sell short", -5, -1, "trade", "short_sell"),
    ("send", 5, 0, "transfer", "transfer_out"),
    ("short-term capital gain", -5, 0, "income", "capital_gain"),
    ("short-term capital gain reinvestment", 5, 1, "trade", "reinvest"),
    ("spin off", 0, 1, "trade", "spinoff"),
    ("split", 0, 1, "trade", "split"),
    ("stock distribution", 0, 1, "income", "distribution"),
    ("tax", 5, 0, "fee", "tax_withheld"),
    ("tax withheld", 5, 0, "fee", "tax_withheld"),
    ("trade", 5, 1, "trade", "buy"),
    ("trade", -5, -1, "trade", "sell"),
    ("transfer", 0, 1, "transfer", "transfer_in"),
    ("transfer", 0, -1, "transfer", "transfer_out"),
    ("transfer fee", 5, 0, "fee", "other_fee"),
    ("trust fee", 5, 0, "fee", "other_fee"),
    ("unqualified gain", -5, 0, "income", "capital_gain"),
    ("withdrawal", 5, 0, "transfer", "withdrawal"),
]


@pytest.mark.parametrize(("subtype", "amount", "quantity", "kind", "domain"), MOVEMENTS)
def test_movement_kind_is_the_domains(subtype, amount, quantity, kind, domain) -> None:
    warnings: list[DataWarning] = []
    record = mapping.to_investment_transaction(
        movement(subtype=subtype, amount=amount, quantity=quantity), security(), warnings
    )
    assert (record.transaction_type, record.subtype) == (kind, domain)
    assert domain in ALLOWED_SUBTYPES[kind]
    assert record.amount == -amount
    assert warnings == []
    assert record.status == ("pending" if subtype.startswith("pending") else "settled")


def test_every_subtype_of_the_tables_has_an_example() -> None:
    assert {*mapping.SUBTYPES, *mapping.DIRECTED_SUBTYPES} == {subtype for subtype, *_ in MOVEMENTS}


def test_purchase_takes_cash_and_adds_units() -> None:
    record = mapping.to_investment_transaction(movement(), security(), [])
    assert (record.amount, record.quantity, record.unit_price, record.fees) == (
        Decimal("-25.0"),
        Decimal(2),
        Decimal("12.5"),
        Decimal("0.5"),
    )
    assert (record.symbol, record.asset_type) == ("ACME", "equity")


@pytest.mark.parametrize(
    ("members", "has_security", "code", "pair"),
    [
        ({"subtype": "moon landing"}, True, "unmapped_value", ("other", "other")),
        ({"type": "cancel"}, True, "needs_review", ("other", "adjustment")),
        ({}, False, "inconsistent_trade", ("other", "other")),
        ({"quantity": 0}, True, "inconsistent_trade", ("other", "other")),
    ],
)
def test_movement_that_does_not_fit_is_kept_and_told(members, has_security, code, pair) -> None:
    warnings: list[DataWarning] = []
    record = mapping.to_investment_transaction(movement(**members), security() if has_security else None, warnings)
    assert (record.transaction_type, record.subtype) == pair
    assert [warning.code for warning in warnings] == [code]
