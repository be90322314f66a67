"""What does Teller write in forms of its own?"""

from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec

from bursar.providers.teller.sdk.errors import TellerResponseError
from bursar.transport import json
from bursar.transport.client import HttpClient, Response
from bursar.transport.rows import RejectedRow, split_rows

MoneyText = Annotated[str, msgspec.Meta(pattern=r"\A-?[0-9]{1,28}(?:\.[0-9]{1,18})?\Z")]
"""An amount as Teller writes it: a text with plain digits. A JSON number, an exponent or a grouped one is refused."""


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
            kept, rejected = split_rows("", msgspec.Raw(response.body), row_type)
            return Rows([json.decode(row, row_type) for row in kept], tuple(rejected))
        except json.JsonError as error:
            failure = error
    raise client.payload_error(response, failure)


def money(text: str | None) -> Decimal | None:
    """Return the exact number of an amount's text; None stays None."""
    return None if text is None else Decimal(text)


def loop_error(reason: str) -> TellerResponseError:
    """Return the error for pages that do not come to an end."""
    return TellerResponseError(reason)
