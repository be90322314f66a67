"""What do the neutral provider's words mean in the ledger's words and signs?"""

from collections.abc import Mapping
from decimal import Decimal

from bursar.converge.neutral.wire import Account, Holding, Row
from bursar.domain.accounts import ProviderAccountData, account_identity
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.money import AmountError, check_amount, is_currency
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.time import to_utc
from bursar.domain.transactions import ProviderTransactionData, has_expected_sign
from bursar.ports.rejects import UnreadableError

MAX_DESCRIPTION = 500

ACCOUNT_TYPES: Mapping[str, str] = {
    "checking": "checking",
    "savings": "savings",
    "card": "credit_card",
    "loan": "loan",
    "brokerage": "brokerage",
}
ASSET_TYPES: Mapping[str, str] = {"equity": "equity", "etf": "etf", "mutual_fund": "mutual_fund"}
STATES: Mapping[str, str] = {"booked": "settled", "pending": "pending"}

_PURCHASE = (("payment", "refund"), ("payment", "purchase"))
_BILL = (("payment", "refund"), ("payment", "bill_payment"))
# (value enters the account, value leaves it)
KINDS: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    **dict.fromkeys(("groceries", "coffee", "restaurant", "fuel", "shopping", "other"), _PURCHASE),
    **dict.fromkeys(("rent", "utilities", "subscription"), _BILL),
    "salary": (("transfer", "direct_deposit"), ("other", "adjustment")),
    "cash": (("transfer", "deposit"), ("transfer", "atm")),
    "card_payment": (("transfer", "card_payment"), ("transfer", "card_payment")),
    "transfer": (("transfer", "transfer_in"), ("transfer", "transfer_out")),
    "interest": (("income", "interest"), ("fee", "interest_charge")),
    "fee": (("payment", "refund"), ("fee", "account_fee")),
    "loan_payment": (("transfer", "transfer_in"), ("payment", "bill_payment")),
    "buy": (("other", "adjustment"), ("trade", "buy")),
    "sell": (("trade", "sell"), ("other", "adjustment")),
    "dividend": (("income", "dividend"), ("other", "adjustment")),
}


def to_account(account: Account, warnings: list[DataWarning]) -> ProviderAccountData:
    """An account with the holder's sign.

    Raises:
        UnreadableError: no id, no ISO currency, or a number that no account holds.
    """
    if not account.id.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "id")
    currency = _currency(account.currency, None)
    ledger = _number(account.ledger, "ledger")
    if ledger is not None and account.positive == "owed":
        ledger = negate(ledger)
    elif ledger is not None and account.positive != "held":
        # The figure is there and its direction is not: shown with a guessed sign it would be worse than none.
        _warn(
            warnings, "The provider gives a balance in a sign that is not in our table.", "accounts.positive", account
        )
        ledger = None
    if account.kind not in ACCOUNT_TYPES:
        _warn(warnings, "The provider gives a kind of account that is not in our table.", "accounts.kind", account)
    return ProviderAccountData(
        provider_account_id=account.id,
        account_number_masked=f"****{account.mask.strip()[-4:]}" if account.mask and account.mask.strip() else "****",
        name=account.name.strip() or "Account",
        account_type=ACCOUNT_TYPES.get(account.kind, account.kind.lower()),
        currency=currency,
        balance=ledger if ledger is not None else Decimal(0),
        balance_known=ledger is not None,
        available_balance=_number(account.available, "available"),
        cash_balance=_number(account.cash, "cash"),
        credit_limit=_number(account.limit, "limit"),
        balance_as_of=None if account.as_of is None else to_utc(account.as_of),
        balance_on=account.on,
        provider_type=account.kind,
        identity=account_identity(account.number, bank_code=account.bank_code) if account.number else None,
        institution_timezone=account.zone,
    )


def to_transaction(
    row: Row, account_id: str, positive: str, account_currency: str | None, warnings: list[DataWarning]
) -> ProviderTransactionData:
    """A transaction with the holder's sign; without a currency of its own it is in the account's.

    Args:
        row: as sent.
        account_id: the account that the list, or the row, names.
        positive: the list's word for which way is positive: `enters` or `leaves`.
        account_currency: the account's; None when the account could not be read.
        warnings: get what a person should know.

    Raises:
        UnreadableError: no currency, an unknown state or direction, or a number that no account holds.
    """
    status = STATES.get(row.state)
    if status is None:
        raise UnreadableError(RejectReason.UNSUPPORTED, "state")
    if positive not in ("enters", "leaves"):
        raise UnreadableError(RejectReason.UNSUPPORTED, "positive")
    amount = _required(row.amount, "amount")
    if positive == "leaves":
        amount = negate(amount)
    kind, subtype = _kind_of(row, amount, warnings)
    row_id = row.id.strip() or None
    if not has_expected_sign(subtype, amount):
        warnings.append(
            DataWarning(
                code="sign_mismatch",
                message="The amount's sign does not fit the kind that the provider gave it; it was kept as it is.",
                field="amount",
                provider_id=row_id,
            )
        )
    trade = row.trade
    text = row.text or ""
    return ProviderTransactionData(
        provider_account_id=account_id,
        provider_transaction_id=row_id,
        transaction_type=kind,
        subtype=subtype,
        amount=amount,
        currency=_currency(row.currency, account_currency),
        transaction_date=row.date,
        description=text[:MAX_DESCRIPTION],
        status=status,
        counterparty=row.counterparty or None,
        pending_transaction_id=row.replaces.strip() or None if row.replaces else None,
        symbol=trade.symbol if trade is not None else None,
        security_name=trade.name if trade is not None else None,
        quantity=_required(trade.quantity, "trade.quantity") if trade is not None else None,
        unit_price=_number(trade.price, "trade.price") if trade is not None else None,
        fees=_number(trade.fees, "trade.fees") if trade is not None else None,
        raw_data={"full_description": text} if len(text) > MAX_DESCRIPTION else None,
    )


def to_holding(holding: Holding, account_id: str) -> ProviderHoldingData:
    """A position; the cost is the total.

    Raises:
        UnreadableError: no id or symbol, no ISO currency, or a number that no account holds.
    """
    for name in ("id", "symbol"):
        if not getattr(holding, name).strip():
            raise UnreadableError(RejectReason.MISSING_FIELD, name)
    return ProviderHoldingData(
        provider_account_id=account_id,
        provider_holding_id=holding.id,
        symbol=holding.symbol,
        security_name=holding.name or holding.symbol,
        asset_type=ASSET_TYPES.get(holding.asset_class or "", "other"),
        quantity=_required(holding.quantity, "quantity"),
        currency=_currency(holding.currency, None),
        cost_basis=_number(holding.cost, "cost"),
        market_value=_number(holding.value, "value"),
        current_price=_number(holding.price, "price"),
        price_on=holding.price_date,
        security_id=holding.isin or None,
        security_id_type="isin" if holding.isin else None,
    )


def negate(amount: Decimal) -> Decimal:
    """The same digits with the other sign; unlike `-amount` it never rounds, and zero stays zero."""
    return amount.copy_negate() if amount else amount.copy_abs()


def _kind_of(row: Row, amount: Decimal, warnings: list[DataWarning]) -> tuple[str, str]:
    known = KINDS.get(row.kind) if row.kind is not None else _PURCHASE
    if known is None:
        known = _PURCHASE
        warnings.append(
            DataWarning(
                code="unmapped_value",
                message="The provider gives a kind of row that is not in our table; the sign decided.",
                field="kind",
                provider_id=row.id.strip() or None,
            )
        )
    return known[0] if amount > 0 else known[1]


def _currency(code: str | None, fallback: str | None) -> str:
    code = code or fallback
    if not code:
        raise UnreadableError(RejectReason.MISSING_FIELD, "currency")
    if not is_currency(code):
        raise UnreadableError(RejectReason.UNKNOWN_CURRENCY, "currency")
    return code


def _required(number: Decimal, field: str) -> Decimal:
    try:
        return check_amount(number)
    except AmountError:
        raise UnreadableError(RejectReason.BAD_NUMBER, field) from None


def _number(number: Decimal | None, field: str) -> Decimal | None:
    return None if number is None else _required(number, field)


def _warn(warnings: list[DataWarning], message: str, field: str, account: Account) -> None:
    warnings.append(DataWarning(code="unmapped_value", message=message, field=field, provider_id=account.id))
