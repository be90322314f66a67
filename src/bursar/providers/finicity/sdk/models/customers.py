"""What does Finicity say about customers, Connect and institutions?"""

from typing import ClassVar

import msgspec

from bursar.providers.finicity.sdk.wire import EpochSeconds, WireId
from bursar.transport.redaction import Secret
from bursar.transport.rows import RowsAnswer, WireModel


class Customer(WireModel, frozen=True, kw_only=True, gc=False):
    """An end user of ours, as Finicity keeps them."""

    wire_id: WireId = msgspec.field(name="id")
    username: str | None = None
    created_date: EpochSeconds | str | None = msgspec.field(default=None, name="createdDate")

    @property
    def id(self) -> str:
        """The customer's id, as text."""
        return str(self.wire_id)


class CustomersAnswer(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """Customers of this partner that fit a search."""

    row_members: ClassVar[tuple[str, ...]] = ("customers",)

    customers: tuple[Customer, ...]


class ConnectLink(WireModel, frozen=True, kw_only=True, gc=False):
    """The address of a Connect session: whoever has it may connect a bank to the customer, so `repr` hides it."""

    link: Secret


class InstitutionAddress(WireModel, frozen=True, kw_only=True, gc=False):
    """Where an institution is."""

    city: str | None = None
    state: str | None = None
    country: str | None = None


class Institution(WireModel, frozen=True, kw_only=True, gc=False):
    """A bank, broker or lender."""

    wire_id: WireId = msgspec.field(name="id")
    name: str | None = None
    url_home_app: str | None = msgspec.field(default=None, name="urlHomeApp")
    currency: str | None = None
    oauth_enabled: bool | None = msgspec.field(default=None, name="oauthEnabled")
    address: InstitutionAddress | None = None

    @property
    def id(self) -> str:
        """The institution's id, as text."""
        return str(self.wire_id)


class InstitutionAnswer(WireModel, frozen=True, kw_only=True, gc=False):
    """One institution."""

    institution: Institution


class InstitutionsPage(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """One page of a search."""

    row_members: ClassVar[tuple[str, ...]] = ("institutions",)

    found: int
    displaying: int
    more_available: str | bool = msgspec.field(name="moreAvailable")
    institutions: tuple[Institution, ...]

    @property
    def has_more(self) -> bool:
        """Whether further institutions fit."""
        return str(self.more_available).strip().lower() == "true"


class Subscription(WireModel, frozen=True, kw_only=True, gc=False):
    """One of the two records of a TxPUSH subscription."""

    wire_id: WireId = msgspec.field(name="id")
    wire_account_id: WireId = msgspec.field(name="accountId")
    type: str
    """`account` or `transaction`."""
    callback_url: str | None = msgspec.field(default=None, name="callbackUrl")
    signing_key: Secret | None = msgspec.field(default=None, name="signingKey")

    @property
    def id(self) -> str:
        """The subscription's id, as text."""
        return str(self.wire_id)


class SubscriptionsAnswer(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """The records of a subscription."""

    row_members: ClassVar[tuple[str, ...]] = ("subscriptions",)

    subscriptions: tuple[Subscription, ...]
