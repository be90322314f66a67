"""What do Finicity's transactions mean in the ledger's words and signs?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

from bursar.domain.accounts import AccountType, ProviderAccountData
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.transactions import ProviderTransactionData, has_expected_sign
from bursar.ports.rejects import UnreadableError
from bursar.providers.finicity.mapping import check_id, day_of, required_number, security_id_of
from bursar.providers.finicity.rejects import row_id
from bursar.providers.finicity.sdk.models.transactions import Transaction

MAX_DESCRIPTION = 500
_NO_DESCRIPTION = "No description provided by institution"

STATUSES: Mapping[str, str] = {"active": "settled", "pending": "pending"}
SHADOW = "shadow"
"""The row has disappeared at the institution: it is none of the account's any more."""

Pair = tuple[str, str]

# Words of `type`: (value enters the account, value leaves it).
TYPES: Mapping[str, tuple[Pair, Pair]] = {
    "atm": (("transfer", "deposit"), ("transfer", "atm")),
    "cash": (("transfer", "deposit"), ("transfer", "withdrawal")),
    "check": (("transfer", "deposit"), ("payment", "check")),
    "credit": (("payment", "refund"), ("payment", "purchase")),
    "debit": (("payment", "refund"), ("payment", "purchase")),
    "pointOfSale": (("payment", "refund"), ("payment", "purchase")),
    "deposit": (("transfer", "deposit"), ("other", "adjustment")),
    "directDebit": (("payment", "refund"), ("payment", "direct_debit")),
    "directDeposit": (("transfer", "direct_deposit"), ("other", "adjustment")),
    "dividend": (("income", "dividend"), ("other", "adjustment")),
    "fee": (("payment", "refund"), ("fee", "account_fee")),
    "serviceCharge": (("payment", "refund"), ("fee", "account_fee")),
    "interest": (("income", "interest"), ("fee", "interest_charge")),
    "payment": (("transfer", "deposit"), ("payment", "bill_payment")),
    "repeatPayment": (("transfer", "deposit"), ("payment", "bill_payment")),
    "transfer": (("transfer", "transfer_in"), ("transfer", "transfer_out")),
}
_CREDIT_PAYMENT: tuple[Pair, Pair] = (("transfer", "card_payment"), ("payment", "bill_payment"))
_DEFAULT: tuple[Pair, Pair] = (("payment", "refund"), ("payment", "purchase"))


def _one(pair: Pair) -> tuple[Pair, Pair]:
    return pair, pair


# Words of `investmentTransactionType`.
INVESTMENT_TYPES: Mapping[str, tuple[Pair, Pair]] = {
    "purchased": _one(("trade", "buy")),
    "purchaseToClose": _one(("trade", "buy_to_cover")),
    "purchaseToCover": _one(("trade", "buy_to_cover")),
    "sold": _one(("trade", "sell")),
    "soldToClose": _one(("trade", "sell")),
    "soldToOpen": _one(("trade", "short_sell")),
    "optionExercise": _one(("trade", "exercise")),
    "optionExpiration": _one(("trade", "expiration")),
    "split": _one(("trade", "split")),
    "dividendReinvest": _one(("trade", "reinvest")),
    "reinvestOfIncome": _one(("trade", "reinvest")),
    "dividend": (("income", "dividend"), ("other", "adjustment")),
    "interest": (("income", "interest"), ("fee", "margin_interest")),
    "income": (("income", "distribution"), ("other", "adjustment")),
    "returnOfCapital": _one(("income", "return_of_capital")),
    "fee": (("other", "adjustment"), ("fee", "account_fee")),
    "tax": (("other", "adjustment"), ("fee", "tax_withheld")),
    "deposit": (("transfer", "deposit"), ("transfer", "withdrawal")),
    "contribution": (("transfer", "deposit"), ("transfer", "withdrawal")),
    "transfer": (("transfer", "transfer_in"), ("transfer", "transfer_out")),
    "cancel": _one(("other", "adjustment")),
    "otherInfo": _one(("other", "other")),
}


@dataclass(frozen=True, slots=True)
class RowContext:
    """What a row's account says about its rows."""

    account: ProviderAccountData
    zone: ZoneInfo
    is_turned: bool = False
    """Whether amounts are positive where money leaves."""
    asset_types: Mapping[str, str] = field(default_factory=dict[str, str])
    """Symbol or id of a security that is held -> its kind."""


def to_transaction(row: Transaction, context: RowContext, warnings: list[DataWarning]) -> ProviderTransactionData:
    """A transaction with the holder's sign, on its day in the institution's calendar.

    Raises:
        UnreadableError: no id, no date, a status that nobody knows, or a number that no account holds.
    """
    check_id(row.id)
    status = STATUSES.get(row.status)
    if status is None:
        raise UnreadableError(RejectReason.UNSUPPORTED, "status")
    amount = required_number(row.amount, "amount")
    if context.is_turned and amount:
        amount = amount.copy_negate()
    posted_on = day_of(row.posted_date, context.zone, "postedDate")
    happened_on = day_of(row.transaction_date, context.zone, "transactionDate")
    # A row that has not posted is of the day on which it happened.
    booked_on = (happened_on or posted_on) if status == "pending" else (posted_on or happened_on)
    if booked_on is None:
        raise UnreadableError(RejectReason.MISSING_FIELD, "postedDate")
    own_id = row_id(row.account_id, row.id)
    quantity = None if not row.unit_quantity else required_number(row.unit_quantity, "unitQuantity")
    kind, subtype = type_of(row, amount, context, own_id, warnings)
    if kind == "trade" and subtype in ("sell", "short_sell") and quantity is not None:
        quantity = quantity.copy_abs().copy_negate()
    if not has_expected_sign(subtype, amount):
        warnings.append(_warning("sign_mismatch", "The amount's sign does not fit its kind; it was kept.", own_id))
    description = row.description or ""
    if not description or description == _NO_DESCRIPTION:
        description = row.memo or description
    security_id, id_type = security_id_of(row.security_id, row.security_id_type)
    is_security = quantity is not None or bool(row.ticker or security_id)
    category = row.categorization
    return ProviderTransactionData(
        provider_account_id=row.account_id,
        provider_transaction_id=own_id,
        transaction_type=kind,
        subtype=subtype,
        amount=amount,
        currency=context.account.currency,
        transaction_date=booked_on,
        description=description[:MAX_DESCRIPTION],
        status=status,
        symbol=row.ticker or None,
        security_id=security_id,
        security_id_type=id_type,
        asset_type=_asset_type(row, context) if is_security else None,
        quantity=quantity,
        unit_price=_optional(row.unit_price or None, "unitPrice"),
        commission=_optional(row.commission_amount, "commissionAmount"),
        fees=_optional(row.fee_amount, "feeAmount"),
        counterparty=(category.normalized_payee_name or None) if category is not None else None,
        check_number=None if row.check_num is None else str(row.check_num)[:40] or None,
        category_hint=(category.category or None) if category is not None else None,
        memo=row.memo or None,
        raw_data=_given(
            type=row.type,
            investment_type=row.investment_transaction_type,
            happened_on=happened_on.isoformat() if happened_on is not None and happened_on != booked_on else None,
            full_description=description if len(description) > MAX_DESCRIPTION else None,
        ),
    )


def type_of(row: Transaction, amount: Decimal, context: RowContext, own_id: str, warnings: list[DataWarning]) -> Pair:
    """The domain's type and subtype: Finicity's word, and the direction where the word alone does not say."""
    kind = AccountType(context.account.account_type)
    word = row.investment_transaction_type
    pairs = INVESTMENT_TYPES.get(word) if word else None
    if pairs is None and word:
        warnings.append(
            _warning("unmapped_value", "Finicity gave a kind of movement that is not in our table.", own_id)
        )
    if pairs is None:
        pairs = TYPES.get(row.type or "")
        if row.type == "payment" and kind.is_credit():
            pairs = _CREDIT_PAYMENT
    if pairs is None and not (kind.is_bank() or kind.is_credit()):
        return ("other", "other")
    pair = (pairs or _DEFAULT)[0 if amount > 0 else 1]
    if pair[0] == "trade" and not (row.unit_quantity and (row.ticker or row.security_id)):
        warnings.append(_warning("inconsistent_trade", "A trade names no security or no quantity.", own_id))
        return ("other", "other")
    return pair


def _asset_type(row: Transaction, context: RowContext) -> str:
    known = context.asset_types
    return known.get(row.security_id or "") or known.get(row.ticker or "") or "other"


def _optional(number: Decimal | None, field_name: str) -> Decimal | None:
    return None if number is None else required_number(number, field_name)


def _warning(code: str, message: str, own_id: str) -> DataWarning:
    return DataWarning(code=code, message=message, field="transactions.type", provider_id=own_id)


def _given(**members: str | None) -> Mapping[str, object]:
    return {name: value for name, value in members.items() if value is not None}
