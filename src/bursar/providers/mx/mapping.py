"""What do MX's objects mean in the ledger's words and signs?"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.money import AmountError, check_amount, is_currency
from bursar.domain.owners import OwnerAddress, ProviderOwnerData
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.time import to_utc
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.mx.sdk.models.accounts import Account, AccountOwner
from bursar.providers.mx.sdk.models.holdings import InvestmentHolding
from bursar.providers.mx.sdk.models.transactions import Transaction

MAX_DESCRIPTION = 500
INVESTMENT = "INVESTMENT"

ACCOUNT_TYPES: Mapping[str, str] = {
    "CHECKING": "checking",
    "SAVINGS": "savings",
    "PREPAID": "prepaid",
    "CREDIT_CARD": "credit_card",
    "LINE_OF_CREDIT": "line_of_credit",
    "CHECKING_LINE_OF_CREDIT": "line_of_credit",
    "LOAN": "loan",
    "MORTGAGE": "mortgage",
    "INVESTMENT": "brokerage",
    "ANY": "other",
    "CASH": "other",
    "INSURANCE": "other",
    "PROPERTY": "other",
}
# On these a positive balance is what the holder owes.
OWED_TYPES = frozenset({"CREDIT_CARD", "LINE_OF_CREDIT", "CHECKING_LINE_OF_CREDIT", "LOAN", "MORTGAGE"})


def _all(words: str, kind: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), kind)


# By type; a finer kind that is not here is that of its type. The vendor's list of them is open.
SUBTYPES: Mapping[str, Mapping[str, str]] = {
    "CHECKING": {},
    "SAVINGS": {
        **_all("MONEY_MARKET", "money_market"),
        **_all("CERTIFICATE_OF_DEPOSIT", "cd"),
        **_all("HEALTH", "hsa"),
    },
    "LOAN": {**_all("HOME_EQUITY", "line_of_credit")},
    "LINE_OF_CREDIT": {**_all("HOME_EQUITY BOAT POWERSPORTS RV", "line_of_credit")},
    "INVESTMENT": {
        **_all("BROKERAGE BROKERAGE_ACCOUNT STOCK_BASKET TAXABLE", "brokerage"),
        **_all("PLAN_401_K", "401k"),
        **_all("ROTH_401_K", "roth_401k"),
        **_all("PLAN_403_B", "403b"),
        **_all("PLAN_529", "education_529"),
        **_all("IRA TRADITIONAL_IRA", "traditional_ira"),
        **_all("ROLLOVER_IRA", "rollover_ira"),
        **_all("ROTH_IRA", "roth_ira"),
        **_all("SEP_IRA", "sep_ira"),
        **_all("SIMPLE_IRA", "simple_ira"),
        **_all("HEALTH HSA", "hsa"),
        **_all("PENSION", "pension"),
        **_all("TRUST", "trust"),
        **_all("UGMA UTMA CUSTODIAL", "custodial"),
        **_all("CRYPTOCURRENCY", "crypto"),
    },
}
ASSET_TYPES: Mapping[str, str] = {
    "EQUITY": "equity",
    "STOCK": "equity",
    "EXCHANGE_TRADED_FUND": "etf",
    "ETF": "etf",
    "MUTUAL_FUND": "mutual_fund",
    "BOND": "fixed_income",
    "FIXED_INCOME": "fixed_income",
    "CERTIFICATE_OF_DEPOSIT": "fixed_income",
    "CASH": "cash_equivalent",
    "MONEY_MARKET": "cash_equivalent",
    "CRYPTOCURRENCY": "cryptocurrency",
    "FUTURE": "futures",
    "OPTION": "option",
}
LISTED_OPTION_MULTIPLIER = Decimal(100)

STATUSES: Mapping[str, str] = {"POSTED": "settled", "PENDING": "pending"}

_Pair = tuple[str, str]
_PURCHASE: tuple[_Pair, _Pair] = (("payment", "refund"), ("payment", "purchase"))
_BILL: tuple[_Pair, _Pair] = (("payment", "refund"), ("payment", "bill_payment"))
_TRANSFER: tuple[_Pair, _Pair] = (("transfer", "transfer_in"), ("transfer", "transfer_out"))
_FEE: tuple[_Pair, _Pair] = (("payment", "refund"), ("fee", "account_fee"))
_OTHER: tuple[_Pair, _Pair] = (("other", "other"), ("other", "other"))
# MX's words -> (value enters the account, value leaves it). A trade comes without its security and its units, so it
# is no trade of ours: `other`, with MX's word beside it.
CATEGORIES: Mapping[str, tuple[_Pair, _Pair]] = {
    "Paycheck": (("transfer", "direct_deposit"), ("other", "adjustment")),
    "Bonus": (("transfer", "direct_deposit"), ("other", "adjustment")),
    "Interest Income": (("income", "interest"), ("other", "adjustment")),
    "Dividends & Cap Gains": (("income", "dividend"), ("other", "adjustment")),
    "Credit Card Payment": (("transfer", "card_payment"), ("transfer", "card_payment")),
    "Transfer for Cash Spending": (("transfer", "deposit"), ("transfer", "atm")),
    "Cash": (("transfer", "deposit"), ("transfer", "atm")),
    "Mortgage Payment": (("transfer", "transfer_in"), ("payment", "bill_payment")),
    "Loan Payment": (("transfer", "transfer_in"), ("payment", "bill_payment")),
    "Student Loan": (("transfer", "transfer_in"), ("payment", "bill_payment")),
    "Mortgage & Rent": _BILL,
    "Finance Charge": (("payment", "refund"), ("fee", "interest_charge")),
    "Buy": _OTHER,
    "Sell": _OTHER,
}
TOP_LEVEL_CATEGORIES: Mapping[str, tuple[_Pair, _Pair]] = {
    "Income": (("transfer", "deposit"), ("other", "adjustment")),
    "Transfer": _TRANSFER,
    "Investments": _TRANSFER,
    "Fees & Charges": _FEE,
    "Bills & Utilities": _BILL,
    **dict.fromkeys(
        (
            "Auto & Transport",
            "Business Services",
            "Education",
            "Entertainment",
            "Food & Dining",
            "Gifts & Donations",
            "Health & Fitness",
            "Home",
            "Kids",
            "Personal Care",
            "Pets",
            "Shopping",
            "Taxes",
            "Travel",
            "Uncategorized",
        ),
        _PURCHASE,
    ),
}


def to_account(account: Account, warnings: list[DataWarning]) -> ProviderAccountData:
    """An account with the holder's sign: MX's debts are positive, ours are negative.

    Raises:
        UnreadableError: no id, no ISO currency, or a number that no account holds.
    """
    guid = _guid(account.guid)
    currency = currency_of(account.currency_code, None)
    balance = _number(account.balance, "balance")
    if account.type not in ACCOUNT_TYPES:
        # The figure is there and its direction is not: with a guessed sign it would be worse than none.
        balance = None
    elif balance is not None and account.type in OWED_TYPES:
        balance = negate(balance)
    available = account.available_balance
    if available is None and account.type in OWED_TYPES:
        available = account.available_credit
    return ProviderAccountData(
        provider_account_id=guid,
        account_number_masked=mask(account.account_number),
        name=(account.nickname or account.name or "Account").strip() or "Account",
        account_type=account_type_of(account, warnings),
        currency=currency,
        balance=balance if balance is not None else Decimal(0),
        balance_known=balance is not None,
        available_balance=_number(available, "available_balance"),
        cash_balance=_number(account.cash_balance, "cash_balance"),
        credit_limit=_number(account.credit_limit, "credit_limit"),
        balance_as_of=_utc(account.imported_at),
        is_active=account.is_closed is not True,
        provider_type=f"{account.type}/{account.subtype}" if account.subtype else account.type,
        raw_data=_given(institution_code=account.institution_code),
    )


def account_type_of(account: Account, warnings: list[DataWarning]) -> str:
    """The domain's word; MX's own in lower case, and a warning, where the vocabulary has grown."""
    known = ACCOUNT_TYPES.get(account.type)
    if known is not None and (not account.subtype or account.subtype == "NONE"):
        return known
    finer = SUBTYPES.get(account.type, {}).get(account.subtype or "")
    if finer is not None:
        return finer
    if known is None or account.type in SUBTYPES:
        warnings.append(
            DataWarning(
                code="unmapped_value",
                message="MX describes the account with a type that is not in our table.",
                field="accounts.type" if known is None else "accounts.subtype",
                provider_id=account.guid,
            )
        )
    return account.type.lower() if known is None else known


def to_transaction(
    row: Transaction, account_currency: str | None, warnings: list[DataWarning]
) -> ProviderTransactionData:
    """A transaction with the holder's sign: a credit enters the account, a debit leaves it, on every kind of account.

    Without a currency of its own it is in the account's (None: the account could not be read).

    Raises:
        UnreadableError: no id, no currency, an unknown direction or state, or a number that no account holds.
    """
    status = STATUSES.get(row.status.upper())
    if status is None:
        raise UnreadableError(RejectReason.UNSUPPORTED, "status")
    amount = _required(row.amount, "amount")
    if amount < 0:
        # Two directions that contradict each other, or agree: nobody can say.
        raise UnreadableError(RejectReason.INCONSISTENT, "amount")
    direction = row.type.upper()
    if direction not in ("CREDIT", "DEBIT"):
        raise UnreadableError(RejectReason.UNSUPPORTED, "type")
    enters = direction == "CREDIT"
    kind, subtype = transaction_type_of(row, warnings, enters=enters)
    text = row.original_description or row.description or ""
    return ProviderTransactionData(
        provider_account_id=row.account_guid,
        provider_transaction_id=_guid(row.guid),
        transaction_type=kind,
        subtype=subtype,
        amount=amount if enters else negate(amount),
        currency=currency_of(row.currency_code, account_currency),
        transaction_date=booking_day(row),
        description=text[:MAX_DESCRIPTION],
        status=status,
        counterparty=row.description or None,
        check_number=row.check_number_string or None,
        category_hint=row.category or row.top_level_category or None,
        memo=row.memo or None,
        raw_data=_given(
            date=row.date.isoformat(),
            transacted_at=None if row.transacted_at is None else row.transacted_at.isoformat(),
            full_description=text if len(text) > MAX_DESCRIPTION else None,
        ),
    )


def booking_day(row: Transaction) -> date:
    """The day on which a row was posted; MX's `date` is mostly the day on which it happened.

    `posted_at` is a day that is written as an instant, at midnight or noon, so its own day is the institution's.
    """
    if row.posted_at is None or row.status.upper() != "POSTED":
        return row.date
    return row.posted_at.astimezone(UTC).date()


def transaction_type_of(row: Transaction, warnings: list[DataWarning], *, enters: bool) -> tuple[str, str]:
    """The domain's type and subtype: first match of category, flags, check number, top-level category, direction."""
    found = CATEGORIES.get(row.category or "")
    if found is None:
        if enters and row.is_direct_deposit:
            return ("transfer", "direct_deposit")
        if not enters and (row.is_fee or row.is_overdraft_fee):
            return ("fee", "account_fee")
        if not enters and row.is_bill_pay:
            return ("payment", "bill_payment")
        if row.check_number_string:
            return ("payment", "check")
        top = row.top_level_category
        found = TOP_LEVEL_CATEGORIES.get(top or "")
        if found is None and top:
            warnings.append(
                DataWarning(
                    code="unmapped_value",
                    message="MX gave a category that is not in our table; the direction decided the kind of row.",
                    field="top_level_category",
                    provider_id=row.guid,
                )
            )
    entering, leaving = found or _PURCHASE
    return entering if enters else leaving


def to_holding(holding: InvestmentHolding, account_currency: str | None) -> ProviderHoldingData:
    """A position; the cost is the total, `purchase_price` the average.

    Raises:
        UnreadableError: nothing names it, no ISO currency, or a number that no account holds.
    """
    symbol = (holding.symbol or holding.description or "").strip()
    if not symbol:
        raise UnreadableError(RejectReason.MISSING_FIELD, "symbol")
    is_option = bool(holding.put_or_call) or holding.holding_type == "OPTION"
    return ProviderHoldingData(
        provider_account_id=holding.account_guid,
        provider_holding_id=_guid(holding.guid),
        symbol=symbol,
        security_name=(holding.description or symbol).strip(),
        asset_type="option" if is_option else ASSET_TYPES.get(holding.holding_type or "", "other"),
        quantity=_required(holding.quantity, "quantity"),
        currency=currency_of(holding.currency_code, account_currency),
        cost_basis=_number(holding.cost_basis, "cost_basis"),
        market_value=_number(holding.market_value, "market_value"),
        average_price=_number(holding.purchase_price, "purchase_price"),
        current_price=_number(holding.current_price, "current_price"),
        price_on=_day(holding.current_price_as_of),
        multiplier=LISTED_OPTION_MULTIPLIER if is_option else Decimal(1),
        raw_data=_given(holding_type=holding.holding_type),
    )


def to_owner(owner: AccountOwner) -> ProviderOwnerData:
    """An owner of one account.

    Raises:
        UnreadableError: there is no name.
    """
    parts = " ".join(part.strip() for part in (owner.first_name, owner.last_name) if part and part.strip())
    name = (owner.owner_name or "").strip() or parts
    if not name:
        raise UnreadableError(RejectReason.MISSING_FIELD, "owner_name")
    address = OwnerAddress(
        lines=tuple(line.strip() for line in (owner.address or "").splitlines() if line.strip()),
        city=owner.city or None,
        region=owner.state or None,
        postal_code=owner.postal_code or None,
        country=owner.country or None,
    )
    return ProviderOwnerData(
        provider_account_id=owner.account_guid,
        names=(name,),
        emails=(owner.email,) if owner.email else (),
        phones=(owner.phone,) if owner.phone else (),
        addresses=(address,) if address != OwnerAddress() else (),
    )


def mask(number: str | None) -> str:
    """MX's number is masked already; stars stand for what it hides, however long that is."""
    text = (number or "").strip()
    shown = text.lstrip("Xx*•")
    if not shown or (shown == text and len(text) <= 4):
        return "****"
    return f"****{shown[-4:]}"


def negate(amount: Decimal) -> Decimal:
    """The same digits with the other sign; unlike `-amount` it never rounds, and zero stays zero."""
    return amount.copy_negate() if amount else amount.copy_abs()


def currency_of(code: str | None, fallback: str | None) -> str:
    """The ISO code of a row.

    Raises:
        UnreadableError: none, or one that is not in ISO 4217.
    """
    code = code or fallback
    if not code:
        raise UnreadableError(RejectReason.MISSING_FIELD, "currency_code")
    if not is_currency(code):
        raise UnreadableError(RejectReason.UNKNOWN_CURRENCY, "currency_code")
    return code


def _guid(text: str) -> str:
    if not text.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "guid")
    return text.strip()


def _required(number: Decimal, field: str) -> Decimal:
    try:
        return check_amount(number)
    except AmountError:
        raise UnreadableError(RejectReason.BAD_NUMBER, field) from None


def _number(number: Decimal | None, field: str) -> Decimal | None:
    return None if number is None else _required(number, field)


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else to_utc(instant)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text[:10])
    except ValueError:
        return None


def _given(**members: str | None) -> Mapping[str, object]:
    return {name: value for name, value in members.items() if value is not None}
