"""What does a row of a bank or card statement mean in the words of the ledger?"""

import re
from decimal import Context, Decimal, DecimalException
from typing import NamedTuple

from bursar.domain.money import is_currency
from bursar.domain.transactions import ProviderTransactionData, TransactionSubtype, TransactionType
from bursar.importers.ofx.accounts import AccountKey
from bursar.importers.ofx.rows import BankRow, RowCurrency

Kind = tuple[TransactionType, TransactionSubtype]

_T, _S = TransactionType, TransactionSubtype
_OTHER: Kind = (_T.OTHER, _S.OTHER)
_ADJUSTMENT: Kind = (_T.OTHER, _S.ADJUSTMENT)
_PURCHASE: Kind = (_T.PAYMENT, _S.PURCHASE)
_REFUND: Kind = (_T.PAYMENT, _S.REFUND)
_CARD_PAYMENT: Kind = (_T.TRANSFER, _S.CARD_PAYMENT)
_INTEREST: Kind = (_T.INCOME, _S.INTEREST)
_INTEREST_CHARGE: Kind = (_T.FEE, _S.INTEREST_CHARGE)
_FEE: Kind = (_T.FEE, _S.ACCOUNT_FEE)
_DEPOSIT: Kind = (_T.TRANSFER, _S.DEPOSIT)
_WITHDRAWAL: Kind = (_T.TRANSFER, _S.WITHDRAWAL)
_BILL: Kind = (_T.PAYMENT, _S.BILL_PAYMENT)

# TRNTYPE -> kind when the amount is not negative, kind when it is.
_BANK: dict[str, tuple[Kind, Kind]] = {
    "CREDIT": (_DEPOSIT, _DEPOSIT),
    "DEBIT": (_WITHDRAWAL, _WITHDRAWAL),
    "INT": (_INTEREST, _INTEREST_CHARGE),
    "DIV": ((_T.INCOME, _S.DIVIDEND), (_T.INCOME, _S.DIVIDEND)),
    "FEE": (_ADJUSTMENT, _FEE),
    "SRVCHG": (_ADJUSTMENT, _FEE),
    "DEP": (_DEPOSIT, _DEPOSIT),
    "ATM": ((_T.TRANSFER, _S.ATM), (_T.TRANSFER, _S.ATM)),
    "POS": (_REFUND, _PURCHASE),
    "XFER": ((_T.TRANSFER, _S.INTERNAL), (_T.TRANSFER, _S.INTERNAL)),
    "CHECK": ((_T.PAYMENT, _S.CHECK), (_T.PAYMENT, _S.CHECK)),
    "PAYMENT": (_BILL, _BILL),
    "REPEATPMT": (_BILL, _BILL),
    "CASH": (_DEPOSIT, _WITHDRAWAL),
    "DIRECTDEP": ((_T.TRANSFER, _S.DIRECT_DEPOSIT), (_T.TRANSFER, _S.DIRECT_DEPOSIT)),
    "DIRECTDEBIT": ((_T.PAYMENT, _S.DIRECT_DEBIT), (_T.PAYMENT, _S.DIRECT_DEBIT)),
}
_CARD: dict[str, tuple[Kind, Kind]] = {
    **_BANK,
    "CREDIT": (_REFUND, _REFUND),
    "DEBIT": (_PURCHASE, _PURCHASE),
    "INT": (_INTEREST, _INTEREST_CHARGE),
    "DIV": ((_T.INCOME, _S.REWARD), (_T.INCOME, _S.REWARD)),
    "DEP": (_REFUND, _REFUND),
    "POS": (_PURCHASE, _PURCHASE),
    "XFER": (_CARD_PAYMENT, _CARD_PAYMENT),
    "PAYMENT": (_CARD_PAYMENT, _BILL),
    "REPEATPMT": (_CARD_PAYMENT, _BILL),
    "CASH": ((_T.TRANSFER, _S.ATM), (_T.TRANSFER, _S.ATM)),
    "DIRECTDEP": (_CARD_PAYMENT, _CARD_PAYMENT),
    "DIRECTDEBIT": (_PURCHASE, _PURCHASE),
}
_LABELS = {
    "CREDIT": "Credit",
    "DEBIT": "Debit",
    "INT": "Interest",
    "DIV": "Dividend",
    "FEE": "Fee",
    "SRVCHG": "Service charge",
    "DEP": "Deposit",
    "ATM": "Cash machine",
    "POS": "Purchase",
    "XFER": "Transfer",
    "CHECK": "Check",
    "PAYMENT": "Payment",
    "CASH": "Cash",
    "DIRECTDEP": "Direct deposit",
    "DIRECTDEBIT": "Direct debit",
    "REPEATPMT": "Repeating payment",
    "HOLD": "Hold",
}
_PAYMENT_WORDS = re.compile(r"payment|autopay|auto pay|thank you", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")
_NUMBER = re.compile(r"[0-9]{8,}")
_NAME_CUT = 32
_DESCRIPTION_CUT = 500
_EXACT = Context(prec=60)
_ORIGINAL = Context(prec=28)
_FINEST = Decimal("1E-8")


def kind_of(row: BankRow, *, is_card: bool) -> Kind:
    """Return type and subtype of a row; its amount's sign decides, its TRNTYPE never turns the sign."""
    by_sign = (_CARD if is_card else _BANK).get(row.kind)
    if by_sign is None:
        return _OTHER
    kind = by_sign[0 if row.amount >= 0 else 1]
    if is_card:
        if row.kind == "CREDIT" and _PAYMENT_WORDS.search(f"{row.name or ''} {row.memo or ''}"):
            return _CARD_PAYMENT
        if kind == _FEE and "foreign transaction" in (row.name or "").lower():
            return _T.FEE, _S.FOREIGN_TRANSACTION_FEE
    return kind


def describe(row: BankRow) -> str:
    """Return one text for a person: the name, and the memo where it adds something."""
    name, memo = _collapse(row.name), _collapse(row.memo)
    if name and memo:
        if memo.casefold().startswith(name.casefold()):
            return memo
        if row.name is not None and row.memo is not None and _is_continued(row.name, row.memo):
            return _collapse(row.name + row.memo)
        return f"{name} – {memo}"
    if name or memo:
        return name or memo
    label = _LABELS.get(row.kind, row.kind.capitalize() or "Transaction")
    number = check_number(row)
    return f"{label} {number}" if number else label


def _is_continued(name: str, memo: str) -> bool:
    """True when the memo goes on where the format cut the name, in the middle of a word as far as one can see."""
    if len(name) != _NAME_CUT or not (name[-1].isalnum() and memo[0].isalnum()):
        return False
    is_new_word = memo[0].isupper() and (name[-1].islower() or memo[1:2].islower())
    return not is_new_word


def check_number(row: BankRow) -> str | None:
    """Return the check's number; institutions write zeros where there is none."""
    return row.check_number if row.check_number and row.check_number.strip("0") else None


def is_pending(row: BankRow) -> bool:
    """True for rows of a pending list and for holds."""
    return row.is_pending or row.kind == "HOLD"


def map_row(row: BankRow, account: AccountKey, currency: str) -> ProviderTransactionData | None:
    """Return the ledger's record of a row; None when its own currency cannot be brought into the account's.

    `currency` is the account's; a row in another one needs a rate.
    """
    converted = conversion(row.details.currency, currency)
    if converted is None:
        return None
    original = converted.original(row.amount)
    details = row.details
    kind, subtype = kind_of(row, is_card=account.is_card)
    description = describe(row)
    corrects = details.corrects_id
    correction = {"REPLACE": "replace", "DELETE": "delete"}.get(details.correction or "") if corrects else None
    return ProviderTransactionData(
        provider_account_id=account.id,
        provider_transaction_id=row.fitid,
        transaction_type=kind.value,
        subtype=subtype.value,
        amount=converted.convert(row.amount),
        currency=currency,
        transaction_date=row.posted.on,
        description=description[:_DESCRIPTION_CUT],
        status="pending" if is_pending(row) else "settled",
        settlement_date=details.available_on,
        occurred_at=row.posted.at,
        original_amount=original,
        original_currency=None if original is None else converted.original_currency,
        fx_rate=converted.rate,
        counterparty=details.extended_name,
        check_number=check_number(row),
        memo=row.memo,
        identity_text=f"{row.name or ''}\n{row.memo or ''}",
        corrects_transaction_id=corrects if correction else None,
        correction="replace" if correction == "replace" else "delete" if correction == "delete" else None,
        raw_data=_raw(row, description),
    )


class Conversion(NamedTuple):
    """How a row's amounts become amounts in the account's currency."""

    factor: Decimal
    original_currency: str | None = None
    """None when the row is in the account's currency and says nothing of another."""
    rate: Decimal | None = None
    is_original: bool = False

    def convert(self, amount: Decimal) -> Decimal:
        """Return an amount of the row in the account's currency, exactly."""
        return amount if self.factor == 1 else _EXACT.multiply(amount, self.factor)

    def original(self, amount: Decimal) -> Decimal | None:
        """Return the amount before conversion, None when there was none or its rate is unknown."""
        if self.original_currency is None or self.rate is None:
            return None
        if not self.is_original:
            return amount
        try:
            quotient = _ORIGINAL.divide(amount, self.rate)
            # A division need not end: what is kept is as fine as any stored amount.
            return quotient if quotient == (rounded := quotient.quantize(_FINEST)) else rounded
        except DecimalException:
            return None


def conversion(stated: RowCurrency | None, currency: str) -> Conversion | None:
    """Return how a row's stated currency relates to the account's; None when a rate is needed and missing.

    CURRENCY: the amounts are in the stated currency. ORIGCURRENCY: they were, and are in the account's already.
    """
    if stated is None or stated.symbol == currency:
        return Conversion(Decimal(1))
    rate = stated.rate if stated.rate is not None and stated.rate > 0 else None
    symbol = stated.symbol if is_currency(stated.symbol) else None
    if stated.is_original:
        return Conversion(Decimal(1), symbol, rate, is_original=True)
    return None if rate is None else Conversion(rate, symbol, rate)


def _raw(row: BankRow, description: str) -> dict[str, object]:
    """Return what the record does not carry elsewhere, long numbers masked."""
    details = row.details
    raw: dict[str, object] = {"line": row.line, "trntype": row.kind, "name": row.name}
    if len(description) > _DESCRIPTION_CUT:
        raw["description"] = description
    if details.user_date is not None:
        raw["user_date"] = details.user_date.isoformat()
    for key, value in (
        ("server_id", details.server_id),
        ("reference", details.reference),
        ("industry_code", details.industry_code),
        ("payee_id", details.payee_id),
    ):
        if value is not None:
            raw[key] = redact(value)
    if details.extras:
        raw["extras"] = {name: redact(value[:500]) for name, value in details.extras}
    return raw


def redact(text: str) -> str:
    """Return a text whose runs of eight digits and more show their last four only."""
    return _NUMBER.sub(lambda match: "*" * (len(match[0]) - 4) + match[0][-4:], text)


def _collapse(text: str | None) -> str:
    return _BLANKS.sub(" ", text).strip() if text else ""
