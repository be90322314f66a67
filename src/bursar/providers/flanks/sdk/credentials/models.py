"""What is a credential, and where does it stand?"""

from datetime import date, datetime
from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field

from bursar.providers.flanks.sdk.model import FlanksModel, OpaqueId, OpenEnum
from bursar.providers.flanks.sdk.secret_text import SecretField


class CredentialState(OpenEnum):
    """The word of the credential list."""

    ACTIVE = "active"
    PENDING = "pending"
    BLOCKED = "blocked"
    ERROR = "error"


class ProductFlags(FlanksModel):
    """One flag for each kind of product; None where Flanks says nothing."""

    auth: bool | None = None
    account: bool | None = None
    card: bool | None = None
    portfolio: bool | None = None
    investment: bool | None = None
    liability: bool | None = None
    holders: bool | None = None


class TransactionFlags(FlanksModel):
    """One flag for each kind of transaction; None where Flanks says nothing."""

    account: bool | None = None
    card: bool | None = None
    investment: bool | None = None
    liability: bool | None = None


def _none_said(value: object) -> object:
    return {} if value is None else value


class DataFlags(FlanksModel):
    """Which data something is true of."""

    product: Annotated[ProductFlags, BeforeValidator(_none_said)] = Field(default_factory=ProductFlags)
    transaction: Annotated[TransactionFlags, BeforeValidator(_none_said)] = Field(
        default_factory=TransactionFlags, validation_alias=AliasChoices("transaction", "transactions")
    )

    def has_any(self) -> bool:
        """Whether it is true of anything."""
        return any(self.product.__dict__.values()) or any(self.transaction.__dict__.values())


def _day(value: object) -> object:
    # The flat shape gives an instant where the documented one gives a day.
    if isinstance(value, str) and len(value) > 10 and value[10] in "T ":
        return value[:10]
    return value.date() if isinstance(value, datetime) else value


Day = Annotated[date, BeforeValidator(_day)]


class CredentialStatus(FlanksModel):
    """Where a credential stands after its last extraction.

    Attributes:
        pending: False once the first extraction has ended, with or without errors.
        blocked: True when the stored login no longer works.
        reset_token: set when the login has to be entered anew.
        sca_token: set when the end user has to prove who they are.
        transaction_token: set after a forced request of transactions.
        name: the institution's id.
        last_update, time, last_update_timestamp: when the last extraction ended, UTC; seconds since the epoch.
        errored: for which data the last extraction failed (flags, or one flag for all).
        created: which data has been extracted at least once (flags; the flat shape gives the instant of creation).
    """

    pending: bool | None
    blocked: bool | None
    reset_token: SecretField | None = None
    sca_token: SecretField | None = None
    transaction_token: SecretField | None = None
    name: str | None = None
    last_transaction_date: Day | None = None
    last_update: Day | None = None
    time: str | None = None
    last_update_timestamp: int | None = None
    created_at_timestamp: int | None = None
    errored: DataFlags | bool | None = None
    created: DataFlags | datetime | date | bool | None = None

    @property
    def has_errors(self) -> bool:
        """Whether the last extraction failed for anything."""
        return self.errored.has_any() if isinstance(self.errored, DataFlags) else bool(self.errored)

    def is_created(self, kind: str) -> bool:
        """Whether this kind of data (`account`, `holders`, `transaction.card`) has been extracted at least once.

        Where Flanks gives no flags, everything has been once the credential is no longer pending.
        """
        return self._flag(self.created, kind, default=self.pending is False)

    def is_errored(self, kind: str) -> bool:
        """Whether the last extraction of this kind of data failed."""
        return self._flag(self.errored, kind, default=bool(self.errored))

    @staticmethod
    def _flag(flags: object, kind: str, *, default: bool) -> bool:
        group, _, name = kind.rpartition(".")
        if group not in ("", "product", "transaction"):
            raise ValueError(f"kind: {kind!r} is no kind of data")
        names = TransactionFlags.model_fields if group == "transaction" else ProductFlags.model_fields
        if name not in names:
            raise ValueError(f"kind: {kind!r} is no kind of data")
        if not isinstance(flags, DataFlags):
            return default
        return bool(getattr(flags.transaction if group == "transaction" else flags.product, name))


class Credential(FlanksModel):
    """One end user's login at one institution, as the list tells it."""

    credentials_token: SecretField
    external_id: OpaqueId | None = None
    bank: str | None = None
    status: CredentialState | None = None


class CredentialPage(FlanksModel):
    """One page of the list; pages count from 1, no credential at all is 0 pages."""

    items: tuple[Credential, ...]
    page: int
    pages: int
