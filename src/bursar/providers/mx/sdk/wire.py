"""How does one answer become models, when a single row of it may be broken?"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, ClassVar, Generic, TypeVar, get_args

import msgspec

from bursar.transport import json
from bursar.transport.client import HttpClient, Response

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant with its offset; one without is refused, because nobody can say which instant it is."""


class WireModel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of every model: frozen, keyword-only; members that MX adds later are ignored."""


class RejectedRow(WireModel, frozen=True, kw_only=True, gc=False):
    """A row of a listing that could not be read; its neighbours were.

    Attributes:
        member: the list it was in, such as `transactions`.
        index: its position in the whole listing, from 0.
        path: the offending member in MX's words, such as `transactions.3.amount`.
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


class Pagination(WireModel, frozen=True, kw_only=True, gc=False):
    """Where a page stands in its listing; pages count from 1."""

    current_page: int
    per_page: int
    total_entries: int
    total_pages: int


class Page(WireModel, frozen=True, kw_only=True, gc=False):
    """The base of every page of a listing."""

    row_member: ClassVar[str] = ""
    """The list's name; its rows are read one by one when one of them is broken."""

    pagination: Pagination
    # The colon keeps this member of ours apart from any name that MX could use.
    rejected: tuple[RejectedRow, ...] = msgspec.field(default=(), name="bursar:rejected")


PageT = TypeVar("PageT", bound=Page)
Row = TypeVar("Row")


class Rows(list[Row], Generic[Row]):
    """A whole listing; what was there and could not be read is in `rejected`: count it, never treat it as absent."""

    def __init__(self, rows: Iterable[Row] = (), rejected: Iterable[RejectedRow] = ()) -> None:
        super().__init__(rows)
        self.rejected = list(rejected)


def decode_page(client: HttpClient, response: Response, type_: type[PageT]) -> PageT:
    """Decode a page in one pass; if that fails, row by row, so that a broken row costs only itself.

    Raises:
        MXResponseError: it is not JSON, or its envelope is broken.
    """
    try:
        return json.decode(response.body, type_)
    except json.JsonError as error:
        failure = error
    if not failure.is_malformed:
        try:
            return _decode_row_by_row(response.body, type_)
        except json.JsonError as error:
            failure = error
    raise client.payload_error(response, failure)


def _decode_row_by_row(body: bytes, type_: type[PageT]) -> PageT:
    members = json.decode(body, dict[str, msgspec.Raw])
    name = type_.row_member
    row_type = next(get_args(field.type)[0] for field in msgspec.structs.fields(type_) if field.name == name)
    rejected: list[RejectedRow] = []
    if name in members:
        kept: list[msgspec.Raw] = []
        for index, row in enumerate(json.decode(members[name], list[msgspec.Raw])):
            try:
                json.decode(row, row_type)
            except json.JsonError as error:
                rejected.append(_rejected(name, index, error, row))
            else:
                kept.append(row)
        members[name] = msgspec.Raw(msgspec.json.encode(kept))
    page = json.decode(msgspec.json.encode(members), type_)
    return msgspec.structs.replace(page, rejected=tuple(rejected))


_NAMED_MEMBER = re.compile(r"^(?:Object missing required field )?`(\w+)`")


def _rejected(member: str, index: int, error: json.JsonError, row: msgspec.Raw) -> RejectedRow:
    inside = error.path.removeprefix("$").replace("[", ".").replace("]", "")
    named = _NAMED_MEMBER.match(error.reason)
    if named is not None:
        inside += f".{named.group(1)}"
    return RejectedRow(
        member=member, index=index, path=f"{member}.{index}{inside}", reason=error.reason, raw=bytes(row)
    )


def moved(row: RejectedRow, offset: int) -> RejectedRow:
    """Return a rejected row of a page with its position in the whole listing."""
    if not offset:
        return row
    index = row.index + offset
    path = f"{row.member}.{index}" + row.path.removeprefix(f"{row.member}.{row.index}")
    return msgspec.structs.replace(row, index=index, path=path)
