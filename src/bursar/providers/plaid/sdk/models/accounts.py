"""What does Plaid say about accounts: balances, owners and numbers?"""

from decimal import Decimal
from typing import ClassVar

from bursar.providers.plaid.sdk.models.items import Item
from bursar.providers.plaid.sdk.wire import Answer
from bursar.transport.json import check_number
from bursar.transport.redaction import Secret
from bursar.transport.rows import Instant, WireModel


class Balances(WireModel, frozen=True, kw_only=True, gc=False):
    """An account's balances in Plaid's sign: for credit and loan accounts, `current` positive is what the user owes.

    None is unknown. Exactly one of the two currency codes is set, unless every number is None.
    """

    available: Decimal | None
    current: Decimal | None
    limit: Decimal | None = None
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None
    last_updated_datetime: Instant | None = None

    def __post_init__(self) -> None:
        check_number(self.available, "available")
        check_number(self.current, "current")
        check_number(self.limit, "limit")


class Account(WireModel, frozen=True, kw_only=True, gc=False):
    """An account. Its id changes when the item is linked again; `persistent_account_id`, where given, does not."""

    account_id: str
    balances: Balances
    mask: str | None = None
    name: str
    official_name: str | None = None
    type: str
    subtype: str | None = None
    persistent_account_id: str | None = None
    holder_category: str | None = None
    verification_status: str | None = None
    verification_name: str | None = None


class AccountsAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/accounts/get` and `/accounts/balance/get`."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts",)

    accounts: tuple[Account, ...]
    item: Item


class PhoneNumber(WireModel, frozen=True, kw_only=True, gc=False):
    """A phone number on file at the institution."""

    data: str
    primary: bool | None = None
    type: str | None = None


class EmailAddress(WireModel, frozen=True, kw_only=True, gc=False):
    """An e-mail address on file at the institution."""

    data: str
    primary: bool | None = None
    type: str | None = None


class PostalAddressData(WireModel, frozen=True, kw_only=True, gc=False):
    """The parts of a postal address."""

    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class PostalAddress(WireModel, frozen=True, kw_only=True, gc=False):
    """A postal address on file at the institution."""

    data: PostalAddressData
    primary: bool | None = None


class Owner(WireModel, frozen=True, kw_only=True, gc=False):
    """Who owns an account; only `names` is never empty, and a name may be a business or two people."""

    names: tuple[str, ...]
    phone_numbers: tuple[PhoneNumber, ...]
    emails: tuple[EmailAddress, ...]
    addresses: tuple[PostalAddress, ...]

    def __repr__(self) -> str:
        return f"Owner(names={len(self.names)}, ***)"


class OwnedAccount(Account, frozen=True, kw_only=True, gc=False):
    """An account with its owners."""

    owners: tuple[Owner, ...]


class IdentityAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/identity/get`."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts",)

    accounts: tuple[OwnedAccount, ...]
    item: Item


class AchNumber(WireModel, frozen=True, kw_only=True, gc=False):
    """Numbers for a transfer in the United States."""

    account_id: str
    account: Secret
    routing: str
    wire_routing: str | None = None
    is_tokenized_account_number: bool | None = None
    can_transfer_in: bool | None = None
    can_transfer_out: bool | None = None


class EftNumber(WireModel, frozen=True, kw_only=True, gc=False):
    """Numbers for a transfer in Canada."""

    account_id: str
    account: Secret
    institution: str
    branch: str


class InternationalNumber(WireModel, frozen=True, kw_only=True, gc=False):
    """Numbers for an international transfer."""

    account_id: str
    iban: Secret
    bic: str


class BacsNumber(WireModel, frozen=True, kw_only=True, gc=False):
    """Numbers for a transfer in the United Kingdom."""

    account_id: str
    account: Secret
    sort_code: str


class AccountNumbers(WireModel, frozen=True, kw_only=True, gc=False):
    """Full account numbers, by scheme: seal them or do not keep them."""

    ach: tuple[AchNumber, ...]
    eft: tuple[EftNumber, ...]
    international: tuple[InternationalNumber, ...]
    bacs: tuple[BacsNumber, ...]


class AuthAnswer(Answer, frozen=True, kw_only=True, gc=False):
    """Answer of `/auth/get`."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts",)

    accounts: tuple[Account, ...]
    numbers: AccountNumbers
    item: Item
