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
    """The base of every model: frozen, keyword-only, members that Plaid adds later are ignored.

    Without garbage collector tracking: a model is a tree of values that never refers to itself.
    """


class RejectedRow(WireModel, frozen=True, kw_only=True, gc=False):
    """A row of an answer that could not be read; its neighbours were.

    Attributes:
        member: the list it was in, such as `added`.
        index: its position there, from 0.
        path: the offending member in Plaid's words, such as `added.3.amount`.
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
    """The base of every answer; each one has a `request_id`, which Plaid's support asks for."""

    row_members: ClassVar[tuple[str, ...]] = ()
    """Lists whose rows are read one by one when one of them is broken."""

    request_id: str
    # The colon keeps this member of ours apart from any name that Plaid could use.
    rejected: tuple[RejectedRow, ...] = msgspec.field(default=(), name="bursar:rejected")
    """Rows that were there and could not be read: count them, never treat them as absent."""


AnswerT = TypeVar("AnswerT", bound=Answer)


def decode_answer(client: HttpClient, response: Response, type_: type[AnswerT]) -> AnswerT:
    """Decode an answer in one pass; if that fails, row by row, so that a broken row costs only itself.

    Raises:
        PlaidResponseError: it is not JSON, its envelope is broken, or a list that must be there is missing.
    """
    try:
        return json.decode(response.body, type_)
    except json.JsonError as error:
        failure = error
    if not failure.is_malformed and type_.row_members:
        try:
            return _decode_row_by_row(response.body, type_)
        except json.JsonError as error:
            failure = error
    raise client.payload_error(response, failure)


def _decode_row_by_row(body: bytes, type_: type[AnswerT]) -> AnswerT:
    members = json.decode(body, dict[str, msgspec.Raw])
    row_types = {
        field.encode_name: get_args(field.type)[0]
        for field in msgspec.structs.fields(type_)
        if field.encode_name in type_.row_members
    }
    rejected: list[RejectedRow] = []
    for member, row_type in row_types.items():
        if member not in members:
            continue
        kept: list[msgspec.Raw] = []
        for index, row in enumerate(json.decode(members[member], list[msgspec.Raw])):
            try:
                json.decode(row, row_type)
            except json.JsonError as error:
                rejected.append(_rejected(member, index, error, row))
            else:
                kept.append(row)
        members[member] = msgspec.Raw(msgspec.json.encode(kept))
    answer = json.decode(msgspec.json.encode(members), type_)
    return msgspec.structs.replace(answer, rejected=tuple(rejected))


_NAMED_MEMBER = re.compile(r"^(?:Object missing required field )?`(\w+)`")


def _rejected(member: str, index: int, error: json.JsonError, row: msgspec.Raw) -> RejectedRow:
    inside = error.path.removeprefix("$").replace("[", ".").replace("]", "")
    named = _NAMED_MEMBER.match(error.reason)
    if named is not None:
        inside += f".{named.group(1)}"
    return RejectedRow(
        member=member, index=index, path=f"{member}.{index}{inside}", reason=error.reason, raw=bytes(row)
    )


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """A request body without the members that were not given: Plaid refuses many of them as `null`."""
    return {name: value for name, value in members.items() if value is not None}
