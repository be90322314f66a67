"""What is a transaction, and what does a provider tell about one?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary


class TransactionType(Vocabulary):
    """What kind of event moved value."""

    TRADE = "trade"
    TRANSFER = "transfer"
    INCOME = "income"
    FEE = "fee"
    PAYMENT = "payment"
    OTHER = "other"

    @classmethod
    def fallback(cls) -> Self | None:
        """Return OTHER."""
        return cls("other")


class TransactionSubtype(Vocabulary):
    """The finer kind; which pairs with a type are allowed is in `ALLOWED_SUBTYPES`."""

    BUY = "buy"
    SELL = "sell"
    SHORT_SELL = "short_sell"
    BUY_TO_COVER = "buy_to_cover"
    EXERCISE = "exercise"
    ASSIGNMENT = "assignment"
    EXPIRATION = "expiration"
    REINVEST = "reinvest"
    SPLIT = "split"
    MERGER = "merger"
    SPINOFF = "spinoff"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    WIRE_IN = "wire_in"
    WIRE_OUT = "wire_out"
    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    INTERNAL = "internal"
    DIRECT_DEPOSIT = "direct_deposit"
    ATM = "atm"
    CARD_PAYMENT = "card_payment"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    CAPITAL_GAIN = "capital_gain"
    DISTRIBUTION = "distribution"
    RETURN_OF_CAPITAL = "return_of_capital"
    REWARD = "reward"
    ACCOUNT_FEE = "account_fee"
    COMMISSION = "commission"
    MARGIN_INTEREST = "margin_interest"
    OTHER_FEE = "other_fee"
    INTEREST_CHARGE = "interest_charge"
    TAX_WITHHELD = "tax_withheld"
    FOREIGN_TRANSACTION_FEE = "foreign_transaction_fee"
    PURCHASE = "purchase"
    REFUND = "refund"
    BILL_PAYMENT = "bill_payment"
    CHECK = "check"
    DIRECT_DEBIT = "direct_debit"
    ADJUSTMENT = "adjustment"
    JOURNAL = "journal"
    OTHER = "other"

    @classmethod
    def aliases(cls) -> dict[str, str]:
        """`unknown` is `other`."""
        return {"unknown": "other"}

    @classmethod
    def fallback(cls) -> Self | None:
        """Return OTHER."""
        return cls("other")


ALLOWED_SUBTYPES: Mapping[str, frozenset[str]] = {
    "trade": frozenset(
        "buy sell short_sell buy_to_cover exercise assignment expiration reinvest split merger spinoff".split()
    ),
    "transfer": frozenset(
        "deposit withdrawal wire_in wire_out transfer_in transfer_out internal direct_deposit atm card_payment".split()
    ),
    "income": frozenset("dividend interest capital_gain distribution return_of_capital reward".split()),
    "fee": frozenset(
        "account_fee commission margin_interest other_fee interest_charge tax_withheld foreign_transaction_fee".split()
    ),
    "payment": frozenset("purchase refund bill_payment check direct_debit".split()),
    "other": frozenset("other adjustment journal".split()),
}
"""Type -> subtypes that may stand with it."""


class TransactionStatus(Vocabulary):
    """Where a row stands at the institution."""

    PENDING = "pending"
    SETTLED = "settled"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @classmethod
    def aliases(cls) -> dict[str, str]:
        """Other words that institutions use for the four."""
        return {
            **dict.fromkeys(("posted", "executed", "completed", "complete", "booked", "valid"), "settled"),
            **dict.fromkeys(("processing", "in_progress", "hold"), "pending"),
            **dict.fromkeys(("rejected", "error"), "failed"),
            **dict.fromkeys(("canceled", "voided", "invalid"), "cancelled"),
        }

    def may_become(self, other: "TransactionStatus") -> bool:
        """True when a stored row of this status may change to the other (or keep its own)."""
        return self is other or other in _NEXT_STATUS[self]


_NEXT_STATUS: Mapping[TransactionStatus, frozenset[TransactionStatus]] = {
    TransactionStatus.PENDING: frozenset(
        {TransactionStatus.SETTLED, TransactionStatus.FAILED, TransactionStatus.CANCELLED}
    ),
    TransactionStatus.SETTLED: frozenset({TransactionStatus.CANCELLED}),
    TransactionStatus.FAILED: frozenset(),
    TransactionStatus.CANCELLED: frozenset(),
}

_MUST_NOT_BE_POSITIVE = frozenset(
    "buy buy_to_cover account_fee commission margin_interest other_fee interest_charge tax_withheld "
    "foreign_transaction_fee withdrawal wire_out purchase".split()
)
_MUST_NOT_BE_NEGATIVE = frozenset("sell short_sell dividend deposit wire_in".split())


def has_expected_sign(subtype: str, amount: Decimal) -> bool:
    """False when the amount's sign contradicts the subtype (a positive fee); the amount is stored as it is anyway."""
    if subtype in _MUST_NOT_BE_POSITIVE:
        return amount <= 0
    return amount >= 0 if subtype in _MUST_NOT_BE_NEGATIVE else True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTransactionData:
    """A transaction as a provider or a file describes it now.

    `amount` has the holder's sign: positive = value enters the account. `transaction_date` is the booking date in the
    institution's calendar (for a pending row, the day it happened).
    """

    provider_account_id: str = field(repr=False)
    """The `ProviderAccountData.provider_account_id` that the row belongs to."""
    provider_transaction_id: str | None
    """The source's id, trimmed; None when it gives none (blank, zero and placeholder ids count as none)."""
    transaction_type: str
    subtype: str
    amount: Decimal
    currency: str
    transaction_date: date
    description: str = ""
    status: str = "settled"
    settlement_date: date | None = None
    occurred_at: datetime | None = None
    symbol: str | None = None
    security_name: str | None = None
    security_id: str | None = None
    security_id_type: str | None = None
    """`cusip`, `isin`, `sedol`, `figi`, `ticker` or `provider`."""
    asset_type: str | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    multiplier: Decimal | None = None
    commission: Decimal | None = None
    fees: Decimal | None = None
    original_amount: Decimal | None = None
    original_currency: str | None = None
    fx_rate: Decimal | None = None
    counterparty: str | None = None
    check_number: str | None = None
    category_hint: str | None = None
    memo: str | None = None
    """The source's second text, when it has one beside the description."""
    identity_text: str | None = None
    """The text that tells equal-looking rows apart (a file's NAME and MEMO as sent); None means the description."""
    pending_transaction_id: str | None = None
    """The source's id of the pending row that this posted row replaces; None when it names none."""
    corrects_transaction_id: str | None = None
    correction: Literal["replace", "delete"] | None = None
    raw_data: Mapping[str, object] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedTransaction:
    """A row that the source says no longer exists."""

    provider_transaction_id: str
    provider_account_id: str | None = field(default=None, repr=False)
    """None when the source does not say which account it was in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A row of the ledger: its id is ours for ever, through pending, posting, corrections and new consents."""

    id: UUID
    account_id: UUID
    transaction_type: str
    subtype: str
    status: str
    amount: Decimal
    """Positive = value enters the account."""
    currency: str
    description: str
    transaction_date: date
    """The booking date in the institution's calendar."""
    settlement_date: date | None
    occurred_at: datetime | None
    symbol: str | None
    security_name: str | None
    security_id: str | None
    security_id_type: str | None
    asset_type: str | None
    quantity: Decimal | None
    unit_price: Decimal | None
    multiplier: Decimal | None
    commission: Decimal | None
    fees: Decimal | None
    original_amount: Decimal | None
    original_currency: str | None
    fx_rate: Decimal | None
    counterparty: str | None
    check_number: str | None
    category_hint: str | None
    memo: str | None
    removed_at: datetime | None
    """When its institution took it back; such a row is in no list and no sum, and keeps its id."""
    texts_removed_at: datetime | None
    """When description, counterparty, memo and cheque number were forgotten by policy; None: they were not."""
    version: int
    created_at: datetime
    updated_at: datetime
    account_name: str
    institution_name: str | None
    connection_id: UUID | None
    """The connection it was last read through."""
    institution_id: str | None
    """The provider's id of the institution, as that connection has it; None where it has none."""
    provider_transaction_id: str | None
    """The newest id that its source gives it; None when it gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """Which rows to list; every bound is inclusive, None does not filter, an empty tuple does not filter."""

    account_ids: tuple[UUID, ...] = ()
    connection_ids: tuple[UUID, ...] = ()
    institution_names: tuple[str, ...] = ()
    institution_ids: tuple[str, ...] = ()
    start_date: date | None = None
    end_date: date | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    currencies: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    direction: Literal["credit", "debit"] | None = None
    text: str | None = None
    """Searched in description, counterparty and memo, without regard to case."""
    updated_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionChange:
    """What happened to one row of the ledger in one run."""

    id: int
    type: Literal["transaction.created", "transaction.updated", "transaction.removed"]
    transaction_id: UUID
    occurred_at: datetime
    sync_run_id: UUID | None
    before: Mapping[str, str | None] | None
    after: Mapping[str, str | None] | None
