"""What does the text say that clients keep between two readings of a feed?"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.problems import PlaidProblemError, invalid_request

_CURSOR_LIFE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the feed.

    A loop starts with no place at all (the snapshot: `offset` counts listed rows) or after a change (`offset` is its
    number). `head` is the newest change when the loop began; a finished cursor is at its head. `page` counts the pages
    already served in the loop.
    """

    account_id: str
    snapshot: bool
    offset: int
    head: int
    page: int
    issued_at: datetime

    @property
    def is_finished(self) -> bool:
        """Whether the loop is over and a new one starts here."""
        return self.page == 0


def encode(mint: IdMint, item_id: str, era: int, cursor: Cursor) -> str:
    """The cursor as the opaque text that clients keep; an item's eras are what its cursors do not survive."""
    fields = (
        item_id,
        cursor.account_id,
        "s" if cursor.snapshot else "c",
        str(cursor.offset),
        str(cursor.head),
        str(cursor.page),
        str(int(cursor.issued_at.timestamp())),
        str(era),
    )
    text = ":".join(fields)
    return base64.urlsafe_b64encode(f"{text}:{mint.seal(text)}".encode()).decode().rstrip("=")


def decode(mint: IdMint, item_id: str, era: int, account_id: str, text: str, now: datetime) -> Cursor:
    """Reads a cursor of this very stream and era; any other one is Plaid's `INVALID_FIELD`."""
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise unusable_cursor() from error
    body, _, seal = plain.rpartition(":")
    if seal != mint.seal(body):
        raise unusable_cursor()
    of_item, stream, mode, offset, head, page, issued, of_era = body.split(":")
    issued_at = datetime.fromtimestamp(int(issued), tz=now.tzinfo)
    cursor = Cursor(stream, mode == "s", int(offset), int(head), int(page), issued_at)
    if (of_item, stream, of_era) != (item_id, account_id, str(era)) or issued_at + _CURSOR_LIFE < now:
        raise unusable_cursor()
    return cursor


def unusable_cursor() -> PlaidProblemError:
    """The refusal of a cursor."""
    return invalid_request("INVALID_FIELD", "cursor is not valid for this item and account")
