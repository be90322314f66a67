"""What does Plaid say about positions, securities and investment transactions?"""

import datetime as dt
from decimal import Decimal
from typing import ClassVar

from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.items import Item
from bursar.providers.plaid.sdk.wire import Answer
from bursar.transport.json import check_number
from bursar.transport.rows import Instant, RejectedRow, WireModel


class TaxLot(WireModel, frozen=True, kw_only=True, gc=False):
    """A part of a position that was bought at one time."""

    institution_lot_id: str | None = None
    original_purchase_datetime: Instant | None = None
    quantity: Decimal | None = None
    purchase_price: Decimal | None = None
    cost_basis: Decimal | None = None
    current_value: Decimal | None = None
    position_type: str | None = None


class Holding(WireModel, frozen=True, kw_only=True, gc=False):
    """A position; `cost_basis` is the total, not per unit; `quantity` is negative for a short position."""

    account_id: str
    security_id: str
    quantity: Decimal
    institution_price: Decimal
    institution_price_as_of: dt.date | None = None
    institution_price_datetime: Instant | None = None
    institution_value: Decimal
    cost_basis: Decimal | None = None
    vested_quantity: Decimal | None = None
    vested_value: Decimal | None = None
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None
    tax_lots: tuple[TaxLot, ...] | None = None

    def __post_init__(self) -> None:
        check_number(self.quantity, "quantity")
        check_number(self.institution_price, "institution_price")
        check_number(self.institution_value, "institution_value")
        check_number(self.cost_basis, "cost_basis")


class OptionContract(WireModel, frozen=True, kw_only=True, gc=False):
    """The terms of a listed option."""

    contract_type: str
    expiration_date: dt.date
    strike_price: Decimal
    underlying_security_ticker: str


class FixedIncome(WireModel, frozen=True, kw_only=True, gc=False):
    """The terms of a bond; the yield is left out because its shape is not settled."""

    maturity_date: dt.date | None = None
    issue_date: dt.date | None = None
    face_value: Decimal | None = None


class Security(WireModel, frozen=True, kw_only=True, gc=False):
    """What is held; ISIN and CUSIP are None without a licence for them."""

    security_id: str
    isin: str | None = None
    cusip: str | None = None
    sedol: str | None = None
    figi: str | None = None
    institution_security_id: str | None = None
    institution_id: str | None = None
    proxy_security_id: str | None = None
    name: str | None = None
    ticker_symbol: str | None = None
    is_cash_equivalent: bool | None = None
    type: str | None = None
    subtype: str | None = None
    close_price: Decimal | None = None
    close_price_as_of: dt.date | None = None
    update_datetime: Instant | None = None
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None
    market_identifier_code: str | None = None
    sector: str | None = None
    industry: str | None = None
    cfi_code: str | None = None
    option_contract: OptionContract | None = None
    fixed_income: FixedIncome | None = None


class HoldingsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/investments/holdings/get`: every position of the item."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts", "holdings", "securities")

    accounts: tuple[Account, ...]
    holdings: tuple[Holding, ...]
    securities: tuple[Security, ...]
    item: Item
    is_investments_fallback_item: bool | None = None


class InvestmentTransaction(WireModel, frozen=True, kw_only=True, gc=False):
    """A movement in an investment account: `amount` positive = cash leaves, `quantity` positive = bought."""

    investment_transaction_id: str
    account_id: str
    security_id: str | None = None
    date: dt.date
    transaction_datetime: Instant | None = None
    name: str
    quantity: Decimal
    amount: Decimal
    price: Decimal
    fees: Decimal | None = None
    type: str
    subtype: str
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None
    cancel_transaction_id: str | None = None

    def __post_init__(self) -> None:
        check_number(self.quantity, "quantity")
        check_number(self.amount, "amount")
        check_number(self.price, "price")
        check_number(self.fees, "fees")


class InvestmentTransactionsPage(Answer, frozen=True, kw_only=True, gc=False):
    """One page of `/investments/transactions/get`."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts", "securities", "investment_transactions")

    accounts: tuple[Account, ...]
    securities: tuple[Security, ...]
    investment_transactions: tuple[InvestmentTransaction, ...]
    total_investment_transactions: int
    item: Item


class InvestmentTransactionsListing(WireModel, frozen=True, kw_only=True):
    """Every investment transaction of a date range, newest first, with the securities they name."""

    accounts: tuple[Account, ...]
    securities: tuple[Security, ...]
    transactions: tuple[InvestmentTransaction, ...]
    rejected: tuple[RejectedRow, ...] = ()
