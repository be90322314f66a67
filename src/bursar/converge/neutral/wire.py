"""What do the neutral provider's answers look like, and which rows of them can be read?"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec

from bursar.transport import json
from bursar.transport.client import HttpClient, Response

RowT = TypeVar("RowT")

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant with its offset; one without is refused."""


class Model(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Members that are added later are ignored."""


class Trade(Model, frozen=True, kw_only=True, gc=False):
    """The security side of a row; `quantity` is positive when the holder gains units."""

    symbol: str
    quantity: Decimal
    name: str | None = None
    price: Decimal | None = None
    fees: Decimal | None = None

    def __post_init__(self) -> None:
        json.check_number(self.quantity, "quantity")
        json.check_number(self.price, "price")
        json.check_number(self.fees, "fees")


class Row(Model, frozen=True, kw_only=True, gc=False):
    """A transaction; which way `amount` is positive stands beside its list."""

    id: str
    amount: Decimal
    date: date
    state: str
    currency: str | None = None
    text: str | None = None
    kind: str | None = None
    counterparty: str | None = None
    replaces: str | None = None
    trade: Trade | None = None
    account_id: str | None = None
    """In a feed only; elsewhere the list says which account it is of."""

    def __post_init__(self) -> None:
        json.check_number(self.amount, "amount")


class Gone(Model, frozen=True, kw_only=True, gc=False):
    """A row that is no longer there."""

    id: str
    account_id: str


class Account(Model, frozen=True, kw_only=True, gc=False):
    """An account; `positive` says whether a positive `ledger` is held or owed."""

    id: str
    name: str
    kind: str
    currency: str
    positive: str
    ledger: Decimal | None = None
    available: Decimal | None = None
    cash: Decimal | None = None
    limit: Decimal | None = None
    as_of: Instant | None = None
    on: date | None = msgspec.field(default=None, name="date")
    mask: str | None = None
    number: str | None = None
    bank_code: str | None = None
    zone: str | None = None

    def __post_init__(self) -> None:
        for name in ("ledger", "available", "cash", "limit"):
            json.check_number(getattr(self, name), name)


class Holding(Model, frozen=True, kw_only=True, gc=False):
    """A position."""

    id: str
    symbol: str
    quantity: Decimal
    currency: str
    name: str | None = None
    asset_class: str | None = msgspec.field(default=None, name="class")
    isin: str | None = None
    price: Decimal | None = None
    price_date: date | None = None
    value: Decimal | None = None
    cost: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("quantity", "price", "value", "cost"):
            json.check_number(getattr(self, name), name)


class Link(Model, frozen=True, kw_only=True, gc=False):
    """A page of the bank for the user, named by a token."""

    link_token: str
    expires_at: Instant | None = None

    def __repr__(self) -> str:
        return "Link(***)"


class Bank(Model, frozen=True, kw_only=True, gc=False):
    """Where a login is."""

    key: str
    name: str


class Login(Model, frozen=True, kw_only=True, gc=False):
    """Whose consent it is, and how long it lasts."""

    login_id: str
    consent_id: str
    bank: Bank
    expires_at: Instant | None = None


class Exchanged(Login, frozen=True, kw_only=True, gc=False):
    """A login with the token that opens it."""

    access_token: str

    def __repr__(self) -> str:
        return "Exchanged(***)"


class AccountsEnvelope(Model, frozen=True, kw_only=True, gc=False):
    """`GET /accounts`."""

    accounts: msgspec.Raw


class ChangesEnvelope(Model, frozen=True, kw_only=True, gc=False):
    """`GET /changes`: one page."""

    positive: str
    added: msgspec.Raw
    modified: msgspec.Raw
    removed: msgspec.Raw
    next_cursor: str
    has_more: bool


class WindowEnvelope(Model, frozen=True, kw_only=True, gc=False):
    """`GET /transactions` with pages; `total` counts the rows of all pages."""

    account_id: str
    page: int
    total: int
    positive: str
    transactions: msgspec.Raw
    next_page: str | None


class ListEnvelope(Model, frozen=True, kw_only=True, gc=False):
    """`GET /transactions` in one answer."""

    account_id: str
    booked_positive: str
    pending_positive: str
    booked: msgspec.Raw
    pending: msgspec.Raw


class HoldingsEnvelope(Model, frozen=True, kw_only=True, gc=False):
    """`GET /holdings`."""

    account_id: str
    complete: bool
    holdings: msgspec.Raw
    as_of: Instant | None = None


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """A row that was there and could not be decoded; `raw` is personal data."""

    member: str
    index: int
    path: str
    """The offending member, such as `booked.3.amount`."""
    reason: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rows(Generic[RowT]):
    """The rows of one list: those that could be read, with their positions, and the others."""

    member: str
    read: list[tuple[int, RowT]]
    unread: list[UnreadRow]

    @property
    def count(self) -> int:
        """How many rows the list has."""
        return len(self.read) + len(self.unread)


def decode_rows(
    http: HttpClient, response: Response, raw: msgspec.Raw, type_: type[RowT], member: str, *, at: int = 0
) -> Rows[RowT]:
    """Decode a list in one pass; if that fails row by row, so that a broken row costs only itself.

    Args:
        http: makes the error.
        response: the answer that the list is in.
        raw: the list as sent.
        type_: of a row.
        member: the list's name in the answer.
        at: the position of the first row, where a list comes in pages.

    Raises:
        TransportError: of the client's tree: it is no list.
    """
    try:
        return Rows(member, list(enumerate(json.decode(raw, list[type_]), at)), [])
    except json.JsonError:
        pass
    try:
        rows = json.decode(raw, list[msgspec.Raw])
    except json.JsonError as error:
        failure = error
    else:
        return _decode_one_by_one(rows, type_, member, at)
    raise http.payload_error(response, failure)


def _decode_one_by_one(rows: list[msgspec.Raw], type_: type[RowT], member: str, at: int) -> Rows[RowT]:
    found: Rows[RowT] = Rows(member, [], [])
    for index, row in enumerate(rows, at):
        try:
            found.read.append((index, json.decode(row, type_)))
        except json.JsonError as error:
            path = f"{member}.{index}{_inside(error)}"
            found.unread.append(UnreadRow(member, index, path, error.reason, bytes(row)))
    return found


_NAMED_MEMBER = re.compile(r"^(?:Object missing required field )?`(\w+)`")


def _inside(error: json.JsonError) -> str:
    inside = error.path.removeprefix("$").replace("[", ".").replace("]", "")
    named = _NAMED_MEMBER.match(error.reason)
    return f"{inside}.{named.group(1)}" if named is not None else inside
