"""What do Flanks' objects mean in the ledger's words and signs?"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from bursar.domain.accounts import ProviderAccountData, account_identity, mask_account_number
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.money import AmountError, check_amount, is_currency
from bursar.domain.sync import RejectReason
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.flanks.sdk.aggregation_v1.models import (
    Account,
    AccountType,
    Card,
    CardType,
    Investment,
    InvestmentSubtype,
    InvestmentTransaction,
    InvestmentType,
    Liability,
    LiabilityType,
    Portfolio,
)
from bursar.providers.flanks.sdk.aggregation_v2.models import ProductType, Transaction

MAX_DESCRIPTION = 500

ACCOUNT_TYPES: Mapping[str, str] = {
    AccountType.CASH: "checking",
    AccountType.SAFEKEEPING: "brokerage",
    AccountType.NOSTRO: "checking",
    AccountType.VOSTRO: "checking",
    AccountType.OTHER: "other",
}
LIABILITY_TYPES: Mapping[str, str] = {
    LiabilityType.CREDIT: "line_of_credit",
    LiabilityType.LOAN: "loan",
    LiabilityType.CONFIRMING: "line_of_credit",
}
CARD_TYPES: Mapping[str, str] = {CardType.CREDIT: "credit_card", CardType.DEBIT: "prepaid"}
ASSET_TYPES: Mapping[str, str] = {
    InvestmentType.FUNDS: "mutual_fund",
    InvestmentType.VARIABLE_INCOME: "equity",
    InvestmentType.PENSION_PLAN: "mutual_fund",
    InvestmentType.FIXED_INCOME: "fixed_income",
    InvestmentType.CRYPTO: "cryptocurrency",
    InvestmentType.ETF: "etf",
    InvestmentType.CFD: "other",
    InvestmentType.LIQUIDITY: "cash_equivalent",
    InvestmentType.OTHER: "other",
    InvestmentType.DERIVATIVES: "other",
    InvestmentType.BANK_PRODUCTS: "other",
    InvestmentType.ALTERNATIVE: "other",
}
ASSET_SUBTYPES: Mapping[str, str] = {
    InvestmentSubtype.OPTION: "option",
    InvestmentSubtype.FOREX_OPTION: "option",
    InvestmentSubtype.FUTURES: "futures",
}


def to_cash_account(account: Account) -> ProviderAccountData:
    """A cash account.

    Raises:
        UnreadableError: no currency, or a number that no account holds.
    """
    return _account(
        account.account_id,
        account.name or account.description,
        "Account",
        ACCOUNT_TYPES.get(account.type or AccountType.CASH, "other"),
        account.currency,
        account.balance,
        number=account.iban,
        provider_type=account.type,
        identity=account.iban,
    )


def to_card_account(card: Card) -> ProviderAccountData:
    """A card; what is owed is negative at Flanks already.

    Raises:
        UnreadableError: no currency, or a number that no account holds.
    """
    return _account(
        card.card_id,
        card.name,
        "Card",
        CARD_TYPES.get(card.type or CardType.CREDIT, "credit_card"),
        card.currency,
        card.balance,
        number=card.masked_number,
        provider_type=card.type,
        available=card.available_balance,
        limit=card.limit,
    )


def to_liability_account(liability: Liability) -> ProviderAccountData:
    """A debt; what is owed is negative at Flanks already.

    Raises:
        UnreadableError: no currency, or a number that no account holds.
    """
    return _account(
        liability.liability_id,
        liability.name,
        "Liability",
        LIABILITY_TYPES.get(liability.type or LiabilityType.LOAN, "loan"),
        liability.currency,
        liability.balance,
        provider_type=liability.type,
        available=liability.available_balance,
        limit=liability.limit,
    )


def to_portfolio_account(portfolio: Portfolio) -> ProviderAccountData:
    """A securities account, whose balance is the valuation of all its positions.

    Its cash is one of them, so it is not told a second time as the account's cash.

    Raises:
        UnreadableError: no currency, or a number that no account holds.
    """
    return _account(
        portfolio.portfolio_id,
        portfolio.name,
        "Portfolio",
        "pension" if portfolio.type == "PP" else "crypto" if portfolio.type == "C" else "brokerage",
        portfolio.currency,
        portfolio.total_value,
        number=portfolio.ref_valores,
        provider_type=portfolio.type,
    )


def to_holding(investment: Investment, portfolio_id: str) -> ProviderHoldingData:
    """A position; Flanks tells no cost.

    Raises:
        UnreadableError: no currency or quantity, nothing that names it, or a number that no account holds.
    """
    if investment.quantity is None:
        raise UnreadableError(RejectReason.MISSING_FIELD, "amount")
    currency = currency_of(investment.currency)
    is_cash = investment.type == InvestmentType.LIQUIDITY
    symbol = investment.symbol or investment.isin or (currency if is_cash else investment.name)
    if not symbol:
        raise UnreadableError(RejectReason.MISSING_FIELD, "isin")
    security_id, id_type = _security_id(investment)
    return ProviderHoldingData(
        provider_account_id=portfolio_id,
        provider_holding_id=investment.investment_id,
        symbol=symbol,
        security_name=investment.name or symbol,
        asset_type=asset_type_of(investment),
        quantity=_number(investment.quantity, "amount"),
        currency=currency,
        market_value=None if investment.value is None else _number(investment.value, "balance"),
        security_id=security_id,
        security_id_type=id_type,
        raw_data={"type": investment.type, "subtype": investment.subtype},
    )


def asset_type_of(investment: Investment) -> str:
    """The domain's kind of a position."""
    return ASSET_SUBTYPES.get(investment.subtype or "") or ASSET_TYPES.get(investment.type or "", "other")


def to_cash_transaction(row: Transaction, account_id: str, product_type: ProductType) -> ProviderTransactionData:
    """A movement of an account, a card or a debt; negative amounts leave the account at Flanks too.

    Flanks' category is free text in any language, so it decides nothing: a card's movements are purchases and refunds,
    all others stay `other`.

    Raises:
        UnreadableError: no amount, currency or date, or a number that no account holds.
    """
    amount, currency, booked_on = _required(row.amount, row.currency, row.date)
    kind = ("other", "other")
    if product_type == ProductType.CARD:
        kind = ("payment", "refund" if amount > 0 else "purchase")
    return ProviderTransactionData(
        provider_account_id=account_id,
        provider_transaction_id=_row_id(row.transaction_id),
        transaction_type=kind[0],
        subtype=kind[1],
        amount=amount,
        currency=currency,
        transaction_date=booked_on,
        description=(row.description or "")[:MAX_DESCRIPTION],
        category_hint=row.category or None,
        raw_data=_given(full_description=row.description if len(row.description or "") > MAX_DESCRIPTION else None),
    )


def to_investment_transaction(
    row: InvestmentTransaction, portfolio_id: str, investment: Investment | None
) -> ProviderTransactionData:
    """A movement of a portfolio.

    Flanks numbers the kinds and publishes no list, so units and sign decide: units that come for money are a purchase,
    units that go for money a sale; anything else stays `other`, with the number beside it.

    Raises:
        UnreadableError: no amount, currency or date, or a number that no account holds.
    """
    amount, currency, booked_on = _required(row.amount, row.currency, row.date)
    units = None if row.units is None else _number(row.units, "units")
    kind = ("other", "other")
    if units and amount:
        if units > 0 > amount:
            kind = ("trade", "buy")
        elif units < 0 < amount:
            kind = ("trade", "sell")
    is_security = investment is not None and investment.type != InvestmentType.LIQUIDITY
    security_id, id_type = _security_id(investment) if investment is not None and is_security else (None, None)
    return ProviderTransactionData(
        provider_account_id=portfolio_id,
        provider_transaction_id=_row_id(row.transaction_id),
        transaction_type=kind[0],
        subtype=kind[1],
        amount=amount,
        currency=currency,
        transaction_date=booked_on,
        settlement_date=row.value_date if row.value_date != booked_on else None,
        description=(row.description or "")[:MAX_DESCRIPTION],
        symbol=(investment.symbol or investment.isin) if investment is not None and is_security else None,
        security_name=investment.name if investment is not None and is_security else None,
        security_id=security_id,
        security_id_type=id_type,
        asset_type=asset_type_of(investment) if investment is not None and is_security else None,
        quantity=units or None,
        unit_price=None if row.price is None else _number(row.price, "price"),
        category_hint=None if row.type is None else f"flanks:{row.type}",
    )


def currency_of(code: str | None) -> str:
    """The ISO code of a row.

    Raises:
        UnreadableError: none, or one that is not in ISO 4217.
    """
    if not code:
        raise UnreadableError(RejectReason.MISSING_FIELD, "currency")
    if not is_currency(code):
        raise UnreadableError(RejectReason.UNKNOWN_CURRENCY, "currency")
    return code


def _account(
    account_id: str,
    name: str | None,
    default_name: str,
    account_type: str,
    currency: str | None,
    balance: Decimal | None,
    *,
    number: str | None = None,
    provider_type: str | None = None,
    available: Decimal | None = None,
    limit: Decimal | None = None,
    identity: str | None = None,
) -> ProviderAccountData:
    if not account_id.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "_id")
    return ProviderAccountData(
        provider_account_id=account_id,
        account_number_masked=mask_account_number(number or ""),
        name=name or default_name,
        account_type=account_type,
        currency=currency_of(currency),
        balance=Decimal(0) if balance is None else _number(balance, "balance"),
        balance_known=balance is not None,
        available_balance=None if available is None else _number(available, "availableBalance"),
        credit_limit=None if limit is None else _number(limit, "limit"),
        provider_type=None if provider_type is None else str(provider_type),
        identity=account_identity(identity) if identity else None,
    )


def _required(amount: Decimal | None, currency: str | None, booked_on: date | None) -> tuple[Decimal, str, date]:
    if amount is None:
        raise UnreadableError(RejectReason.MISSING_FIELD, "amount")
    if booked_on is None:
        raise UnreadableError(RejectReason.MISSING_FIELD, "date")
    return _number(amount, "amount"), currency_of(currency), booked_on


def _row_id(text: str) -> str:
    if not text.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "transaction_id")
    return text.strip()


def _number(number: Decimal, field: str) -> Decimal:
    try:
        return check_amount(number)
    except AmountError:
        raise UnreadableError(RejectReason.BAD_NUMBER, field) from None


def _security_id(investment: Investment) -> tuple[str, str]:
    if investment.isin and len(investment.isin) == 12 and investment.isin[:2].isalpha():
        return investment.isin, "isin"
    if investment.cusip:
        return investment.cusip, "cusip"
    return investment.investment_id, "provider"


def _given(**members: str | None) -> Mapping[str, object]:
    return {name: value for name, value in members.items() if value is not None}
