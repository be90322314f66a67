"""What does an item list at present, and by which changes did that come about?"""

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from bursar.providers.plaid.sandbox.blemishes import Blemishes
from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.sandbox.ledger import Event, EventKind, Row, RowState
from bursar.sandbox.world import World

_MAX_WORDINGS = 8


class FeedOwner(Protocol):
    """The item that a feed belongs to."""

    item_id: str
    account_ids: dict[str, str]
    """World account id to Plaid account id, as it is at present."""
    withheld: frozenset[str]
    """The world ids of the accounts that the user keeps back."""

    def shown_ids(self) -> Collection[str]:
        """The world ids of the accounts that the login shows at present."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction as listed: the row, its Plaid ids, the pending transaction it took the place of, its wording."""

    transaction_id: str
    account_id: str
    row: Row
    pending_transaction_id: str | None = None
    wording: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One update of the feed; `number` counts from 1 over the whole item. `kind` is added, modified or removed."""

    number: int
    kind: str
    entry: Entry
    at: datetime


_Later = Callable[[Row, datetime], None]


class ItemFeed:
    """The append-only change log of one item, derived from the event logs of its accounts.

    What a fault delays happens at its own instant, between the events of the world, so that the log does not depend on
    when somebody asks.
    """

    def __init__(
        self,
        world: World,
        mint: IdMint,
        blemishes: Blemishes,
        owner: FeedOwner,
        account_ids: Sequence[str],
        first_day: date,
    ) -> None:
        """Rows booked before `first_day` are outside the history that was asked for at linking."""
        self._world = world
        self._mint = mint
        self._blemishes = blemishes
        self._owner = owner
        self._account_ids = tuple(account_ids)
        self._first_day = first_day
        self._read_until = 0
        self._changes: list[Change] = []
        # By number of their last change: the newest change of a row puts it at the end.
        self._listed: dict[str, tuple[Entry, int]] = {}
        self._ids: dict[tuple[str, RowState], str] = {}
        self._generations: Counter[tuple[str, RowState]] = Counter()
        self._away: dict[str, Row] = {}
        self._waiting: list[Event] = []
        self._agenda: list[tuple[datetime, int, Row, _Later]] = []
        self._agenda_count = 0
        self.era = 0
        """Counts how often all cursors became worthless."""

    @property
    def item_id(self) -> str:
        """The item's id."""
        return self._owner.item_id

    def catch_up(self) -> int:
        """Takes over what has happened in the world and returns the number of the newest change."""
        now = self._world.now
        if self._account_ids and not (self._changes and self._blemishes.lags(self.item_id, now)):
            if self._read_until != self._world.head or self._waiting:
                self._take_events()
            self._run_agenda(now)
        return len(self._changes)

    def extend_back(self, first_day: date) -> None:
        """Adds the older part of the history, which the provider pulled later: everything that exists since a day."""
        self.catch_up()
        shared = [one for one in self._account_ids if one not in self._owner.withheld]
        rows = (row for account_id in shared for row in self._world.truth(account_id).rows)
        older = [row for row in rows if first_day <= row.booked_on < self._first_day]
        for row in sorted(older, key=lambda row: (row.booked_on, row.world_id)):
            if self._id_of(row, row.state) not in self._listed:
                self._append("added", self._entry(row), self._world.now)
        self._first_day = first_day

    def changes_after(self, number: int) -> Sequence[Change]:
        """The changes after the given number."""
        return self._changes[number:]

    def listed(self) -> list[Entry]:
        """The transactions that exist at present, by time of their last change."""
        return [entry for entry, _ in self._listed.values()]

    def head(self, account_id: str, *, before: datetime | None = None) -> int:
        """The number of the newest change (of one world account) by an instant, by default the present one."""
        end = len(self._changes)
        if before is not None:
            end = bisect_right(self._changes, before, key=lambda change: change.at)
        if not account_id:
            return end
        return next((one.number for one in reversed(self._changes[:end]) if _concerns(one, account_id)), 0)

    def changes_between(self, after: int, until: int, account_id: str) -> list[Change]:
        """The changes (of one world account) with a number above `after` and up to `until`."""
        return [change for change in self._changes[after:until] if _concerns(change, account_id)]

    def snapshot(self, account_id: str, until: int) -> list[Change]:
        """What existed after a change, as additions: what was removed before is not worth a word."""
        listed = self._listed
        if until < self.head(account_id):
            listed = dict[str, tuple[Entry, int]]()
            for change in self._changes[:until]:
                listed.pop(change.entry.transaction_id, None)
                if change.kind != "removed":
                    listed[change.entry.transaction_id] = (change.entry, change.number)
        changes = (Change(number, "added", entry, self._world.now) for entry, number in listed.values())
        return [change for change in changes if _concerns(change, account_id)]

    def renew_ids(self, account_ids: Collection[str], *, is_announced: bool) -> None:
        """Gives every row of some world accounts another id.

        When it is not announced, all cursors end, and only a reading from the beginning finds the new ids.
        """
        self.catch_up()
        if not is_announced:
            self.era += 1
        affected = [entry for entry in self.listed() if entry.row.account_id in account_ids]
        # An id that comes back later must not be an old one.
        for world_id, state in self._all_keys(account_ids):
            self._renew_id(world_id, state)
        for before in affected:
            row = before.row
            link = before.pending_transaction_id and self._id_of(row, RowState.PENDING)
            after = replace(self._entry(row, link), wording=before.wording)
            self._append("removed", before, self._world.now)
            self._append("added", after, self._world.now)

    def _all_keys(self, account_ids: Collection[str]) -> list[tuple[str, RowState]]:
        rows = {
            event.row.world_id
            for account_id in account_ids
            for event in self._world.get_log(account_id).events_after(0)
        }
        return [(world_id, state) for world_id in sorted(rows) for state in RowState]

    def _take_events(self) -> None:
        shown = self._owner.shown_ids()
        events = [*self._waiting, *self._world.events_after(self._read_until, self._account_ids)]
        self._waiting = []
        self._read_until = self._world.head
        for event in events:
            if event.row.account_id not in shown:
                self._waiting.append(event)
                continue
            self._run_agenda(event.at)
            self._take(event)

    def _take(self, event: Event) -> None:
        row, kind = event.row, event.kind
        if kind is EventKind.PENDING:
            self._take_pending(row, event.at)
        elif kind is EventKind.POSTED:
            self._take_posted(row, event.at)
        elif kind in {EventKind.SURFACED, EventKind.RESTORED}:
            if row.booked_on < self._first_day:
                return
            if kind is EventKind.RESTORED and self._blemishes.returns_with_new_id(row):
                self._renew_id(row.world_id, row.state)
            self._append("added", self._entry(row), event.at)
        elif row.world_id in self._away and row.state is RowState.PENDING:
            if kind is EventKind.MODIFIED:
                self._away[row.world_id] = row
            else:
                del self._away[row.world_id]
        elif (present := self._present(row, row.state)) is not None and kind is not EventKind.HELD:
            is_modified = kind is EventKind.MODIFIED
            entry = replace(present, row=row) if is_modified else present
            self._append("modified" if is_modified else "removed", entry, event.at)

    def _take_pending(self, row: Row, at: datetime) -> None:
        if row.booked_on < self._first_day:
            return
        self._append("added", self._entry(row), at)
        detour = self._blemishes.detour(row)
        if detour is not None:
            leaves_after, returns_after = detour
            self._later(at + leaves_after, row, self._leave)
            self._later(at + leaves_after + returns_after, row, self._return)

    def _take_posted(self, row: Row, at: datetime) -> None:
        replaced = self._present(row, RowState.PENDING)
        was_away = self._away.pop(row.world_id, None) is not None
        if row.booked_on < self._first_day and replaced is None and not was_away:
            return
        has_link = (replaced is not None or was_away) and not self._blemishes.has_no_link(row)
        link = self._id_of(row, RowState.PENDING) if has_link else None
        self._append("added", self._entry(row, link), at)
        overlap = None if replaced is None else self._blemishes.overlap(row)
        if overlap is not None:
            self._later(at + overlap, row, self._drop_pending)
        elif replaced is not None:
            self._append("removed", replaced, at)

    # What a fault delays.

    def _later(self, at: datetime, row: Row, action: _Later) -> None:
        self._agenda_count += 1
        heapq.heappush(self._agenda, (at, self._agenda_count, row, action))

    def _run_agenda(self, until: datetime) -> None:
        while self._agenda and (self._agenda[0][0] <= until or self._blemishes.is_stopped):
            at, _, row, action = heapq.heappop(self._agenda)
            action(row, min(at, self._world.now))

    def _drop_pending(self, row: Row, at: datetime) -> None:
        present = self._present(row, RowState.PENDING)
        if present is not None:
            self._append("removed", present, at)

    def _leave(self, row: Row, at: datetime) -> None:
        present = self._present(row, RowState.PENDING)
        if present is not None and self._present(row, RowState.SETTLED) is None:
            self._append("removed", present, at)
            self._away[row.world_id] = present.row

    def _return(self, row: Row, at: datetime) -> None:
        present = self._away.pop(row.world_id, None)
        if present is not None:
            self._renew_id(row.world_id, RowState.PENDING)
            self._append("added", self._entry(present), at)

    def _reword(self, row: Row, at: datetime) -> None:
        present = self._present(row, row.state)
        if present is not None and present.wording < _MAX_WORDINGS and not self._blemishes.is_stopped:
            self._append("modified", replace(present, wording=present.wording + 1), at)
            self._plan_rewording(row, present.wording + 1, at)

    def _plan_rewording(self, row: Row, wording: int, at: datetime) -> None:
        wait = self._blemishes.rewording(row, wording)
        if wait is not None:
            self._later(at + wait, row, self._reword)

    # The log.

    def _id_of(self, row: Row, state: RowState) -> str:
        known = self._ids.get((row.world_id, state))
        if known is None:
            generation = self._generations.get((row.world_id, state), 0)
            parts = (self.item_id, state, str(generation)) if generation else (self.item_id, state)
            known = self._mint.row_id("transaction", row.account_id, row.world_id, *parts)
            self._ids[row.world_id, state] = known
        return known

    def _renew_id(self, world_id: str, state: RowState) -> None:
        self._generations[world_id, state] += 1
        self._ids.pop((world_id, state), None)

    def _present(self, row: Row, state: RowState) -> Entry | None:
        known = self._ids.get((row.world_id, state))
        listed = None if known is None else self._listed.get(known)
        return None if listed is None else listed[0]

    def _entry(self, row: Row, link: str | None = None) -> Entry:
        return Entry(self._id_of(row, row.state), self._owner.account_ids[row.account_id], row, link)

    def _append(self, kind: str, entry: Entry, at: datetime) -> None:
        number = len(self._changes) + 1
        if self._changes:
            # What a login hid or a pull missed gets into the log later than it happened.
            at = max(at, self._changes[-1].at)
        self._changes.append(Change(number, kind, entry, at))
        self._listed.pop(entry.transaction_id, None)
        if kind != "removed":
            self._listed[entry.transaction_id] = (entry, number)
        if kind == "added":
            self._plan_rewording(entry.row, entry.wording, at)


def _concerns(change: Change, account_id: str) -> bool:
    return not account_id or change.entry.row.account_id == account_id
