"""What do Teller's accounts, balances, transactions, owners and institutions look like?

Amounts are in Teller's own sign: on a deposit account negative leaves, on a card positive is a charge.

Source: https://teller.io/docs/api/account/transactions (read 2026-11-29).
"""

import datetime as dt
from decimal import Decimal

import msgspec

from bursar.providers.teller.sdk.wire import MoneyText, money
from bursar.transport.redaction import Secret
from bursar.transport.rows import WireModel


class InstitutionName(WireModel, frozen=True, kw_only=True, gc=False):
    """The institution of an account."""

    id: str
    name: str


class AccountLinks(WireModel, frozen=True, kw_only=True, gc=False):
    """What can be asked about an account: a link that is missing is a question that the account does not answer."""

    details: str | None = None
    balances: str | None = None
    transactions: str | None = None
    payments: str | None = None


class Account(WireModel, frozen=True, kw_only=True, gc=False):
    """An account of an enrolment. `type` is `depository` or `credit`; both words of the kind may grow."""

    id: str
    currency: str
    type: str
    links: AccountLinks
    subtype: str | None = None
    enrollment_id: str | None = None
    name: str | None = None
    last_four: str | None = None
    status: str | None = None
    """`open`, or `closed`: closed, no longer visible, or out of the enrolment's reach."""
    institution: InstitutionName | None = None

    @property
    def is_credit(self) -> bool:
        """True where positive amounts are what the holder owes."""
        return self.type == "credit"


class Balances(WireModel, frozen=True, kw_only=True, gc=False):
    """What the institution says now; at least one of the two is set."""

    account_id: str
    ledger_text: MoneyText | None = msgspec.field(default=None, name="ledger")
    available_text: MoneyText | None = msgspec.field(default=None, name="available")

    @property
    def ledger(self) -> Decimal | None:
        """Booked; of a card what is owed, positive. None when the institution does not say."""
        return money(self.ledger_text)

    @property
    def available(self) -> Decimal | None:
        """What can be spent now; None when the institution does not say."""
        return money(self.available_text)


class RoutingNumbers(WireModel, frozen=True, kw_only=True, gc=False):
    """Numbers of the institution, by scheme; None where there is none."""

    ach: str | None = None
    wire: str | None = None
    bacs: str | None = None


class AccountDetails(WireModel, frozen=True, kw_only=True, gc=False):
    """The full number of an account: seal it or do not keep it."""

    account_id: str
    account_number: Secret
    routing_numbers: RoutingNumbers


class Counterparty(WireModel, frozen=True, kw_only=True, gc=False):
    """Whom the money went to or came from, as Teller understands it."""

    name: str | None = None
    type: str | None = None
    """`organization` or `person`."""


class TransactionDetails(WireModel, frozen=True, kw_only=True, gc=False):
    """What Teller makes of the bank's text."""

    processing_status: str | None = None
    """`pending`: not done yet, read again later; or `complete`."""
    category: str | None = None
    counterparty: Counterparty | None = None


class Transaction(WireModel, frozen=True, kw_only=True, gc=False):
    """A row. `type` is an open set of words; `status` is `posted` or `pending`."""

    id: str
    account_id: str
    amount_text: MoneyText = msgspec.field(name="amount")
    date: dt.date
    description: str
    status: str
    type: str | None = None
    running_balance_text: MoneyText | None = msgspec.field(default=None, name="running_balance")
    details: TransactionDetails | None = None

    @property
    def amount(self) -> Decimal:
        """In Teller's sign, which depends on the account's type."""
        return Decimal(self.amount_text)

    @property
    def running_balance(self) -> Decimal | None:
        """The ledger balance after the row; None for pending rows, and where the institution does not say."""
        return money(self.running_balance_text)


class OwnerName(WireModel, frozen=True, kw_only=True, gc=False):
    """`type` is `name` or `alias`."""

    data: str
    type: str | None = None


class AddressData(WireModel, frozen=True, kw_only=True, gc=False):
    """A postal address."""

    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Address(WireModel, frozen=True, kw_only=True, gc=False):
    """One of an owner's addresses."""

    data: AddressData
    primary: bool = False


class PhoneNumber(WireModel, frozen=True, kw_only=True, gc=False):
    """`type` is `mobile`, `home`, `work` or `unknown`."""

    data: str
    type: str | None = None


class Email(WireModel, frozen=True, kw_only=True, gc=False):
    """An e-mail address."""

    data: str


class Owner(WireModel, frozen=True, kw_only=True, gc=False):
    """A holder of an account; the texts are personal data, and no `repr` shows them."""

    names: tuple[OwnerName, ...]
    type: str | None = None
    """`person`, `organization` or `unknown`."""
    addresses: tuple[Address, ...] = ()
    phone_numbers: tuple[PhoneNumber, ...] = ()
    emails: tuple[Email, ...] = ()

    def __repr__(self) -> str:
        return f"Owner(type={self.type!r})"


class AccountIdentity(WireModel, frozen=True, kw_only=True, gc=False):
    """An account and its holders."""

    account: Account
    owners: tuple[Owner, ...]


class Institution(WireModel, frozen=True, kw_only=True, gc=False):
    """An institution of the catalogue. `products` are `verify`, `balance`, `transactions`, `identity` and so on."""

    id: str
    name: str
    products: tuple[str, ...] = ()


class Payee(WireModel, frozen=True, kw_only=True, gc=False):
    """Who is paid: `scheme` is `zelle`, `address` an e-mail address or a phone number."""

    scheme: str
    address: str
    id: str | None = None
    name: str | None = None
    type: str | None = None
    """`person` or `business`."""

    def __repr__(self) -> str:
        return f"Payee(scheme={self.scheme!r}, id={self.id!r})"


class Payment(WireModel, frozen=True, kw_only=True, gc=False):
    """A payment as Teller keeps it; `amount` is above zero."""

    id: str
    amount_text: MoneyText = msgspec.field(name="amount")
    memo: str | None = None
    reference: str | None = None
    date: dt.date | None = None
    payee: Payee | None = None

    @property
    def amount(self) -> Decimal:
        """What leaves the account."""
        return Decimal(self.amount_text)


class SecondFactorNeeded(WireModel, frozen=True, kw_only=True, gc=False):
    """Nothing was done yet: open Connect with this token, whose success then brings the payment or the payee."""

    connect_token: Secret


class PaymentScheme(WireModel, frozen=True, kw_only=True, gc=False):
    """A way of paying that an account supports."""

    name: str


class PaymentOptions(WireModel, frozen=True, kw_only=True, gc=False):
    """What `OPTIONS` of an account's payments tells."""

    schemes: tuple[PaymentScheme, ...] = ()
