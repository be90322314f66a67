"""Which page of updates follows a cursor?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bursar.providers.plaid.sandbox import cursors
from bursar.providers.plaid.sandbox.blemishes import Blemishes
from bursar.providers.plaid.sandbox.cursors import Cursor
from bursar.providers.plaid.sandbox.feed import Change, ItemFeed
from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.providers.plaid.sandbox.problems import PlaidProblemError


@dataclass(frozen=True, slots=True)
class Page:
    """One page of updates in the order they happened; `number` counts from 1 within the loop."""

    changes: Sequence[Change]
    next_cursor: Cursor
    has_more: bool
    number: int


class Pager:
    """Turns a feed into pages; counts the loops over it, so that faults can hit some of them."""

    def __init__(self, feed: ItemFeed, mint: IdMint, blemishes: Blemishes) -> None:
        self._feed = feed
        self._mint = mint
        self._blemishes = blemishes
        self._loops = 0
        self._page_size: int | None = None
        self._is_disturbed = False

    @property
    def loops(self) -> int:
        """How many loops have begun."""
        return self._loops

    def page(self, cursor: Cursor | None, account_id: str, count: int, now: datetime) -> Page:
        """The next page after a cursor (None: from the beginning), of one world account or (empty id) of all.

        Raises the mutation problem when the feed has changed since the unfinished loop of the cursor began, and
        `INVALID_FIELD` when a fault makes the item forget its cursors.
        """
        self._feed.catch_up()
        if cursor is None or cursor.is_finished:
            cursor = self._begin(cursor, account_id, now)
        elif cursor.head != self._feed.head(account_id) or self._is_disturbed:
            self._is_disturbed = False
            raise PlaidProblemError(
                "TRANSACTIONS_ERROR",
                "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION",
                "the underlying data changed during pagination; restart from the first cursor of this update",
            )
        if self._page_size is not None:
            count = min(count, self._page_size)
        if cursor.snapshot:
            waiting = self._feed.snapshot(account_id, cursor.head)[cursor.offset :]
        else:
            waiting = self._feed.changes_between(cursor.offset, cursor.head, account_id)
        served = waiting[:count]
        has_more = len(waiting) > count
        if has_more:
            offset = cursor.offset + len(served) if cursor.snapshot else served[-1].number
            following = Cursor(account_id, cursor.snapshot, offset, cursor.head, cursor.page + 1, now)
        else:
            following = Cursor(account_id, snapshot=False, offset=cursor.head, head=cursor.head, page=0, issued_at=now)
        return Page(_in_one_word(served), following, has_more, cursor.page + 1)

    def cursor_at_head(self, account_id: str, now: datetime) -> Cursor:
        """The finished cursor of somebody who wants nothing of the past."""
        self._feed.catch_up()
        head = self._feed.head(account_id)
        return Cursor(account_id, snapshot=False, offset=head, head=head, page=0, issued_at=now)

    def encode(self, cursor: Cursor) -> str:
        """The cursor as clients keep it."""
        return cursors.encode(self._mint, self._feed.item_id, self._feed.era, cursor)

    def decode(self, text: str, account_id: str, now: datetime) -> Cursor:
        """Reads a cursor of this very stream; any other one is Plaid's `INVALID_FIELD`."""
        return cursors.decode(self._mint, self._feed.item_id, self._feed.era, account_id, text, now)

    def _begin(self, cursor: Cursor | None, account_id: str, now: datetime) -> Cursor:
        item_id = self._feed.item_id
        self._loops += 1
        if cursor is not None and self._blemishes.rejects_cursor(item_id, self._loops):
            self._feed.era += 1
            raise cursors.unusable_cursor()
        self._page_size = self._blemishes.page_size(item_id, self._loops)
        self._is_disturbed = self._page_size is not None
        offset = 0 if cursor is None else cursor.offset
        head = self._feed.head(account_id)
        staleness = self._blemishes.staleness(item_id, self._loops)
        if staleness is not None:
            # A copy that is behind the cursor itself has nothing new to tell.
            head = max(offset, self._feed.head(account_id, before=now - staleness))
        return Cursor(account_id, snapshot=cursor is None, offset=offset, head=head, page=0, issued_at=now)


def _in_one_word(changes: Sequence[Change]) -> Sequence[Change]:
    """The changes of a page without the removals of what is back under its id.

    The lists of an answer have no order among them, and clients remove after they have added.
    """
    last = {change.entry.transaction_id: change for change in changes}
    back = {
        change.entry.transaction_id
        for change in changes
        if change.kind == "removed" and last[change.entry.transaction_id].kind != "removed"
    }
    if not back:
        return changes
    first = {change.entry.transaction_id: change.kind for change in reversed(changes)}
    told: list[Change] = []
    for change in changes:
        name = change.entry.transaction_id
        if name not in back:
            told.append(change)
        elif change is last[name]:
            told.append(replace(change, kind="added" if first[name] == "added" else "modified"))
    return told
