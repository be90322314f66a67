"""Is an argument what it should be, before anything is sent?"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel, ValidationError

from bursar.providers.flanks.sdk.exceptions import FlanksArgumentError
from bursar.providers.flanks.sdk.model import RequestModel, failed_fields

_OWN_HEADERS = frozenset({"authorization", "content-length", "transfer-encoding"})
"""The token's, and those that say where a request ends: another value would break it, or smuggle in a second one."""

RequestT = TypeVar("RequestT", bound=RequestModel)


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Leave it as it is; None means: remove it."""


def wrong(argument: str, expected: str) -> FlanksArgumentError:
    """Return the error for an argument; its value is never in the text, because it may be a secret."""
    return FlanksArgumentError(f"{argument}: expected {expected}", argument)


def text(argument: str, value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise wrong(argument, "a text that is not empty")
    return value


def optional_text(argument: str, value: object) -> str | None:
    """Return a text, or None."""
    return None if value is None else text(argument, value)


def whole(argument: str, value: object, *, least: int | None = None) -> int:
    """Return a whole number; True and False are none."""
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        raise wrong(argument, "a whole number" if least is None else f"a whole number from {least}")
    return value


def flag(argument: str, value: object) -> bool:
    """Return True or False, and nothing that is merely like them."""
    if not isinstance(value, bool):
        raise wrong(argument, "True or False")
    return value


def texts(argument: str, values: object) -> list[str] | None:
    """Return a list of texts, or None; a single text is refused, because it would be taken letter by letter."""
    if values is None:
        return None
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise wrong(argument, "a list of texts")
    return [text(f"{argument}[{index}]", value) for index, value in enumerate(cast("Iterable[object]", values))]


def labels(argument: str, values: object) -> dict[str, str]:
    """Return labels by name; every name and value is a text."""
    if not isinstance(values, Mapping):
        raise wrong(argument, "a mapping of texts to texts")
    pairs = cast("Mapping[object, object]", values)
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in pairs.items()):
        raise wrong(argument, "texts as names and as values")
    return dict(cast("Mapping[str, str]", pairs))


def query_fields(argument: str, values: object) -> dict[str, str] | None:
    """Return what goes into the query of an address, or None."""
    return None if values is None else labels(argument, values)


def json_object(argument: str, values: object) -> dict[str, Any]:
    """Return an object for the body whose members are the caller's."""
    if isinstance(values, BaseModel):
        return to_wire(values)
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in cast("Mapping[Any, Any]", values)):
        raise wrong(argument, "a mapping with texts as names")
    return dict(cast("Mapping[str, Any]", values))


def day(argument: str, value: object) -> str | None:
    """Return a calendar date as `YYYY-MM-DD`, from a date or from such a text; an instant is refused."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise wrong(argument, "a date, or a text YYYY-MM-DD") from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise wrong(argument, "a date, or a text YYYY-MM-DD")
    return value.isoformat()


def header_fields(argument: str, values: object) -> dict[str, str]:
    """Return headers: texts by name, none of which could smuggle in another header."""
    if values is None:
        return {}
    fields = labels(argument, values)
    for name, value in fields.items():
        if not name or not (name + value).isprintable() or not (name + value).isascii():
            raise wrong(argument, "names and values of printable ASCII")
        if name.lower() in _OWN_HEADERS:
            raise wrong(argument, f"none of {', '.join(sorted(_OWN_HEADERS))}, which the client sets itself")
    return fields


def request(argument: str, value: RequestT | Mapping[str, Any] | None, model: type[RequestT]) -> dict[str, Any]:
    """Return a query or a configuration as it goes into the body; None is the empty one.

    Raises:
        FlanksArgumentError: it is another model, or it has a member that does not exist or does not fit.
    """
    if value is None:
        return {}
    if isinstance(value, Mapping):
        try:
            value = model.model_validate(dict(value))
        except ValidationError as failure:
            raise wrong(argument, f"a {model.__name__}; wrong: {', '.join(failed_fields(failure))}") from None
    if not isinstance(value, model):
        raise wrong(argument, f"a {model.__name__} or a mapping with its members")
    return to_wire(value)


def to_wire(model: BaseModel) -> dict[str, Any]:
    """Return a model as it goes into a body: members that were not given are absent, an empty list is there."""
    return {name: value for name, value in model.model_dump(mode="python").items() if value is not None}
