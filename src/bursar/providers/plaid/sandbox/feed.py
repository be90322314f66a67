"""What has changed in the transactions of an item since a cursor?"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.problems import PlaidProblemError, invalid_request
from bursar.sandbox.ledger import Event, EventKind, Row, RowState
from bursar.sandbox.world import World

_CURSOR_LIFE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction as listed: the row, its Plaid id and the pending transaction it took the place of."""

    transaction_id: str
    row: Row
    pending_transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One update of the feed; `number` counts from 1 over the whole item. `kind` is added, modified or removed."""

    number: int
    kind: str
    entry: Entry


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


@dataclass(frozen=True, slots=True)
class Page:
    """One page of updates in the order they happened; `number` counts from 1 within the loop."""

    changes: Sequence[Change]
    next_cursor: Cursor
    has_more: bool
    number: int


class ItemFeed:
    """The append-only change log of one item, derived from the event logs of its accounts."""

    def __init__(self, world: World, mint: IdMint, item_id: str, account_ids: Sequence[str], first_day: date) -> None:
        """Rows booked before `first_day` are outside the history that was asked for at linking."""
        self._world = world
        self._mint = mint
        self._item_id = item_id
        self._account_ids = tuple(account_ids)
        self._first_day = first_day
        self._read_until = 0
        self._changes: list[Change] = []
        self._listed: dict[str, tuple[Entry, int]] = {}

    def catch_up(self) -> int:
        """Takes over what has happened in the world and returns the number of the newest change."""
        if self._account_ids:
            for event in self._world.events_after(self._read_until, self._account_ids):
                self._take(event)
        self._read_until = self._world.head
        return len(self._changes)

    def extend_back(self, first_day: date) -> None:
        """Adds the older part of the history, which the provider pulled later: everything that exists since a day."""
        self.catch_up()
        rows = (row for account_id in self._account_ids for row in self._world.truth(account_id).rows)
        older = [row for row in rows if first_day <= row.booked_on < self._first_day]
        for row in sorted(older, key=lambda row: (row.booked_on, row.world_id)):
            transaction_id = self._mint.opaque("transaction", self._item_id, row.world_id, row.state)
            if transaction_id not in self._listed:
                self._append("added", Entry(transaction_id, row))
        self._first_day = first_day

    def changes_after(self, number: int) -> Sequence[Change]:
        """The changes after the given number."""
        return self._changes[number:]

    def listed(self) -> list[Entry]:
        """The transactions that exist at present, by time of their last change."""
        return [entry for entry, _ in sorted(self._listed.values(), key=lambda pair: pair[1])]

    def page(self, cursor: Cursor | None, account_id: str, count: int, now: datetime) -> Page:
        """The next page after a cursor (None: from the beginning), of one world account or (empty id) of all.

        Raises the mutation problem when the feed has changed since the unfinished loop of the cursor began.
        """
        head = self._head(account_id)
        if cursor is None:
            cursor = Cursor(account_id, snapshot=True, offset=0, head=head, page=0, issued_at=now)
        elif cursor.is_finished:
            cursor = Cursor(account_id, snapshot=False, offset=cursor.offset, head=head, page=0, issued_at=now)
        elif cursor.head != head:
            raise PlaidProblemError(
                "TRANSACTIONS_ERROR",
                "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION",
                "the underlying data changed during pagination; restart from the first cursor of this update",
            )
        if cursor.snapshot:
            waiting = self._snapshot(account_id)[cursor.offset :]
        else:
            waiting = [change for change in self._changes[cursor.offset :] if self._concerns(change, account_id)]
        served = waiting[:count]
        has_more = len(waiting) > count
        if not has_more:
            following = Cursor(account_id, snapshot=False, offset=head, head=head, page=0, issued_at=now)
        else:
            offset = cursor.offset + len(served) if cursor.snapshot else served[-1].number
            following = Cursor(account_id, cursor.snapshot, offset, head, cursor.page + 1, now)
        return Page(served, following, has_more, cursor.page + 1)

    def cursor_at_head(self, account_id: str, now: datetime) -> Cursor:
        """The finished cursor of somebody who wants nothing of the past."""
        head = self._head(account_id)
        return Cursor(account_id, snapshot=False, offset=head, head=head, page=0, issued_at=now)

    def encode(self, cursor: Cursor) -> str:
        """The cursor as the opaque text that clients keep."""
        fields = (
            self._item_id,
            cursor.account_id,
            "s" if cursor.snapshot else "c",
            str(cursor.offset),
            str(cursor.head),
            str(cursor.page),
            str(int(cursor.issued_at.timestamp())),
        )
        text = ":".join(fields)
        return base64.urlsafe_b64encode(f"{text}:{self._mint.seal(text)}".encode()).decode().rstrip("=")

    def decode(self, text: str, account_id: str, now: datetime) -> Cursor:
        """Reads a cursor of this very stream; any other one is Plaid's `INVALID_FIELD`."""
        try:
            plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, ValueError) as error:
            raise _unusable_cursor() from error
        body, _, seal = plain.rpartition(":")
        if seal != self._mint.seal(body):
            raise _unusable_cursor()
        item_id, stream, mode, offset, head, page, issued = body.split(":")
        cursor = Cursor(stream, mode == "s", int(offset), int(head), int(page), _from_timestamp(issued, now))
        if item_id != self._item_id or stream != account_id or cursor.issued_at + _CURSOR_LIFE < now:
            raise _unusable_cursor()
        return cursor

    def _take(self, event: Event) -> None:
        row = event.row
        pending_id = self._mint.opaque("transaction", self._item_id, row.world_id, RowState.PENDING)
        settled_id = self._mint.opaque("transaction", self._item_id, row.world_id, RowState.SETTLED)
        present_id = pending_id if row.state is RowState.PENDING else settled_id
        if event.kind in {EventKind.PENDING, EventKind.POSTED, EventKind.SURFACED, EventKind.RESTORED}:
            replaced = self._listed.get(pending_id) if event.kind is EventKind.POSTED else None
            if row.booked_on < self._first_day and replaced is None:
                return
            self._append("added", Entry(present_id, row, pending_id if replaced else None))
            if replaced is not None:
                self._append("removed", replaced[0])
        elif present_id in self._listed and event.kind is EventKind.MODIFIED:
            before = self._listed[present_id][0]
            self._append("modified", Entry(present_id, row, before.pending_transaction_id))
        elif present_id in self._listed and event.kind in {EventKind.CANCELLED, EventKind.REMOVED}:
            self._append("removed", self._listed[present_id][0])

    def _append(self, kind: str, entry: Entry) -> None:
        number = len(self._changes) + 1
        self._changes.append(Change(number, kind, entry))
        if kind == "removed":
            del self._listed[entry.transaction_id]
        else:
            self._listed[entry.transaction_id] = (entry, number)

    def _snapshot(self, account_id: str) -> list[Change]:
        # A replay from the beginning tells what exists; what was removed meanwhile is not worth a word.
        entries = ((entry, number) for entry, number in self._listed.values())
        changes = [Change(number, "added", entry) for entry, number in sorted(entries, key=lambda pair: pair[1])]
        return [change for change in changes if self._concerns(change, account_id)]

    def _head(self, account_id: str) -> int:
        self.catch_up()
        if not account_id:
            return len(self._changes)
        return next((change.number for change in reversed(self._changes) if self._concerns(change, account_id)), 0)

    def _concerns(self, change: Change, account_id: str) -> bool:
        return not account_id or change.entry.row.account_id == account_id


def _from_timestamp(text: str, now: datetime) -> datetime:
    return datetime.fromtimestamp(int(text), tz=now.tzinfo)


def _unusable_cursor() -> PlaidProblemError:
    return invalid_request("INVALID_FIELD", "cursor is not valid for this item and account")
