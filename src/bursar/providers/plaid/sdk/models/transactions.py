"""What does Plaid say about transactions, and about what changed in them?"""

import datetime as dt
from decimal import Decimal
from typing import ClassVar

from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.items import Item
from bursar.providers.plaid.sdk.wire import Answer
from bursar.transport.json import check_number
from bursar.transport.rows import Instant, RejectedRow, WireModel


class Counterparty(WireModel, frozen=True, kw_only=True, gc=False):
    """Somebody on the other side of a transaction."""

    name: str
    type: str
    entity_id: str | None = None
    website: str | None = None
    logo_url: str | None = None
    confidence_level: str | None = None


class Category(WireModel, frozen=True, kw_only=True, gc=False):
    """Plaid's guess at what a transaction was for; the meaning of `detailed` depends on `version`."""

    primary: str
    detailed: str
    confidence_level: str | None = None
    version: str | None = None


class Location(WireModel, frozen=True, kw_only=True, gc=False):
    """Where a transaction took place; mostly unknown."""

    address: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    lat: Decimal | None = None
    lon: Decimal | None = None
    store_number: str | None = None


class PaymentMeta(WireModel, frozen=True, kw_only=True, gc=False):
    """What a bank transfer says about itself."""

    reference_number: str | None = None
    ppd_id: str | None = None
    payee: str | None = None
    by_order_of: str | None = None
    payer: str | None = None
    payment_method: str | None = None
    payment_processor: str | None = None
    reason: str | None = None


class Transaction(WireModel, frozen=True, kw_only=True, gc=False):
    """A transaction. `amount` has Plaid's sign: positive = money leaves the account.

    `date` is the posting date, or for a pending row the day it happened, in the institution's calendar. A posted row
    has another `transaction_id` than its pending forerunner, which it names in `pending_transaction_id`.
    """

    transaction_id: str
    account_id: str
    pending: bool
    pending_transaction_id: str | None = None
    amount: Decimal
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None
    date: dt.date
    authorized_date: dt.date | None = None
    datetime: Instant | None = None
    authorized_datetime: Instant | None = None
    name: str
    original_description: str | None = None
    merchant_name: str | None = None
    merchant_entity_id: str | None = None
    logo_url: str | None = None
    website: str | None = None
    counterparties: tuple[Counterparty, ...] | None = None
    personal_finance_category: Category | None = None
    personal_finance_category_icon_url: str | None = None
    payment_channel: str | None = None
    transaction_code: str | None = None
    location: Location | None = None
    payment_meta: PaymentMeta | None = None
    account_owner: str | None = None
    check_number: str | None = None

    def __post_init__(self) -> None:
        check_number(self.amount, "amount")


class Removed(WireModel, frozen=True, kw_only=True, gc=False):
    """A transaction that no longer exists."""

    transaction_id: str
    account_id: str | None = None


class SyncPage(Answer, frozen=True, kw_only=True, gc=False):
    """One page of `/transactions/sync`: worth nothing alone, see `PlaidClient.sync_transactions`."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts", "added", "modified", "removed")

    transactions_update_status: str
    accounts: tuple[Account, ...]
    added: tuple[Transaction, ...]
    modified: tuple[Transaction, ...]
    removed: tuple[Removed, ...]
    next_cursor: str
    has_more: bool


class TransactionsPage(Answer, frozen=True, kw_only=True, gc=False):
    """One page of `/transactions/get`."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts", "transactions")

    accounts: tuple[Account, ...]
    transactions: tuple[Transaction, ...]
    total_transactions: int
    item: Item


class TransactionsUpdate(WireModel, frozen=True, kw_only=True):
    """Everything that changed since a cursor: all pages of one update, the later word winning.

    Apply `added` and `modified`, then `removed`, and store `next_cursor` in the same database transaction.

    Attributes:
        next_cursor: None when Plaid has not read the institution yet: keep the cursor you have and ask again later.
        status: Plaid's word for how far its first reading has come; an open list.
        accounts: those with activity in this update, balances as cached by Plaid.
        rejected: rows that could not be read; storing the cursor would lose them for good.
        restarts: how often the data changed under the reading.
        is_whole: True when this is the whole history, read from the beginning: what is not in it no longer exists.
    """

    added: tuple[Transaction, ...]
    modified: tuple[Transaction, ...]
    removed: tuple[Removed, ...]
    accounts: tuple[Account, ...]
    next_cursor: str | None
    status: str
    rejected: tuple[RejectedRow, ...] = ()
    pages: int = 1
    restarts: int = 0
    is_whole: bool = False


class TransactionsListing(WireModel, frozen=True, kw_only=True):
    """Every transaction of a date range, newest first."""

    accounts: tuple[Account, ...]
    transactions: tuple[Transaction, ...]
    rejected: tuple[RejectedRow, ...] = ()
