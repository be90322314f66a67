"""A transfer was sent and no clear answer came: did it happen?

The operation has no key that would make it repeatable and its answer names no transfer, so the activity log is the only
witness. It is asked for the amount, both ends and the time; where that is not enough, the answer is that it cannot be
told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from bursar.providers.sequence.sdk.exceptions import TransferIntent

SAME_MOMENT = timedelta(seconds=1)
"""Sequence writes instants in milliseconds, by a clock that is not quite ours; two requests of one client are further
apart."""

CLOCK_DOUBT = timedelta(minutes=2)
"""Sequence's clock and ours may differ by as much: a row inside it can be the transfer or an earlier one like it."""

SETTLING_TIME = timedelta(minutes=1)
"""A request that broke off can still be carried out; before this has passed, a missing row proves nothing."""

MAX_PAGES = 20
PAGE_SIZE = 50


class TransferOutcome(StrEnum):
    """What the activity log says about a transfer whose end is unknown."""

    HAPPENED = "happened"
    DID_NOT_HAPPEN = "did_not_happen"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was found.

    Attributes:
        outcome: only `did_not_happen` allows to send the transfer again.
        reason: in words, for the person who decides.
        transfer: the row, as `get_activity` returns it, when it happened; its `status` may still be one of failure.
        candidates: the rows that could be it, when it cannot be told.
    """

    outcome: TransferOutcome
    reason: str
    transfer: dict[str, Any] | None = None
    candidates: tuple[dict[str, Any], ...] = ()

    @property
    def transfer_id(self) -> str | None:
        """The id of the transfer, None unless it happened."""
        return None if self.transfer is None else cast("str | None", self.transfer.get("id"))


class LogReading:
    """Takes pages of the activity log, newest first, until it can say what they say about one intent."""

    def __init__(self, intent: TransferIntent) -> None:
        if intent.requested_at.tzinfo is None:
            raise ValueError("requested_at must have a time zone")
        self._intent = intent
        self._sure: list[dict[str, Any]] = []
        self._doubtful: list[dict[str, Any]] = []
        self._is_complete = False

    def take(self, page: Mapping[str, Any]) -> bool:
        """Take a page; True when another one is needed."""
        for row in page["transfers"]:
            created_at = _instant(row.get("created_at"))
            if created_at is not None and created_at < self._intent.requested_at - CLOCK_DOUBT:
                self._is_complete = True
                return False
            if self._is_alike(row):
                is_sure = created_at is not None and created_at >= self._intent.requested_at - SAME_MOMENT
                (self._sure if is_sure else self._doubtful).append(row)
        self._is_complete = not page["page_info"]["has_next_page"]
        return not self._is_complete

    def made(self) -> dict[str, Any] | None:
        """The transfer, when it is known to have been made; None when no row fits, or several do."""
        fitting = self._sure or self._doubtful
        return fitting[0] if len(fitting) == 1 else None

    def conclude(self, now: datetime) -> Reconciliation:
        """What the pages said.

        Args:
            now: when the log was read (aware).
        """
        found = (*self._sure, *self._doubtful)
        if len(self._sure) == 1 and not self._doubtful and self._is_complete:
            return Reconciliation(TransferOutcome.HAPPENED, "one transfer fits amount, ends and time", self._sure[0])
        if found:
            reason = "more than one transfer fits" if len(found) > 1 else "a transfer fits, but not surely this one"
            return Reconciliation(TransferOutcome.CANNOT_TELL, reason, candidates=found)
        if not self._is_complete:
            return Reconciliation(TransferOutcome.CANNOT_TELL, "the activity log is too long to be read so far back")
        if now - self._intent.requested_at < SETTLING_TIME:
            return Reconciliation(
                TransferOutcome.CANNOT_TELL,
                f"no transfer fits yet; look again {SETTLING_TIME.seconds} s after it was sent",
            )
        return Reconciliation(TransferOutcome.DID_NOT_HAPPEN, "no transfer fits amount, ends and time")

    def _is_alike(self, row: Mapping[str, Any]) -> bool:
        intent = self._intent
        return (
            row.get("amount_cents") == intent.amount_cents
            and row["source"].get("id") == intent.source_id
            and row["destination"].get("id") == intent.destination_id
        )


def _instant(text: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return None if instant.tzinfo is None else instant.astimezone(UTC)
