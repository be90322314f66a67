"""What do the banking routes take and answer?"""

import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bursar.banking.exceptions import InvalidInputError
from bursar.banking.filters import read_day
from bursar.models import Balance, BankAccount, Owner, Transaction
from bursar.models.record import Amount, Currency


def _iso_day(value: object) -> object:
    if value is None or value == "":
        return None
    try:
        return read_day(value, "the value") if isinstance(value, str) else value
    except InvalidInputError as error:
        raise ValueError(error.message) from None


Day = Annotated[datetime.date, BeforeValidator(_iso_day)]
"""`YYYY-MM-DD` and nothing else: a number is not taken for seconds since 1970."""


class Answer(BaseModel):
    """The base of the answers."""

    model_config = ConfigDict(frozen=True)


class Completeness(Answer):
    """Whether a reading is all there is."""

    complete: bool
    """False when the provider may have more than is told here."""
    rejected: int
    """Records that were there and could not be read."""


class PageMeta(Completeness):
    """Which page of how many."""

    total: int
    """Rows that match, on all pages."""
    page: int
    page_size: int
    total_pages: int


class AccountsAnswer(Answer):
    """Every account of the login."""

    accounts: list[BankAccount]
    meta: Completeness


class TransactionsAnswer(Answer):
    """One page of transactions."""

    transactions: list[Transaction]
    count: int
    """Rows in this answer; `meta.total` counts those that match."""
    meta: PageMeta


class BalancesAnswer(Answer):
    """The balance of every account."""

    balances: list[Balance]
    meta: Completeness


class IdentityAnswer(Answer):
    """The owners of the accounts."""

    owners: list[Owner]


class Snapshot(Answer):
    """What an account held on a day."""

    date: datetime.date
    balance: Amount
    currency: Currency


class HistoryAnswer(Answer):
    """Snapshots of one account, the oldest first."""

    account_id: str
    history: list[Snapshot]
    count: int


class HistoryStatistics(Answer):
    """What a series says; every figure is null where it is not defined."""

    direction: str | None = None
    change: Amount | None = None
    change_percent: Amount | None = None
    average_daily_balance: Amount | None = None
    days: int = 0
    """Days that the average counts."""


class RichHistoryAnswer(HistoryAnswer):
    """Snapshots of one account with what they say."""

    statistics: HistoryStatistics


class LinkRequest(BaseModel):
    """Whose bank is linked."""

    model_config = ConfigDict(extra="forbid")

    user_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="An opaque id of your user, no e-mail address; left out where the application knows who asks.",
    )
    institution_id: str | None = Field(default=None, max_length=200)
    redirect_uri: str | None = Field(default=None, max_length=2000)
    item_id: str | None = Field(
        default=None, max_length=200, description="With `update`: the login's id, as the exchange gave it."
    )
    account_selection: bool = Field(
        default=False, description="With `update`: let the user add accounts and take others away."
    )
    update: bool = Field(default=False, description="Let the user of the bearer token sign in again.")


class ExchangeRequest(BaseModel):
    """What came back from the user: `public_token`, or what `needs` of the link named, and the link's session."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]  # pyright: ignore[reportIncompatibleVariableOverride] - how pydantic types them

    public_token: str | None = Field(default=None, max_length=4000, repr=False)
    user_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="As the link was begun with; left out where the application knows who asks.",
    )
    link_session: str = Field(
        max_length=400, repr=False, description="As the link had it: good for its user, once, for 30 minutes."
    )


class Received(Answer):
    """A webhook was taken."""

    status: str = "received"
