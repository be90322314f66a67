"""How are the values in a query read: exactly, and never more generously than documented?"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from bursar.domain.money import AmountError, is_currency, parse_amount

ALWAYS_KNOWN = frozenset({"page", "per_page", "cursor", "limit", "sort", "q", "fields", "include"})
"""Names that every address takes; where one of them has no meaning it changes nothing."""

_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def _count(value: object) -> int:
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or _COUNT.fullmatch(value) is None:
        raise ValueError("a whole number without a sign")
    return int(value)


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        raise ValueError("a date as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("there is no such day") from None


def _instant(value: object) -> datetime:
    # A plus sign that was not escaped arrives as a space.
    text = value.replace(" ", "+") if isinstance(value, str) else ""
    if _INSTANT.fullmatch(text) is None:
        raise ValueError("a time with its zone, as 2026-03-08T01:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such time") from None


def _decimal(value: object) -> Decimal:
    try:
        amount = parse_amount(value if isinstance(value, str) else "")
    except AmountError:
        raise ValueError("a decimal number such as -12.50") from None
    if abs(amount) >= 10**15:
        raise ValueError("less than 10^15 in size")
    return amount


def no_controls(text: str) -> str:
    """Return the text when it can be stored and searched.

    Raises:
        ValueError: it has control characters, or halves of characters.
    """
    if _CONTROL.search(text):
        raise ValueError("no control characters")
    return text


def split_commas(value: object) -> object:
    """Return the values of a parameter that may be repeated, and may hold several with commas between."""
    listed: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    return [part for each in listed for part in (each.split(",") if isinstance(each, str) else [each]) if part != ""]


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("an ISO 4217 code in upper case")
    return code


Count = Annotated[int, BeforeValidator(_count, json_schema_input_type=int)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
"""A calendar date, `YYYY-MM-DD`."""
Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""An instant with its zone, turned into UTC."""
Bound = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema({"type": "string", "example": "-12.50"})]
"""A decimal, from its literal text."""
Text = Annotated[str, AfterValidator(no_controls)]
Currency = Annotated[str, AfterValidator(_currency)]


class Parameters(BaseModel):
    """What every address takes; an unknown name is an error, because a misspelt filter must not return everything."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    fields: Annotated[list[str], BeforeValidator(split_commas)] = Field(default_factory=list[str], max_length=50)
    """Members to return; all when empty."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_known(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        given = cast("Mapping[str, object]", values)
        return {name: value for name, value in given.items() if name in cls.model_fields or name not in ALWAYS_KNOWN}
