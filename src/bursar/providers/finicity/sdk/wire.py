"""How does one answer become models, when a single row of it may be broken?"""

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar, get_args

import msgspec

from bursar.transport import json
from bursar.transport.client import HttpClient, Response

WireId = str | int
"""An id: text in some objects, a whole number of up to 64 bits in others, for the same thing."""

EpochSeconds = int
"""Seconds since 1970 in UTC; `to_instant` makes an instant of them."""

_LATEST = 253_402_300_799  # the end of the year 9999


class WireModel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of every model: frozen, keyword-only, members that the vendor adds later are ignored."""


class RejectedRow(WireModel, frozen=True, kw_only=True, gc=False):
    """A row of an answer that could not be read; its neighbours were.

    Attributes:
        member: the list it was in, such as `transactions`.
        index: its position there, from 0.
        path: the offending member in the vendor's words, such as `transactions.3.amount`.
        reason: our words, without any value of the row.
        raw: the row's bytes as sent: personal data, keep it out of logs.
    """

    member: str
    index: int
    path: str
    reason: str
    raw: bytes

    def __repr__(self) -> str:
        return f"RejectedRow({self.path!r}, {self.reason!r})"


class Answer(WireModel, frozen=True, kw_only=True, gc=False):
    """The base of answers that hold a list."""

    row_members: ClassVar[tuple[str, ...]] = ()
    """Lists whose rows are read one by one when one of them is broken."""

    # The colon keeps this member of ours apart from any name that the vendor could use.
    rejected: tuple[RejectedRow, ...] = msgspec.field(default=(), name="bursar:rejected")
    """Rows that were there and could not be read: count them, never treat them as absent."""


ModelT = TypeVar("ModelT", bound=WireModel)


def decode_answer(client: HttpClient, response: Response, type_: type[ModelT]) -> ModelT:
    """Decode an answer in one pass; if that fails, row by row, so that a broken row costs only itself.

    Raises:
        FinicityResponseError: it is not JSON, its envelope is broken, or a list that must be there is missing.
    """
    try:
        return json.decode(response.body, type_)
    except json.JsonError as error:
        failure = error
    if not failure.is_malformed and issubclass(type_, Answer):
        try:
            return _decode_row_by_row(response.body, type_)
        except json.JsonError as error:
            failure = error
    raise client.payload_error(response, failure)


def _decode_row_by_row(body: bytes, type_: type[Answer]) -> Any:
    members = json.decode(body, dict[str, msgspec.Raw])
    rejected: list[RejectedRow] = []
    for field in msgspec.structs.fields(type_):
        member = field.encode_name
        if member in type_.row_members and member in members:
            kept, broken = split_rows(member, members[member], get_args(field.type)[0])
            rejected.extend(broken)
            members[member] = msgspec.Raw(msgspec.json.encode(kept))
    answer = json.decode(msgspec.json.encode(members), type_)
    return msgspec.structs.replace(answer, rejected=tuple(rejected))


def split_rows(member: str, rows: msgspec.Raw, row_type: Any) -> tuple[list[msgspec.Raw], list[RejectedRow]]:
    """Return the rows of a list that decode, as sent, and those that do not.

    Raises:
        JsonError: it is no list.
    """
    kept: list[msgspec.Raw] = []
    rejected: list[RejectedRow] = []
    for index, row in enumerate(json.decode(rows, list[msgspec.Raw])):
        try:
            json.decode(row, row_type)
        except json.JsonError as error:
            rejected.append(_rejected(member, index, error, row))
        else:
            kept.append(row)
    return kept, rejected


_NAMED_MEMBER = re.compile(r"^(?:Object missing required field )?`(\w+)`")


def _rejected(member: str, index: int, error: json.JsonError, row: msgspec.Raw) -> RejectedRow:
    inside = error.path.removeprefix("$").replace("[", ".").replace("]", "")
    named = _NAMED_MEMBER.match(error.reason)
    if named is not None:
        inside += f".{named.group(1)}"
    return RejectedRow(
        member=member, index=index, path=f"{member}.{index}{inside}", reason=error.reason, raw=bytes(row)
    )


def to_instant(seconds: int) -> datetime:
    """The instant of a time on the wire, aware, in UTC.

    Raises:
        ValueError: it lies before 1970 or after the year 9999: nobody's account knows such a time.
    """
    if not 0 <= seconds <= _LATEST:
        raise ValueError("a time is out of range")
    return datetime.fromtimestamp(seconds, UTC)


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """A request body without the members that were not given."""
    return {name: value for name, value in members.items() if value is not None}
