"""Does each object of Flanks become what it means, and is what means nothing refused by its field?"""

from datetime import date
from decimal import Decimal

import pytest

from bursar.domain.accounts import AccountType as DomainAccountType
from bursar.domain.holdings import AssetType
from bursar.domain.transactions import ALLOWED_SUBTYPES
from bursar.ports.rejects import UnreadableError
from bursar.providers.flanks.mapping import (
    ACCOUNT_TYPES,
    ASSET_SUBTYPES,
    ASSET_TYPES,
    CARD_TYPES,
    LIABILITY_TYPES,
    to_card_account,
    to_cash_account,
    to_cash_transaction,
    to_holding,
    to_investment_transaction,
    to_liability_account,
    to_portfolio_account,
)
from bursar.providers.flanks.sdk import aggregation_v1 as v1
from bursar.providers.flanks.sdk.aggregation_v2 import ProductType, Transaction

ACCOUNT = {"_id": "acc_1", "iban": "ES45 0182 2763 5172 9559 6839", "alias": "Savings", "balance": Decimal("1034.19"),
           "currency": "EUR", "type": "cashAccount"}  # fmt: skip
INVESTMENT = {"_id": "inv_1", "name": "Global Equity Fund", "isin": "LU0000000001", "portfolio_id": "pf_1", "type": "F",
              "amount": Decimal("812.4431"), "balance": Decimal("98120.11"), "currency": "EUR"}  # fmt: skip
MOVEMENT = {"_id": "itx_1", "investment_id": "inv_1", "refValores": "1", "type": 1, "amount": Decimal("-5000.00"),
            "units": Decimal("41.3021"), "price": Decimal("121.06"), "currency": "EUR", "operationDate": "2026-01-10",
            "valueDate": "2026-01-12", "description": "Subscription"}  # fmt: skip
ROW = {"transaction_id": "tx_1", "product_id": "acc_1", "amount": Decimal("-12.34"), "currency": "EUR",
       "description": "Card purchase", "date": "2026-01-11", "category": "Sport"}  # fmt: skip


def test_account_keeps_its_digits_and_is_known_by_its_number() -> None:
    record = to_cash_account(v1.Account.model_validate(ACCOUNT))
    assert (record.provider_account_id, record.name, record.account_type) == ("acc_1", "Savings", "checking")
    assert (record.balance, record.currency) == (Decimal("1034.19"), "EUR")
    assert record.account_number_masked.endswith("6839")
    assert "0182" not in record.account_number_masked
    assert record.identity == "ES4501822763517295596839"


@pytest.mark.parametrize("word", [*v1.AccountType, "newAccount", None])
def test_every_kind_of_account_has_its_word(word) -> None:
    record = to_cash_account(v1.Account.model_validate(ACCOUNT | {"type": word}))
    assert DomainAccountType(record.account_type)
    assert record.account_type == (ACCOUNT_TYPES.get(word, "other") if word else "checking")
    assert record.provider_type == word


@pytest.mark.parametrize("word", [*v1.LiabilityType, "NewDebt", None])
def test_every_kind_of_debt_has_its_word(word) -> None:
    row = {"_id": "l", "type": word, "balance": Decimal("-150000.00"), "currency": "EUR"}
    record = to_liability_account(v1.Liability.model_validate(row))
    assert record.account_type == LIABILITY_TYPES.get(word, "loan")
    assert (record.balance, DomainAccountType(record.account_type).category) == (Decimal("-150000.00"), "credit")


@pytest.mark.parametrize("word", [*v1.CardType, "gift", None])
def test_every_kind_of_card_has_its_word(word) -> None:
    row = {"_id": "c", "type": word, "balance": Decimal("-1.00"), "limit": 3000, "currency": "EUR", "pan": "****1234"}
    record = to_card_account(v1.Card.model_validate(row))
    assert record.account_type == CARD_TYPES.get(word, "credit_card")
    assert (record.credit_limit, record.account_number_masked[-4:]) == (3000, "1234")


@pytest.mark.parametrize("word", [*v1.PortfolioType, "NEW", None])
def test_every_kind_of_portfolio_is_an_investment(word) -> None:
    row = {"_id": "p", "type": word, "balance": 1, "currency": "EUR", "refValores": "0049-001"}
    record = to_portfolio_account(v1.Portfolio.model_validate(row))
    assert DomainAccountType(record.account_type).is_investment()


@pytest.mark.parametrize("word", [*v1.InvestmentType, "NEW", None])
def test_every_kind_of_position_has_its_word(word) -> None:
    record = to_holding(v1.Investment.model_validate(INVESTMENT | {"type": word}), "pf_1")
    assert record.asset_type == ASSET_TYPES.get(word, "other")
    assert record.asset_type in AssetType.values()
    assert (record.quantity, record.market_value, record.cost_basis) == (
        Decimal("812.4431"), Decimal("98120.11"), None,
    )  # fmt: skip
    assert (record.security_id, record.security_id_type) == ("LU0000000001", "isin")


@pytest.mark.parametrize("word", [*v1.InvestmentSubtype, "NEW"])
def test_finer_kind_decides_where_it_says_more(word) -> None:
    record = to_holding(v1.Investment.model_validate(INVESTMENT | {"type": "DV", "subtype": word}), "pf_1")
    assert record.asset_type == ASSET_SUBTYPES.get(word, "other")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, ("trade", "buy")),
        ({"units": Decimal(-5), "amount": Decimal(600)}, ("trade", "sell")),
        ({"units": None}, ("other", "other")),
        ({"units": 0}, ("other", "other")),
        ({"units": 5, "amount": 5}, ("other", "other")),
        ({"units": 5, "amount": 0}, ("other", "other")),
    ],
)
def test_units_and_sign_decide_between_purchase_and_sale(changes, kind) -> None:
    investment = v1.Investment.model_validate(INVESTMENT)
    row = v1.InvestmentTransaction.model_validate(MOVEMENT | changes)
    record = to_investment_transaction(row, "pf_1", investment)
    assert (record.transaction_type, record.subtype) == kind
    assert record.subtype in ALLOWED_SUBTYPES[record.transaction_type]
    assert (record.transaction_date, record.settlement_date) == (date(2026, 1, 10), date(2026, 1, 12))
    assert record.category_hint == "flanks:1"


@pytest.mark.parametrize("product", [*ProductType])
@pytest.mark.parametrize("amount", [Decimal("-12.34"), Decimal("12.34")])
def test_cash_movement_keeps_sign_digits_and_day(product, amount) -> None:
    record = to_cash_transaction(Transaction.model_validate(ROW | {"amount": amount}), "acc_1", product)
    assert (record.amount, record.transaction_date, record.category_hint) == (amount, date(2026, 1, 11), "Sport")
    expected = "other" if product is not ProductType.CARD else "refund" if amount > 0 else "purchase"
    assert record.subtype == expected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": None}, "amount"),
        ({"amount": Decimal("7" * 31)}, "amount"),
        ({"currency": None}, "currency"),
        ({"currency": "PTS"}, "currency"),
        ({"date": None}, "date"),
        ({"transaction_id": " "}, "transaction_id"),
    ],
)
def test_row_without_meaning_is_refused_by_its_field(changes, field) -> None:
    with pytest.raises(UnreadableError) as caught:
        to_cash_transaction(Transaction.model_validate(ROW | changes), "acc_1", ProductType.ACCOUNT)
    assert caught.value.field == field


def test_position_without_a_quantity_is_refused_and_unknown_balance_is_not_zero() -> None:
    with pytest.raises(UnreadableError):
        to_holding(v1.Investment.model_validate(INVESTMENT | {"amount": None}), "pf_1")
    assert not to_cash_account(v1.Account.model_validate(ACCOUNT | {"balance": None})).balance_known
