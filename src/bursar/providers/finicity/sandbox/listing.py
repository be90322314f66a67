"""Which rows does Finicity list for an account, in which state and under which numbers?"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bursar.providers.finicity.sandbox.ids import IdMint
from bursar.sandbox.ledger import EventKind, Row, RowState
from bursar.sandbox.neutral.chronicle import Chronicle, Past
from bursar.sandbox.people import Account, AccountKind
from bursar.sandbox.world import World

_PLACE = "finicity"
_SHADOW_LIFE = timedelta(days=10)
"""How long a row that has disappeared is still listed, as one that has."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row as listed; `status` is `active`, `pending` or `shadow`."""

    number: int
    row: Row
    status: str
    text: str

    @property
    def happened_on(self) -> date:
        """The day by which rows are chosen and sorted; a pending row's is the only one that it has."""
        return self.row.authorized_on if self.status == "active" else self.row.booked_on


@dataclass(frozen=True, slots=True)
class Eyes:
    """Whose eyes an account is seen with: numbers belong to the login, and some to its last consent."""

    login_id: str
    row_epoch: int
    account_id: str
    """Finicity's."""


class Lister:
    """Renders the world's truth as lists of rows, with the faults that concern a row's place in a list."""

    def __init__(self, world: World, mint: IdMint) -> None:
        self._world = world
        self._view = world.view
        self._mint = mint
        self._chronicles: dict[str, Chronicle] = {}
        self._cancelled: dict[str, tuple[int, list[tuple[Row, datetime]]]] = {}

    def rows(self, account: Account, eyes: Eyes, at: datetime) -> list[Listed]:
        """What is listed at an instant, oldest first, rows that have disappeared lately included."""
        is_present = at >= self._world.now
        truth = self._world.truth(account.account_id, None if is_present else at)
        chronicle = self._chronicle(account.account_id)
        if not is_present:
            chronicle = chronicle.as_of(at)
        # Brokers announce no rows: what they list is settled.
        rows = truth.settled if account.kind is AccountKind.BROKERAGE else truth.rows
        found = [one for row in rows for one in self._list(row, chronicle.get(row.world_id), eyes, at)]
        if account.kind is not AccountKind.BROKERAGE:
            found += [
                self._listed(row, chronicle.get(row.world_id), eyes, at, "shadow")
                for row, gone_at in self._cancelled_rows(account.account_id)
                if gone_at <= at < gone_at + _SHADOW_LIFE
            ]
        return sorted(found, key=lambda one: (one.happened_on, one.row.world_id, one.number))

    def _list(self, row: Row, past: Past, eyes: Eyes, at: datetime) -> list[Listed]:
        if row.state is RowState.PENDING:
            return [] if self._is_away(row, past, at) else [self._listed(row, past, eyes, at, "pending")]
        settled = self._listed(row, past, eyes, at, "active")
        if past.pending is None or past.posted_at is None or self._mint.keeps_ids or past.returns:
            return [settled]
        if self._lingers(row, past.posted_at, at):
            return [self._listed(past.pending, past, eyes, at, "pending"), settled]
        if at < past.posted_at + _SHADOW_LIFE:
            return [self._listed(past.pending, past, eyes, at, "shadow"), settled]
        return [settled]

    def _listed(self, row: Row, past: Past, eyes: Eyes, at: datetime, status: str) -> Listed:
        version = self._version(row, past, at)
        number = self._mint.row(
            eyes.login_id, eyes.row_epoch, eyes.account_id, row.world_id, row.state, version, past.index
        )
        return Listed(number, row, status, self._text(row))

    def _lingers(self, row: Row, posted_at: datetime, at: datetime) -> bool:
        """A3: the pending row is still listed as such beside the settled one."""
        hours = 1 + int(self._view.draw("lingers", _PLACE, row.world_id) * 71)
        if at >= posted_at + timedelta(hours=hours):
            return False
        return self._view.strikes("A3", _PLACE, row.world_id, transient=True)

    def _absence(self, row: Row, past: Past) -> tuple[datetime, datetime] | None:
        """A7: when a pending row is away, before it comes back under another number."""
        if past.pending_at is None or not self._view.strikes("A7", _PLACE, row.world_id):
            return None
        leaves_at = past.pending_at + timedelta(hours=2 + int(self._view.draw("leaves", row.world_id) * 20))
        return leaves_at, leaves_at + timedelta(hours=1 + int(self._view.draw("away", row.world_id) * 12))

    def _is_away(self, row: Row, past: Past, at: datetime) -> bool:
        absence = None if self._view.is_stopped else self._absence(row, past)
        return absence is not None and absence[0] <= at < absence[1]

    def _version(self, row: Row, past: Past, at: datetime) -> int:
        """How often the row's number has changed: it came back as pending (A7), or after it was withdrawn (A9)."""
        version = 0
        absence = self._absence(row, past)
        if absence is not None and min(at, past.posted_at or at) >= absence[1]:
            version = 1
        if past.returns and row.state is RowState.SETTLED and self._view.draw("returns", row.world_id) < 0.5:
            version += 2 * past.returns
        return version

    def _text(self, row: Row) -> str:
        """A13: the same words in another dress, at each poll anew."""
        text, poll = row.description, self._world.now.isoformat()
        if not self._view.strikes("A13", _PLACE, row.world_id, poll, transient=True):
            return text
        dresses = (text.upper(), text.lower(), f"  {'  '.join(text.split())} ", f"{row.booked_on:%m/%d} {text}")
        return dresses[int(self._view.draw("dress", row.world_id, poll) * len(dresses))]

    def _chronicle(self, account_id: str) -> Chronicle:
        found = self._chronicles.get(account_id)
        if found is None:
            found = self._chronicles[account_id] = Chronicle(self._world.get_log(account_id))
        return found.catch_up()

    def _cancelled_rows(self, account_id: str) -> list[tuple[Row, datetime]]:
        sequence, found = self._cancelled.get(account_id, (0, []))
        for event in self._world.get_log(account_id).events_after(sequence):
            sequence = event.sequence
            if event.kind is EventKind.CANCELLED:
                found.append((event.row, event.at))
        self._cancelled[account_id] = (sequence, found)
        return found
