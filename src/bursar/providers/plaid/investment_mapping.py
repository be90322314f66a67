"""What do Plaid's positions and investment transactions mean in the ledger's words and signs?"""

from collections.abc import Mapping
from decimal import Decimal

from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.time import to_utc
from bursar.domain.transactions import ProviderTransactionData, has_expected_sign
from bursar.ports.rejects import UnreadableError
from bursar.providers.plaid.mapping import currency_of, negate, required_number
from bursar.providers.plaid.sdk.models.investments import Holding, InvestmentTransaction, Security

LISTED_OPTION_MULTIPLIER = Decimal(100)

ASSET_TYPES: Mapping[str, str] = {
    "cash": "cash_equivalent",
    "cryptocurrency": "cryptocurrency",
    "derivative": "option",
    "equity": "equity",
    "etf": "etf",
    "fixed income": "fixed_income",
    "loan": "other",
    "mutual fund": "mutual_fund",
    "other": "other",
}


def _subtypes(words: str, pair: tuple[str, str]) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(words.split(", "), pair)


# Source: https://plaid.com/docs/api/accounts/#investment-transaction-types-schema (read 2026-11-21)
SUBTYPES: Mapping[str, tuple[str, str]] = {
    **_subtypes("buy", ("trade", "buy")),
    **_subtypes("buy to cover", ("trade", "buy_to_cover")),
    **_subtypes("sell", ("trade", "sell")),
    **_subtypes("sell short", ("trade", "short_sell")),
    **_subtypes("assignment", ("trade", "assignment")),
    **_subtypes("exercise", ("trade", "exercise")),
    **_subtypes("expire", ("trade", "expiration")),
    **_subtypes("merger", ("trade", "merger")),
    **_subtypes("spin off", ("trade", "spinoff")),
    **_subtypes("split", ("trade", "split")),
    **_subtypes(
        "dividend reinvestment, interest reinvestment, long-term capital gain reinvestment, "
        "short-term capital gain reinvestment",
        ("trade", "reinvest"),
    ),
    **_subtypes("contribution, deposit", ("transfer", "deposit")),
    **_subtypes("withdrawal", ("transfer", "withdrawal")),
    **_subtypes("dividend, non-qualified dividend, qualified dividend", ("income", "dividend")),
    **_subtypes("interest, interest receivable", ("income", "interest")),
    **_subtypes("long-term capital gain, short-term capital gain, unqualified gain", ("income", "capital_gain")),
    **_subtypes("return of principal", ("income", "return_of_capital")),
    **_subtypes("stock distribution", ("income", "distribution")),
    **_subtypes("account fee, fund fee, management fee", ("fee", "account_fee")),
    **_subtypes("legal fee, miscellaneous fee, transfer fee, trust fee", ("fee", "other_fee")),
    **_subtypes("margin expense", ("fee", "margin_interest")),
    **_subtypes("non-resident tax, tax, tax withheld", ("fee", "tax_withheld")),
    **_subtypes("adjustment", ("other", "adjustment")),
}
# What these are depends on the direction: (value enters the account, value leaves it).
DIRECTED_SUBTYPES: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    **dict.fromkeys(("rebalance", "trade"), (("trade", "buy"), ("trade", "sell"))),
    **dict.fromkeys(
        ("transfer", "send", "request", "loan payment", "pending credit", "pending debit"),
        (("transfer", "transfer_in"), ("transfer", "transfer_out")),
    ),
    "distribution": (("income", "distribution"), ("transfer", "withdrawal")),
}
PENDING_SUBTYPES = frozenset({"pending credit", "pending debit"})


def to_holding(holding: Holding, security: Security | None, holding_id: str) -> ProviderHoldingData:
    """A position; `cost_basis` stays the total that Plaid gives, the average price stays unknown.

    Raises:
        UnreadableError: the security is unknown or nameless, or a number or currency has no meaning.
    """
    if security is None:
        raise UnreadableError(RejectReason.INCONSISTENT, "security_id")
    symbol = symbol_of(security)
    if symbol is None:
        raise UnreadableError(RejectReason.MISSING_FIELD, "ticker_symbol")
    security_id, id_type = _security_id(security)
    priced_at = holding.institution_price_datetime
    return ProviderHoldingData(
        provider_account_id=holding.account_id,
        provider_holding_id=holding_id,
        symbol=symbol,
        security_name=security.name or symbol,
        asset_type=asset_type_of(security),
        quantity=required_number(holding.quantity, "quantity"),
        currency=currency_of(holding.iso_currency_code, holding.unofficial_currency_code),
        cost_basis=None if holding.cost_basis is None else required_number(holding.cost_basis, "cost_basis"),
        market_value=required_number(holding.institution_value, "institution_value"),
        current_price=required_number(holding.institution_price, "institution_price"),
        price_as_of=None if priced_at is None else to_utc(priced_at),
        price_on=holding.institution_price_as_of,
        multiplier=LISTED_OPTION_MULTIPLIER if security.option_contract is not None else Decimal(1),
        security_id=security_id,
        security_id_type=id_type,
    )


def to_investment_transaction(
    row: InvestmentTransaction, security: Security | None, warnings: list[DataWarning]
) -> ProviderTransactionData:
    """A movement with the holder's sign: Plaid's positive amounts are cash that leaves; quantities keep their sign.

    Raises:
        UnreadableError: no ISO currency, no id, or a number that no account holds.
    """
    if not row.investment_transaction_id.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "investment_transaction_id")
    amount = negate(required_number(row.amount, "amount"))
    kind, subtype = investment_type_of(row, has_security=security is not None, warnings=warnings)
    if not has_expected_sign(subtype, amount):
        warnings.append(_warning("sign_mismatch", "The amount's sign does not fit its kind; it was kept.", row))
    security_id, id_type = _security_id(security) if security is not None else (None, None)
    moved_at = row.transaction_datetime
    return ProviderTransactionData(
        provider_account_id=row.account_id,
        provider_transaction_id=row.investment_transaction_id.strip(),
        transaction_type=kind,
        subtype=subtype,
        amount=amount,
        currency=currency_of(row.iso_currency_code, row.unofficial_currency_code),
        transaction_date=row.date,
        description=row.name[:500],
        status="pending" if row.subtype in PENDING_SUBTYPES else "settled",
        occurred_at=None if moved_at is None else to_utc(moved_at),
        symbol=symbol_of(security) if security is not None else None,
        security_name=security.name if security is not None else None,
        security_id=security_id,
        security_id_type=id_type,
        asset_type=asset_type_of(security) if security is not None else None,
        quantity=required_number(row.quantity, "quantity") if row.quantity else None,
        unit_price=required_number(row.price, "price") if row.price else None,
        multiplier=LISTED_OPTION_MULTIPLIER if security is not None and security.option_contract is not None else None,
        fees=None if row.fees is None else required_number(row.fees, "fees"),
        raw_data={"type": row.type, "subtype": row.subtype},
    )


def investment_type_of(
    row: InvestmentTransaction, *, has_security: bool, warnings: list[DataWarning]
) -> tuple[str, str]:
    """The domain's type and subtype of a movement."""
    if row.type == "cancel":
        # The row it takes back is not named reliably, so a person decides.
        warnings.append(_warning("needs_review", "The institution cancelled a movement without naming which.", row))
        return ("other", "adjustment")
    pair = SUBTYPES.get(row.subtype)
    directed = DIRECTED_SUBTYPES.get(row.subtype)
    if directed is not None:
        pair = directed[0] if _enters(row, directed[0][0]) else directed[1]
    if pair is None:
        warnings.append(_warning("unmapped_value", "Plaid gave a kind of movement that is not in our table.", row))
        return ("other", "other")
    if pair[0] == "trade" and (not has_security or not row.quantity):
        warnings.append(_warning("inconsistent_trade", "A trade names no security or no quantity.", row))
        return ("other", "other")
    return pair


def symbol_of(security: Security) -> str | None:
    """The ticker; where there is none (bonds, funds of a plan), the best name that identifies the thing."""
    candidates = (
        security.ticker_symbol,
        security.isin,
        security.cusip,
        security.sedol,
        security.figi,
        security.institution_security_id,
        security.name,
    )
    return next((text.strip() for text in candidates if text and text.strip()), None)


def asset_type_of(security: Security) -> str:
    """The domain's kind; a money market fund is the cash that it stands for."""
    if security.is_cash_equivalent:
        return "cash_equivalent"
    if security.type == "derivative" and security.option_contract is None:
        return "other"  # a future, a warrant or a swap: nothing says which
    return ASSET_TYPES.get(security.type or "other", "other")


def _enters(row: InvestmentTransaction, kind: str) -> bool:
    if kind == "trade" or not row.amount:
        return row.quantity > 0
    return row.amount < 0


def _security_id(security: Security) -> tuple[str, str]:
    for name in ("isin", "cusip", "sedol", "figi"):
        value: str | None = getattr(security, name)
        if value:
            return value, name
    return security.security_id, "provider"


def _warning(code: str, message: str, row: InvestmentTransaction) -> DataWarning:
    return DataWarning(code=code, message=message, field="subtype", provider_id=row.investment_transaction_id)
