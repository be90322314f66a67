"""What does MX say about accounts: balances, owners and numbers?"""

from decimal import Decimal

from bursar.providers.mx.sdk.wire import Page
from bursar.transport.json import check_number
from bursar.transport.redaction import Secret
from bursar.transport.rows import Instant, WireModel


class Account(WireModel, frozen=True, kw_only=True, gc=False):
    """An account in MX's sign: what is owed on a card, a credit line, a loan or a mortgage is positive.

    None is unknown.

    Attributes:
        balance: of an investment account, all that it is worth.
        account_number: masked.
        imported_at: as of when the balance is true.
    """

    guid: str
    id: str | None = None
    user_guid: str | None = None
    member_guid: str | None = None
    name: str | None = None
    nickname: str | None = None
    institution_code: str | None = None
    type: str
    subtype: str | None = None
    currency_code: str | None = None
    balance: Decimal | None = None
    available_balance: Decimal | None = None
    available_credit: Decimal | None = None
    credit_limit: Decimal | None = None
    cash_balance: Decimal | None = None
    account_number: str | None = None
    routing_number: str | None = None
    apr: Decimal | None = None
    apy: Decimal | None = None
    interest_rate: Decimal | None = None
    minimum_payment: Decimal | None = None
    original_balance: Decimal | None = None
    statement_balance: Decimal | None = None
    is_closed: bool | None = None
    is_hidden: bool | None = None
    is_manual: bool | None = None
    imported_at: Instant | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None

    def __post_init__(self) -> None:
        check_number(self.balance, "balance")
        check_number(self.available_balance, "available_balance")
        check_number(self.available_credit, "available_credit")
        check_number(self.credit_limit, "credit_limit")
        check_number(self.cash_balance, "cash_balance")


class AccountsPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of accounts."""

    row_members = ("accounts",)

    accounts: tuple[Account, ...]


class AccountOwner(WireModel, frozen=True, kw_only=True, gc=False):
    """An owner of an account, there after an `identify` job; the most private data that MX tells."""

    guid: str
    account_guid: str
    member_guid: str | None = None
    owner_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    address: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        return f"AccountOwner(guid={self.guid!r})"


class AccountOwnersPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of owners."""

    row_members = ("account_owners",)

    account_owners: tuple[AccountOwner, ...]


class AccountNumber(WireModel, frozen=True, kw_only=True, gc=False):
    """The full number of an account, there after a `verify` job."""

    guid: str
    account_guid: str
    member_guid: str | None = None
    account_number: Secret | None = None
    routing_number: str | None = None
    institution_number: str | None = None
    transit_number: str | None = None
    passed_validation: bool | None = None


class AccountNumbersPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of account numbers."""

    row_members = ("account_numbers",)

    account_numbers: tuple[AccountNumber, ...]
