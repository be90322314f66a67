"""Which rows does the invented provider list for an account, and under which ids?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.sandbox.ledger import Row, RowState
from bursar.sandbox.neutral.chronicle import Chronicle, Past
from bursar.sandbox.neutral.ids import RowIds, Series, places
from bursar.sandbox.people import Account, AccountKind
from bursar.sandbox.view import IdPolicy
from bursar.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as listed; `text` may be another than the row's, `replaces` is the id of the pending row before it."""

    row_id: str
    row: Row
    text: str
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class _Listed:
    row: Row
    version: int
    past: Past


class Showing:
    """Renders the world's truth as lists of rows, with the faults that concern a row's place in a list."""

    def __init__(self, world: World, slug: str, ids: RowIds) -> None:
        self._world = world
        self._view = world.view
        self._slug = slug
        self._ids = ids
        self._chronicles: dict[str, Chronicle] = {}

    def rows(self, account: Account, account_id: str, series: Series, at: datetime) -> list[Shown]:
        """What is listed at an instant, pending rows included, by day; `account_id` is the provider's."""
        is_present = at >= self._world.now
        truth = self._world.truth(account.account_id, None if is_present else at)
        chronicle = self._chronicle(account.account_id)
        if not is_present:
            chronicle = chronicle.as_of(at)
        # Brokers announce no rows: what they list is settled.
        rows = truth.settled if account.kind is AccountKind.BROKERAGE else truth.rows
        listed = [entry for row in rows for entry in self._list(row, chronicle.get(row.world_id), at)]
        spots = places([entry.row.booked_on.isoformat() for entry in listed])
        shown: list[Shown] = []
        poll = self._world.now.isoformat()
        for entry, spot in zip(listed, spots, strict=True):
            row = entry.row
            row_id = self._ids.give(series, chronicle, row.world_id, row.state, entry.version, spot)
            self._ids.note(account_id, row_id, row.world_id)
            shown.append(Shown(row_id, row, self._text(row, poll), self._link(series, chronicle, entry)))
        return shown

    def _list(self, row: Row, past: Past, at: datetime) -> list[_Listed]:
        version = self._version(row, past, at)
        if row.state is RowState.PENDING:
            return [] if self._is_away(row, past, at) else [_Listed(row, version, past)]
        settled = _Listed(row, version, past)
        if past.pending is not None and self._lingers(row, past, at):
            return [_Listed(past.pending, version, past), settled]
        return [settled]

    def _lingers(self, row: Row, past: Past, at: datetime) -> bool:
        """A3: the pending row is still listed beside the settled one."""
        if self._ids.policy is IdPolicy.SAME_WHEN_POSTED or past.posted_at is None or past.returns:
            return False
        if at >= past.posted_at + timedelta(hours=72):
            return False
        hours = 1 + int(self._view.draw("lingers", self._slug, row.world_id) * 71)
        if at >= past.posted_at + timedelta(hours=hours):
            return False
        return self._view.strikes("A3", self._slug, row.world_id, transient=True)

    def _absence(self, row: Row, past: Past) -> tuple[datetime, datetime] | None:
        """A7: when a pending row is away, before it comes back under another id."""
        if past.pending_at is None or not self._view.strikes("A7", self._slug, row.world_id):
            return None
        leaves_at = past.pending_at + timedelta(hours=2 + int(self._view.draw("leaves", row.world_id) * 20))
        return leaves_at, leaves_at + timedelta(hours=1 + int(self._view.draw("away", row.world_id) * 12))

    def _is_away(self, row: Row, past: Past, at: datetime) -> bool:
        absence = None if self._view.is_stopped else self._absence(row, past)
        return absence is not None and absence[0] <= at < absence[1]

    def _version(self, row: Row, past: Past, at: datetime) -> int:
        """How often the row's id has changed: it came back as pending (A7), or after it was withdrawn (A9)."""
        version = 0
        absence = self._absence(row, past)
        if absence is not None and min(at, past.posted_at or at) >= absence[1]:
            version = 1
        if past.returns and row.state is RowState.SETTLED and self._view.draw("returns", row.world_id) < 0.5:
            version += 2 * past.returns
        return version

    def _link(self, series: Series, chronicle: Chronicle, entry: _Listed) -> str | None:
        row, past = entry.row, entry.past
        if past.pending is None or row.state is RowState.PENDING or not self._ids.has_links:
            return None
        if self._view.strikes("A2", self._slug, row.world_id):
            return None
        before = entry.version % 2
        return self._ids.give(series, chronicle, row.world_id, RowState.PENDING, before, ("", 0)).strip() or None

    def _text(self, row: Row, now: str) -> str:
        """A13: the same words in another dress, at each poll anew."""
        text = row.description
        if not self._view.strikes("A13", self._slug, row.world_id, now, transient=True):
            return text
        dresses = (text.upper(), text.lower(), f"  {'  '.join(text.split())} ", f"{row.booked_on:%d.%m.} {text}")
        return dresses[int(self._view.draw("dress", row.world_id, now) * len(dresses))]

    def _chronicle(self, account_id: str) -> Chronicle:
        found = self._chronicles.get(account_id)
        if found is None:
            found = self._chronicles[account_id] = Chronicle(self._world.get_log(account_id))
        return found.catch_up()
