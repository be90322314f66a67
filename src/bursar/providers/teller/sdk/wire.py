"""How does one answer become models, when a single row of it may be broken?"""

import re
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from bursar.providers.teller.sdk.errors import TellerResponseError
from bursar.transport import json
from bursar.transport.client import HttpClient, Response

MoneyText = Annotated[str, msgspec.Meta(pattern=r"\A-?[0-9]{1,28}(?:\.[0-9]{1,18})?\Z")]
"""An amount as Teller writes it: a text with plain digits. A JSON number, an exponent or a grouped one is refused."""


class WireModel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of every model: frozen, keyword-only, members that Teller adds later are ignored."""


class RejectedRow(WireModel, frozen=True, kw_only=True, gc=False):
    """A row of an answer that could not be read; its neighbours were.

    Attributes:
        index: its position in the answer, from 0.
        path: the offending member in Teller's words, such as `amount` or `details.category`.
        reason: our words, without any value of the row.
        raw: the row's bytes as sent: personal data, keep it out of logs.
    """

    index: int
    path: str
    reason: str
    raw: bytes

    def __repr__(self) -> str:
        return f"RejectedRow({self.index}, {self.path!r}, {self.reason!r})"


Row = TypeVar("Row")


class Rows(tuple[Row, ...], Generic[Row]):
    """The rows of a listing that could be read, in Teller's order, and those that could not.

    Attributes:
        rejected: rows that were there and could not be read: count them, never treat them as absent.
        told: how many rows the answer had, the unreadable ones included.
    """

    rejected: tuple[RejectedRow, ...]

    def __new__(cls, rows: "tuple[Row, ...] | list[Row]" = (), rejected: tuple[RejectedRow, ...] = ()) -> "Rows[Row]":
        """Make a listing."""
        made = super().__new__(cls, rows)
        made.rejected = rejected
        return made

    @property
    def told(self) -> int:
        """How many rows there were."""
        return len(self) + len(self.rejected)

    def __repr__(self) -> str:
        return f"Rows({len(self)} read, {len(self.rejected)} rejected)"


def decode_rows(client: HttpClient, response: Response, row_type: type[Row]) -> Rows[Row]:
    """Decode a bare list in one pass; if that fails, row by row, so that a broken row costs only itself.

    Raises:
        TellerResponseError: it is not JSON, or no list.
    """
    try:
        return Rows(json.decode(response.body, list[row_type]))
    except json.JsonError as error:
        failure = error
    if not failure.is_malformed:
        try:
            return _decode_row_by_row(response.body, row_type)
        except json.JsonError as error:
            failure = error
    raise client.payload_error(response, failure)


def _decode_row_by_row(body: bytes, row_type: type[Row]) -> Rows[Row]:
    read: list[Row] = []
    rejected: list[RejectedRow] = []
    for index, raw in enumerate(json.decode(body, list[msgspec.Raw])):
        try:
            read.append(json.decode(raw, row_type))
        except json.JsonError as error:
            rejected.append(RejectedRow(index=index, path=_path(error), reason=error.reason, raw=bytes(raw)))
    return Rows(read, tuple(rejected))


_NAMED_MEMBER = re.compile(r"^(?:Object missing required field )?`(\w+)`")


def _path(error: json.JsonError) -> str:
    inside = error.path.removeprefix("$").replace("[", ".").replace("]", "").strip(".")
    named = _NAMED_MEMBER.match(error.reason)
    return ".".join(part for part in (inside, named.group(1) if named else "") if part) or "row"


def money(text: str | None) -> Decimal | None:
    """Return the exact number of an amount's text; None stays None."""
    return None if text is None else Decimal(text)


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """Return a request body without the members that were not given."""
    return {name: value for name, value in members.items() if value is not None}


def loop_error(reason: str) -> TellerResponseError:
    """Return the error for pages that do not come to an end."""
    return TellerResponseError(reason)
