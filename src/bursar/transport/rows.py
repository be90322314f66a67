"""How does one answer become models, when a single row of it may be broken?"""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import msgspec

from bursar.transport import json
from bursar.transport.client import HttpClient, Response

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant with its offset; one without is refused, because nobody can say which instant it is."""


class WireModel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of every model: frozen, keyword-only, members that the other side adds later are ignored.

    Without garbage collector tracking: a model is a tree of values that never refers to itself.
    """


class RejectedRow(WireModel, frozen=True, kw_only=True, gc=False):
    """A row of an answer that could not be read; its neighbours were.

    Attributes:
        member: the list it was in, such as `transactions`; empty where the answer is the list.
        index: its position there, from 0.
        path: the offending member in the other side's words, such as `transactions.3.amount`.
        reason: our words, without any value of the row.
        raw: the row's bytes as sent: personal data, keep it out of logs.
    """

    member: str
    index: int
    path: str
    reason: str
    raw: bytes

    @property
    def inside(self) -> str:
        """Where in the row, such as `details.category`; empty when it is the row itself."""
        return self.path.removeprefix(_place(self.member, self.index)).removeprefix(".")

    def at(self, index: int) -> "RejectedRow":
        """Return the same row at another position, such as that in a listing of several pages."""
        path = ".".join(filter(None, (_place(self.member, index), self.inside)))
        return msgspec.structs.replace(self, index=index, path=path)

    def __repr__(self) -> str:
        return f"RejectedRow({self.path!r}, {self.reason!r})"


class RowsAnswer(WireModel, frozen=True, kw_only=True, gc=False):
    """The base of answers that hold lists of rows."""

    row_members: ClassVar[tuple[str, ...]] = ()
    """Lists, by their names on the wire, whose rows are read one by one when one of them is broken."""

    # The colon keeps this member of ours apart from any name that the other side could use.
    rejected: tuple[RejectedRow, ...] = msgspec.field(default=(), name="bursar:rejected")
    """Rows that were there and could not be read: count them, never treat them as absent."""


ModelT = TypeVar("ModelT", bound=WireModel)


def decode_answer(client: HttpClient, response: Response, type_: type[ModelT]) -> ModelT:
    """Decode an answer in one pass; if that fails, row by row, so that a broken row costs only itself.

    Raises:
        TransportError: of the SDK's own class: it is not JSON, its envelope is broken, or a list that must be there is
            missing.
    """
    try:
        return json.decode(response.body, type_)
    except json.JsonError as error:
        failure = error
    if not failure.is_malformed and issubclass(type_, RowsAnswer) and type_.row_members:
        try:
            return _decode_row_by_row(response.body, type_)
        except json.JsonError as error:
            failure = error
    raise client.payload_error(response, failure)


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
            path = ".".join(filter(None, (_place(member, index), _path_in_row(error))))
            rejected.append(RejectedRow(member=member, index=index, path=path, reason=error.reason, raw=bytes(row)))
        else:
            kept.append(row)
    return kept, rejected


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """Return a request body without the members that were not given: many an API refuses them as `null`."""
    return {name: value for name, value in members.items() if value is not None}


def _decode_row_by_row(body: bytes, type_: type[RowsAnswer]) -> Any:
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


def _place(member: str, index: int) -> str:
    return f"{member}.{index}" if member else str(index)


_NAMED_MEMBER = re.compile(r"^(?:Object missing required field )?`(\w+)`")


def _path_in_row(error: json.JsonError) -> str:
    inside = error.path.removeprefix("$").replace("[", ".").replace("]", "").strip(".")
    named = _NAMED_MEMBER.match(error.reason)
    return ".".join(part for part in (inside, named.group(1) if named else "") if part)
