"""What does MX say about transactions?"""

import datetime
from decimal import Decimal

from bursar.providers.mx.sdk.wire import Page
from bursar.transport.json import check_number
from bursar.transport.rows import Instant, WireModel


class Transaction(WireModel, frozen=True, kw_only=True, gc=False):
    """A transaction as MX shows it: the amount has no sign, `type` says which way it went.

    Attributes:
        type: `CREDIT` enters the account, `DEBIT` leaves it, on every kind of account.
        status: `POSTED` or `PENDING`.
        date: the booking day in the institution's calendar; for a pending row the day it happened.
        description: cleaned by MX; `original_description` is the institution's.
        category, top_level_category: MX's words.
        updated_at: when MX's record changed last.
    """

    guid: str
    id: str | None = None
    account_guid: str
    member_guid: str | None = None
    user_guid: str | None = None
    amount: Decimal
    type: str
    status: str
    date: datetime.date
    transacted_at: Instant | None = None
    posted_at: Instant | None = None
    description: str | None = None
    original_description: str | None = None
    memo: str | None = None
    category: str | None = None
    category_guid: str | None = None
    top_level_category: str | None = None
    merchant_guid: str | None = None
    merchant_category_code: int | str | None = None
    check_number_string: str | None = None
    currency_code: str | None = None
    is_bill_pay: bool | None = None
    is_direct_deposit: bool | None = None
    is_expense: bool | None = None
    is_fee: bool | None = None
    is_income: bool | None = None
    is_international: bool | None = None
    is_overdraft_fee: bool | None = None
    is_payroll_advance: bool | None = None
    is_recurring: bool | None = None
    is_subscription: bool | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None

    def __post_init__(self) -> None:
        check_number(self.amount, "amount")


class TransactionsPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of transactions."""

    row_members = ("transactions",)

    transactions: tuple[Transaction, ...]
