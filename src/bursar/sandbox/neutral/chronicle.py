"""What has a row of an account been before it became what it is?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bursar.sandbox.ledger import AccountLog, Event, EventKind, Row, RowState


@dataclass(slots=True)
class Past:
    """The life of one row so far."""

    index: int
    """Its number in the account, from 0, by its first event."""
    pending: Row | None = None
    """How it was when it was pending last; None when it never was."""
    pending_at: datetime | None = None
    posted_at: datetime | None = None
    returns: int = 0
    """How often it came back after it was withdrawn."""
    is_gone: bool = False


class Chronicle:
    """The past of every row of one account, read forward as the world lives on."""

    def __init__(self, log: AccountLog) -> None:
        self._log = log
        self._sequence = 0
        self._pasts: dict[str, Past] = {}
        self.order: list[str] = []
        """World ids by `Past.index`."""

    def catch_up(self) -> "Chronicle":
        """Takes over what has happened since and returns itself."""
        self._take(self._log.events_after(self._sequence))
        return self

    def as_of(self, at: datetime) -> "Chronicle":
        """The chronicle as it was at an instant of the past."""
        older = Chronicle(self._log)
        older._take(event for event in self._log.events_after(0) if event.at <= at)
        return older

    def get(self, world_id: str) -> Past:
        """The past of a row that has one."""
        return self._pasts[world_id]

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            self._sequence = event.sequence
            row = event.row
            past = self._pasts.get(row.world_id)
            if past is None:
                past = self._pasts[row.world_id] = Past(len(self.order))
                self.order.append(row.world_id)
            if event.kind is EventKind.REMOVED:
                past.is_gone = True
                continue
            if past.is_gone:
                past.is_gone = False
                past.returns += 1
            if row.state is RowState.PENDING:
                past.pending = row
                past.pending_at = past.pending_at or event.at
            elif past.posted_at is None:
                past.posted_at = event.at
