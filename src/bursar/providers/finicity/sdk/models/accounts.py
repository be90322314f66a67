"""What does Finicity say about accounts, their balances, positions, owners and numbers?"""

from decimal import Decimal
from typing import ClassVar

import msgspec

from bursar.providers.finicity.sdk.wire import EpochSeconds, WireId
from bursar.transport import json
from bursar.transport.json import check_number
from bursar.transport.redaction import Secret
from bursar.transport.rows import RejectedRow, RowsAnswer, WireModel, split_rows

_ABSENT = msgspec.Raw(b"null")


class AccountDetail(WireModel, frozen=True, kw_only=True, gc=False):
    """Figures that only some kinds of account have; amounts are in the account's currency."""

    available_balance_amount: Decimal | None = msgspec.field(default=None, name="availableBalanceAmount")
    credit_available_amount: Decimal | None = msgspec.field(default=None, name="creditAvailableAmount")
    credit_max_amount: Decimal | None = msgspec.field(default=None, name="creditMaxAmount")
    payment_min_amount: Decimal | None = msgspec.field(default=None, name="paymentMinAmount")
    payment_due_date: EpochSeconds | None = msgspec.field(default=None, name="paymentDueDate")
    statement_close_balance: Decimal | None = msgspec.field(default=None, name="statementCloseBalance")
    principal_balance: Decimal | None = msgspec.field(default=None, name="principalBalance")

    def __post_init__(self) -> None:
        for name in ("available_balance_amount", "credit_available_amount", "credit_max_amount"):
            check_number(getattr(self, name), name)


class Position(WireModel, frozen=True, kw_only=True, gc=False):
    """One holding of an investment account."""

    wire_id: WireId = msgspec.field(name="id")
    symbol: str | None = None
    security_name: str | None = msgspec.field(default=None, name="securityName")
    description: str | None = None
    units: Decimal
    current_price: Decimal | None = msgspec.field(default=None, name="currentPrice")
    current_price_date: EpochSeconds | None = msgspec.field(default=None, name="currentPriceDate")
    market_value: Decimal | None = msgspec.field(default=None, name="marketValue")
    cost_basis: Decimal | None = msgspec.field(default=None, name="costBasis")
    cost_basis_per_share: Decimal | None = msgspec.field(default=None, name="costBasisPerShare")
    security_type: str | None = msgspec.field(default=None, name="securityType")
    inv_security_type: str | None = msgspec.field(default=None, name="invSecurityType")
    asset_class: str | None = msgspec.field(default=None, name="assetClass")
    pos_type: str | None = msgspec.field(default=None, name="posType")
    """`LONG` or `SHORT`."""
    security_id: str | None = msgspec.field(default=None, name="securityId")
    security_id_type: str | None = msgspec.field(default=None, name="securityIdType")
    security_currency: str | None = msgspec.field(default=None, name="securityCurrency")
    status: str | None = None
    option_shares_per_contract: Decimal | None = msgspec.field(default=None, name="optionSharesPerContract")

    def __post_init__(self) -> None:
        for name in ("units", "current_price", "market_value", "cost_basis", "cost_basis_per_share"):
            check_number(getattr(self, name), name)

    @property
    def id(self) -> str:
        """The position's id, as text."""
        return str(self.wire_id)


class Positions(WireModel, frozen=True, kw_only=True, gc=False):
    """The positions of an account that can be read, and those that cannot."""

    positions: tuple[Position, ...]
    rejected: tuple[RejectedRow, ...] = ()


class Account(WireModel, frozen=True, kw_only=True, gc=False):
    """An account. Whether owed balances are positive or negative differs between institutions."""

    wire_id: WireId = msgspec.field(name="id")
    number: str | None = None
    """Masked by Finicity."""
    account_number_display: str | None = msgspec.field(default=None, name="accountNumberDisplay")
    real_account_number_last4: str | None = msgspec.field(default=None, name="realAccountNumberLast4")
    name: str | None = None
    balance: Decimal | None = None
    """Cleared; None: not known."""
    type: str
    status: str | None = None
    """`pending`: not read for the first time yet; `active`."""
    aggregation_status_code: int | None = msgspec.field(default=None, name="aggregationStatusCode")
    """How the last reading of the institution went: see `state_of`."""
    wire_customer_id: WireId | None = msgspec.field(default=None, name="customerId")
    wire_institution_id: WireId | None = msgspec.field(default=None, name="institutionId")
    wire_login_id: WireId = msgspec.field(name="institutionLoginId")
    currency: str
    created_date: EpochSeconds | None = msgspec.field(default=None, name="createdDate")
    balance_date: EpochSeconds | None = msgspec.field(default=None, name="balanceDate")
    aggregation_success_date: EpochSeconds | None = msgspec.field(default=None, name="aggregationSuccessDate")
    aggregation_attempt_date: EpochSeconds | None = msgspec.field(default=None, name="aggregationAttemptDate")
    last_transaction_date: EpochSeconds | None = msgspec.field(default=None, name="lastTransactionDate")
    oldest_transaction_date: EpochSeconds | None = msgspec.field(default=None, name="oldestTransactionDate")
    parent_account: WireId | None = msgspec.field(default=None, name="parentAccount")
    detail: AccountDetail | None = None
    raw_position: msgspec.Raw = msgspec.field(default=_ABSENT, name="position")

    def __post_init__(self) -> None:
        check_number(self.balance, "balance")

    @property
    def id(self) -> str:
        """The account's id, as text."""
        return str(self.wire_id)

    @property
    def institution_id(self) -> str | None:
        """The institution's id, as text."""
        return None if self.wire_institution_id is None else str(self.wire_institution_id)

    @property
    def institution_login_id(self) -> str:
        """The id of the login that the account belongs to, as text."""
        return str(self.wire_login_id)

    def read_positions(self) -> Positions | None:
        """The holdings of an investment account, one by one; None when the answer has no such list."""
        if bytes(self.raw_position).strip() == b"null":
            return None
        try:
            kept, rejected = split_rows("position", self.raw_position, Position)
        except json.JsonError as error:
            row = RejectedRow(
                member="position", index=0, path="position", reason=error.reason, raw=bytes(self.raw_position)
            )
            return Positions(positions=(), rejected=(row,))
        return Positions(positions=tuple(json.decode(row, Position) for row in kept), rejected=tuple(rejected))


class AccountsAnswer(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """Accounts of a customer or of one login."""

    row_members: ClassVar[tuple[str, ...]] = ("accounts",)

    accounts: tuple[Account, ...]


class LiveBalance(WireModel, frozen=True, kw_only=True, gc=False):
    """A balance that the institution was asked for just now, or within the cache interval."""

    available_balance: Decimal | None = msgspec.field(default=None, name="availableBalance")
    available_balance_date: EpochSeconds | None = msgspec.field(default=None, name="availableBalanceDate")
    cleared_balance: Decimal | None = msgspec.field(default=None, name="clearedBalance")
    cleared_balance_date: EpochSeconds | None = msgspec.field(default=None, name="clearedBalanceDate")
    aggregation_status_code: int | None = msgspec.field(default=None, name="aggregationStatusCode")
    currency: str | None = None

    def __post_init__(self) -> None:
        check_number(self.available_balance, "availableBalance")
        check_number(self.cleared_balance, "clearedBalance")


class SimpleOwner(WireModel, frozen=True, kw_only=True, gc=False):
    """Version 1: the names of all owners in one text, the address in another."""

    owner_name: str = msgspec.field(name="ownerName")
    owner_address: str | None = msgspec.field(default=None, name="ownerAddress")
    as_of_date: EpochSeconds | None = msgspec.field(default=None, name="asOfDate")

    def __repr__(self) -> str:
        return "SimpleOwner(***)"


class HolderAddress(WireModel, frozen=True, kw_only=True, gc=False):
    """An address of a holder."""

    owner_address: str | None = msgspec.field(default=None, name="ownerAddress")
    """The whole address in one text."""
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = msgspec.field(default=None, name="postalCode")
    country: str | None = None
    type: str | None = None


class HolderEmail(WireModel, frozen=True, kw_only=True, gc=False):
    """An e-mail address of a holder."""

    email: str | None = None
    is_primary: bool | None = msgspec.field(default=None, name="isPrimary")


class HolderPhone(WireModel, frozen=True, kw_only=True, gc=False):
    """A telephone number of a holder, as the institution writes it."""

    phone: str | None = None
    type: str | None = None
    country: str | None = None


class Holder(WireModel, frozen=True, kw_only=True, gc=False):
    """Version 3: one owner. Tax numbers and documents, which the answer may hold, have no member here."""

    relationship: str | None = None
    owner_name: str = msgspec.field(name="ownerName")
    name_classification: str | None = msgspec.field(default=None, name="nameClassification")
    """`person`, `business` and others."""
    addresses: tuple[HolderAddress, ...] | None = None
    emails: tuple[HolderEmail, ...] | None = None
    phones: tuple[HolderPhone, ...] | None = None

    def __repr__(self) -> str:
        return "Holder(***)"


class HoldersAnswer(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """The owners of one account."""

    row_members: ClassVar[tuple[str, ...]] = ("holders",)

    holders: tuple[Holder, ...]


class AchNumbers(WireModel, frozen=True, kw_only=True, gc=False):
    """The full numbers of a checking, savings or money market account; never shown by `repr`."""

    routing_number: str = msgspec.field(name="routingNumber")
    real_account_number: Secret = msgspec.field(name="realAccountNumber")

    def __repr__(self) -> str:
        return "AchNumbers(***)"
