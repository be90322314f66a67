"""Is an argument what it should be, before anything is sent?

Each function returns the argument as it is sent, or raises a ValueError that names the argument and never its value.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, cast

LARGEST_PAGE = 100


def text(value: object, name: str) -> str:
    """A text, which may be empty."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value


def optional_text(value: object, name: str) -> str:
    """A text; None is the empty one."""
    return "" if value is None else text(value, name)


def identifier(value: object, name: str) -> str:
    """A text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text that is not blank")
    return value


def optional_id(value: object, name: str) -> str | None:
    """An id, or None."""
    return None if value is None else identifier(value, name)


def flag(value: object, name: str) -> bool:
    """True or False, and nothing that is merely like them: `"no"` is true to Python."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False")
    return value


def page_size(value: object, name: str) -> int:
    """A size of a page."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_PAGE:
        raise ValueError(f"{name} must be a whole number from 1 to {LARGEST_PAGE}")
    return value


def words(values: object, name: str) -> list[str]:
    """A list of words, in their order; None is the empty one."""
    if values is None:
        return []
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a list of words, not one text")
    return [str(identifier(value, name)) for value in cast("Iterable[object]", values)]


def days(start: object, end: object) -> dict[str, str]:
    """The bounds of a span of time that were given; an empty text is no bound."""
    bounds = {key: _moment(value, f"date_{key}") for key, value in (("start", start), ("end", end)) if value}
    if len(bounds) == 2 and len(bounds["start"]) == len(bounds["end"]) == 10 and bounds["start"] > bounds["end"]:
        raise ValueError("date_start must not be after date_end")
    return bounds


def json_object(values: object, name: str) -> Mapping[str, Any]:
    """Members that have a JSON form; None is the empty object."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} must be a mapping")
    try:
        json.dumps(dict(cast("Mapping[str, Any]", values)), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError(f"{name} must have a JSON form") from None
    return cast("Mapping[str, Any]", values)


def _moment(value: object, name: str) -> str:
    if isinstance(value, date):  # an instant is one, too
        return value.isoformat()
    try:
        datetime.fromisoformat(text(value, name))
    except ValueError:
        raise ValueError(f"{name} must be an ISO date such as 2025-01-31, or an instant") from None
    return cast("str", value)
