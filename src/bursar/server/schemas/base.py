"""What do all answers share?"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from bursar.domain.money import format_amount

Item = TypeVar("Item")


def to_rfc3339(instant: datetime) -> str:
    """Return an instant in UTC, as `2026-03-08T01:00:00Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    PlainSerializer(to_rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def money(amount: Decimal | None, currency: str) -> str | None:
    """Return an amount as text with the decimals of its currency; None stays unknown."""
    return None if amount is None else format_amount(amount, currency)


def number(value: Decimal | None) -> str | None:
    """Return a quantity, price or rate as plain text without zeros at its end; None stays unknown."""
    if value is None:
        return None
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Out(BaseModel):
    """The base of what goes out."""

    model_config = ConfigDict(frozen=True)


class ItemOf(BaseModel, Generic[Item]):
    """One thing."""

    data: Item


class Meta(BaseModel):
    """Where a page stands; with cursors nobody counts, and `total`, `page` and `total_pages` are null."""

    total: int | None
    page: int | None
    per_page: int
    total_pages: int | None
    has_more: bool
    next_cursor: str | None = None
    prev_cursor: str | None = None
    total_is_estimate: bool = False


class PageOf(BaseModel, Generic[Item]):
    """A page of things."""

    data: list[Item]
    meta: Meta


class ErrorDetail(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str
    code: str


class ErrorMember(BaseModel):
    """The error, for programs."""

    model_config = ConfigDict(extra="allow")

    code: str
    message: str
    retryable: bool
    request_id: str
    details: list[ErrorDetail] = []
    retry_after: int | None = None


class Problem(BaseModel):
    """The body of every error: the platform's `error` member inside an RFC 9457 problem."""

    error: ErrorMember
    type: str
    title: str
    status: int
    detail: str
    instance: str
