"""What does Finicity say about transactions?"""

from decimal import Decimal
from typing import ClassVar

import msgspec

from bursar.providers.finicity.sdk.wire import EpochSeconds, WireId
from bursar.transport.json import check_number
from bursar.transport.rows import RejectedRow, RowsAnswer, WireModel


class Categorization(WireModel, frozen=True, kw_only=True, gc=False):
    """Finicity's guess at who was paid, and what for."""

    normalized_payee_name: str | None = msgspec.field(default=None, name="normalizedPayeeName")
    category: str | None = None
    best_representation: str | None = msgspec.field(default=None, name="bestRepresentation")
    city: str | None = None
    state: str | None = None
    postal_code: str | None = msgspec.field(default=None, name="postalCode")
    country: str | None = None


class Transaction(WireModel, frozen=True, kw_only=True, gc=False):
    """A transaction.

    Amounts are documented as positive for deposits and negative for withdrawals and debits; the vendor also says that
    cards and investments have it the other way round. Times have the precision of a day; their zone is not documented.
    """

    wire_id: WireId = msgspec.field(name="id")
    unique_transaction_id: str | None = msgspec.field(default=None, name="uniqueTransactionId")
    """Made of the account's id and the transaction's."""
    wire_account_id: WireId = msgspec.field(name="accountId")
    amount: Decimal
    status: str
    """`active`, `pending`, or `shadow`: it has disappeared at the institution."""
    description: str | None = None
    memo: str | None = None
    type: str | None = None
    transaction_date: EpochSeconds | None = msgspec.field(default=None, name="transactionDate")
    posted_date: EpochSeconds | None = msgspec.field(default=None, name="postedDate")
    created_date: EpochSeconds | None = msgspec.field(default=None, name="createdDate")
    effective_date: EpochSeconds | None = msgspec.field(default=None, name="effectiveDate")
    check_num: str | int | None = msgspec.field(default=None, name="checkNum")
    running_balance_amount: Decimal | None = msgspec.field(default=None, name="runningBalanceAmount")
    """The balance after this row, in the sign of the account's balance."""
    currency_symbol: str | None = msgspec.field(default=None, name="currencySymbol")
    """Only of an amount in a foreign currency."""
    categorization: Categorization | None = None
    ticker: str | None = None
    security_id: str | None = msgspec.field(default=None, name="securityId")
    security_id_type: str | None = msgspec.field(default=None, name="securityIdType")
    unit_quantity: Decimal | None = msgspec.field(default=None, name="unitQuantity")
    unit_price: Decimal | None = msgspec.field(default=None, name="unitPrice")
    investment_transaction_type: str | None = msgspec.field(default=None, name="investmentTransactionType")
    fee_amount: Decimal | None = msgspec.field(default=None, name="feeAmount")
    commission_amount: Decimal | None = msgspec.field(default=None, name="commissionAmount")
    taxes_amount: Decimal | None = msgspec.field(default=None, name="taxesAmount")
    income_type: str | None = msgspec.field(default=None, name="incomeType")
    principal_amount: Decimal | None = msgspec.field(default=None, name="principalAmount")
    interest_amount: Decimal | None = msgspec.field(default=None, name="interestAmount")
    escrow_amount: Decimal | None = msgspec.field(default=None, name="escrowAmount")

    def __post_init__(self) -> None:
        check_number(self.amount, "amount")
        check_number(self.running_balance_amount, "runningBalanceAmount")
        check_number(self.unit_quantity, "unitQuantity")
        check_number(self.unit_price, "unitPrice")

    @property
    def id(self) -> str:
        """The transaction's id, as text; unique within its account."""
        return str(self.wire_id)

    @property
    def account_id(self) -> str:
        """The account's id, as text."""
        return str(self.wire_account_id)


class TransactionsPage(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """One page of a listing."""

    row_members: ClassVar[tuple[str, ...]] = ("transactions",)

    found: int
    displaying: int
    more_available: str | bool = msgspec.field(name="moreAvailable")
    transactions: tuple[Transaction, ...]

    @property
    def has_more(self) -> bool:
        """Whether rows follow; the wire says it as text."""
        return str(self.more_available).strip().lower() == "true"


class TransactionsListing(WireModel, frozen=True, kw_only=True):
    """Every transaction of a span, all pages of it."""

    transactions: tuple[Transaction, ...]
    rejected: tuple[RejectedRow, ...] = ()
