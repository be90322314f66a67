"""What do Plaid's accounts and transactions mean in the ledger's words and signs?"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.money import AmountError, check_amount, is_currency
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.time import to_utc
from bursar.domain.transactions import ProviderTransactionData, RemovedTransaction, has_expected_sign
from bursar.ports.rejects import UnreadableError
from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.transactions import Removed, Transaction

MAX_DESCRIPTION = 500

# Plaid's types whose positive balance is what the holder owes.
OWED_TYPES = frozenset({"credit", "loan"})
INVESTMENT_TYPES = frozenset({"investment", "brokerage"})


def _types(account_type: str, subtypes: str, domain: str) -> dict[tuple[str, str], str]:
    return {(account_type, subtype): domain for subtype in subtypes.split(", ")}


# Values contain blanks and mixed case (`403B`) and are compared as they are.
# Source: https://plaid.com/docs/api/accounts/#account-type-schema (read 2026-11-21)
ACCOUNT_TYPES: Mapping[tuple[str, str], str] = {
    **_types("depository", "checking, cash management, limited purpose checking", "checking"),
    **_types("depository", "savings", "savings"),
    **_types("depository", "money market", "money_market"),
    **_types("depository", "cd", "cd"),
    **_types("depository", "hsa", "hsa"),
    **_types("depository", "prepaid, ebt, paypal", "prepaid"),
    **_types("credit", "credit card", "credit_card"),
    **_types("credit", "paypal", "line_of_credit"),
    **_types("loan", "mortgage", "mortgage"),
    **_types("loan", "home equity, line of credit, overdraft", "line_of_credit"),
    **_types("loan", "auto, business, commercial, construction, consumer, loan, student, other", "loan"),
    **_types(
        "investment",
        "brokerage, non-taxable brokerage account, mutual fund, stock plan, cash isa, isa, tfsa",
        "brokerage",
    ),
    **_types("investment", "trust", "trust"),
    **_types("investment", "ira", "traditional_ira"),
    **_types("investment", "roth", "roth_ira"),
    **_types("investment", "401k", "401k"),
    **_types("investment", "roth 401k", "roth_401k"),
    **_types("investment", "403B", "403b"),
    **_types("investment", "sep ira", "sep_ira"),
    **_types("investment", "simple ira", "simple_ira"),
    **_types("investment", "hsa", "hsa"),
    **_types("investment", "pension", "pension"),
    **_types("investment", "529", "education_529"),
    **_types("investment", "ugma, utma", "custodial"),
    **_types("investment", "crypto exchange, non-custodial wallet", "crypto"),
    **_types(
        "investment",
        "401a, 457b, education savings account, fhsa, fixed annuity, gic, health reimbursement arrangement, keogh, "
        "lif, life insurance, line of credit, lira, lrif, lrsp, other, other annuity, other insurance, prif, "
        "profit sharing plan, qshr, rdsp, resp, retirement, rlif, roth 403B, roth 457b, roth pension, "
        "roth profit sharing plan, roth thrift savings plan, rrif, rrsp, sarsep, sipp, thrift savings plan, "
        "variable annuity",
        "other",
    ),
    **_types("other", "other, payroll", "other"),
}

# Detailed values first, then the primary; what is in neither is told by the check number and the sign.
DETAILED_TYPES: Mapping[str, tuple[str, str]] = {
    "INCOME_INTEREST_EARNED": ("income", "interest"),
    "INCOME_DIVIDENDS": ("income", "dividend"),
    "TRANSFER_IN_DEPOSIT": ("transfer", "deposit"),
    "TRANSFER_IN_WIRE": ("transfer", "wire_in"),
    "TRANSFER_OUT_WITHDRAWAL": ("transfer", "atm"),
    "TRANSFER_OUT_WIRE": ("transfer", "wire_out"),
    "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT": ("transfer", "card_payment"),
    "BANK_FEES_INTEREST_CHARGE": ("fee", "interest_charge"),
    "BANK_FEES_FOREIGN_TRANSACTION_FEES": ("fee", "foreign_transaction_fee"),
}
PRIMARY_TYPES: Mapping[str, tuple[str, str]] = {
    "INCOME": ("transfer", "direct_deposit"),
    "TRANSFER_IN": ("transfer", "transfer_in"),
    "LOAN_DISBURSEMENTS": ("transfer", "transfer_in"),
    "TRANSFER_OUT": ("transfer", "transfer_out"),
    "LOAN_PAYMENTS": ("payment", "bill_payment"),
    "RENT_AND_UTILITIES": ("payment", "bill_payment"),
    "BANK_FEES": ("fee", "account_fee"),
}
SPENDING_PRIMARIES = frozenset(
    "ENTERTAINMENT FOOD_AND_DRINK GENERAL_MERCHANDISE HOME_IMPROVEMENT MEDICAL PERSONAL_CARE GENERAL_SERVICES "
    "GOVERNMENT_AND_NON_PROFIT TRANSPORTATION TRAVEL OTHER".split()
)


def to_account(account: Account, warnings: list[DataWarning]) -> ProviderAccountData:
    """An account with the holder's sign: what is owed on a card or a loan becomes negative.

    Raises:
        UnreadableError: no ISO currency, or a number that no account holds.
    """
    balances = account.balances
    currency = currency_of(balances.iso_currency_code, balances.unofficial_currency_code, "balances.")
    current = _number(balances.current, "balances.current")
    if current is not None and account.type in OWED_TYPES:
        current = negate(current)
    return ProviderAccountData(
        provider_account_id=account.account_id,
        account_number_masked=mask(account.mask),
        name=account.name or account.official_name or "Account",
        account_type=account_type_of(account, warnings),
        currency=currency,
        balance=current if current is not None else Decimal(0),
        balance_known=current is not None,
        available_balance=_number(balances.available, "balances.available"),
        credit_limit=_number(balances.limit, "balances.limit"),
        balance_as_of=_utc(balances.last_updated_datetime),
        provider_type=f"{account.type}/{account.subtype}" if account.subtype else account.type,
        persistent_id=account.persistent_account_id,
        raw_data=_given(official_name=account.official_name, holder_category=account.holder_category),
    )


def account_type_of(account: Account, warnings: list[DataWarning]) -> str:
    """The domain's word; Plaid's own in lower case, and a warning, where the vocabulary has grown."""
    if account.type == "brokerage":
        return "brokerage"  # an older label of investment, whatever the subtype
    known = ACCOUNT_TYPES.get((account.type, account.subtype or ""))
    if known is not None:
        return known
    warnings.append(
        DataWarning(
            code="unmapped_value",
            message="Plaid describes the account with a type that is not in our table.",
            field="accounts.subtype",
            provider_id=account.account_id,
        )
    )
    return (account.subtype or account.type).lower()


def to_transaction(row: Transaction, warnings: list[DataWarning]) -> ProviderTransactionData:
    """A transaction with the holder's sign: Plaid's positive amounts leave the account, on every kind of account.

    Raises:
        UnreadableError: no ISO currency, no id, or a number that no account holds.
    """
    if not row.transaction_id.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "transaction_id")
    currency = currency_of(row.iso_currency_code, row.unofficial_currency_code)
    amount = negate(required_number(row.amount, "amount"))
    kind, subtype = transaction_type_of(row, warnings)
    if not has_expected_sign(subtype, amount):
        warnings.append(
            DataWarning(
                code="sign_mismatch",
                message="The amount's sign does not fit the category that Plaid gave it; it was kept as it is.",
                field="amount",
                provider_id=row.transaction_id,
            )
        )
    category = row.personal_finance_category
    first_counterparty = row.counterparties[0].name if row.counterparties else None
    return ProviderTransactionData(
        provider_account_id=row.account_id,
        provider_transaction_id=row.transaction_id.strip(),
        transaction_type=kind,
        subtype=subtype,
        amount=amount,
        currency=currency,
        transaction_date=row.date,
        description=row.name[:MAX_DESCRIPTION],
        status="pending" if row.pending else "settled",
        occurred_at=_utc(row.datetime or row.authorized_datetime),
        counterparty=row.merchant_name or first_counterparty or row.name or None,
        check_number=row.check_number or None,
        category_hint=_category_hint(category.detailed, category.version) if category is not None else None,
        memo=row.original_description,
        pending_transaction_id=row.pending_transaction_id or None,
        raw_data=_given(
            authorized_date=row.authorized_date.isoformat() if row.authorized_date else None,
            payment_channel=row.payment_channel,
            transaction_code=row.transaction_code,
            merchant_entity_id=row.merchant_entity_id,
            category_confidence=category.confidence_level if category is not None else None,
            full_description=row.name if len(row.name) > MAX_DESCRIPTION else None,
        ),
    )


def transaction_type_of(row: Transaction, warnings: list[DataWarning]) -> tuple[str, str]:
    """The domain's type and subtype: first match of detailed category, primary category, check number, sign."""
    category = row.personal_finance_category
    if category is not None:
        known = DETAILED_TYPES.get(category.detailed) or PRIMARY_TYPES.get(category.primary)
        if known is not None:
            return known
        if category.primary not in SPENDING_PRIMARIES:
            warnings.append(
                DataWarning(
                    code="unmapped_value",
                    message="Plaid gave a category that is not in our table; the sign decided the kind of row.",
                    field="personal_finance_category.primary",
                    provider_id=row.transaction_id,
                )
            )
    if row.check_number:
        return ("payment", "check")
    return ("payment", "refund") if row.amount < 0 else ("payment", "purchase")


def to_removed(row: Removed) -> RemovedTransaction:
    """A transaction that no longer exists: mostly a pending row that posted under another id."""
    return RemovedTransaction(provider_transaction_id=row.transaction_id, provider_account_id=row.account_id)


def mask(digits: str | None) -> str:
    """Plaid's mask is the visible end of a longer number already; stars stand for the rest, however long it is."""
    return f"****{digits.strip()[-4:]}" if digits and digits.strip() else "****"


def negate(amount: Decimal) -> Decimal:
    """The same digits with the other sign; unlike `-amount` it never rounds, and zero stays zero."""
    return amount.copy_negate() if amount else amount.copy_abs()


def currency_of(iso: str | None, unofficial: str | None, prefix: str = "") -> str:
    """The ISO code of a row.

    Raises:
        UnreadableError: `unknown_currency` for points, crypto units and codes outside ISO 4217; `missing_field` for
            none at all.
    """
    if iso:
        if is_currency(iso):
            return iso
        raise UnreadableError(RejectReason.UNKNOWN_CURRENCY, f"{prefix}iso_currency_code")
    if unofficial:
        raise UnreadableError(RejectReason.UNKNOWN_CURRENCY, f"{prefix}unofficial_currency_code")
    raise UnreadableError(RejectReason.MISSING_FIELD, f"{prefix}iso_currency_code")


def required_number(number: Decimal, field: str) -> Decimal:
    """The number, unchanged, if the ledger can hold it."""
    try:
        return check_amount(number)
    except AmountError:
        raise UnreadableError(RejectReason.BAD_NUMBER, field) from None


def _number(number: Decimal | None, field: str) -> Decimal | None:
    return None if number is None else required_number(number, field)


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else to_utc(instant)


def _category_hint(detailed: str, version: str | None) -> str:
    # The same word means different things in v1 and v2, so it never travels without its version.
    return f"{detailed}@{version}" if version else detailed


def _given(**members: str | None) -> Mapping[str, object]:
    return {name: value for name, value in members.items() if value is not None}
