"""What is booked and recorded around one transfer, in which order?"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bursar.providers.sequence.sdk.exceptions import (
    LimitExceededError,
    SequenceError,
    TransferIntent,
    TransferOutcomeUnknownError,
)
from bursar.providers.sequence.sdk.money import format_cents
from bursar.providers.sequence.sdk.operations import transfer as checked_transfer
from bursar.providers.sequence.sdk.reconciliation import Reconciliation, TransferOutcome
from bursar.providers.sequence.sdk.safeguards.audit import AuditLog
from bursar.providers.sequence.sdk.safeguards.daily_limits import DailyLimitTracker, Reservation, UserId, checked_limit

_log = logging.getLogger("bursar.sequence.transfers")


@dataclass(frozen=True, slots=True)
class Order:
    """One transfer that somebody wants: the members of `SequenceClient.transfer`, who asks, and why.

    Raises:
        ValueError: a member is wrong.
    """

    kyc_id: str
    source_id: str
    destination_id: str
    amount_cents: int
    source_type: str = "POD"
    destination_type: str = "POD"
    description: str = ""
    instant: bool = False
    user_id: UserId = None
    user_name: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        checked_transfer(**self.arguments())

    def arguments(self) -> dict[str, Any]:
        """What the client's `transfer` takes."""
        return {
            "kyc_id": self.kyc_id,
            "source_id": self.source_id,
            "destination_id": self.destination_id,
            "amount_cents": self.amount_cents,
            "source_type": self.source_type,
            "destination_type": self.destination_type,
            "description": self.description,
            "instant": self.instant,
        }


class Guard:
    """The limits and the record that transfers share, and the transfers whose outcome is open."""

    def __init__(self, limits: DailyLimitTracker, audit: AuditLog, max_transfer_cents: int | None) -> None:
        self._limits = limits
        self._audit = audit
        self._max_transfer_cents = (
            None if max_transfer_cents is None else checked_limit(max_transfer_cents, "max_transfer_cents")
        )
        self._open: dict[int, tuple[TransferOutcomeUnknownError, Attempt]] = {}

    def begin(self, order: Order) -> "Attempt":
        """Book the amount and put the request on record; after this the money may be moved, once."""
        try:
            if self._max_transfer_cents is not None and order.amount_cents > self._max_transfer_cents:
                raise LimitExceededError(
                    f"{format_cents(order.amount_cents)} is more than one transfer may move: "
                    f"{format_cents(self._max_transfer_cents)}",
                    self._max_transfer_cents,
                )
            reservation = self._limits.reserve(order.amount_cents, user_id=order.user_id)
        except LimitExceededError as error:
            record(self._audit, "transfer_rejected", order, error=error)
            raise
        is_recorded = False
        try:
            record(self._audit, "transfer_requested", order)
            is_recorded = True
        finally:
            if not is_recorded:
                reservation.release()
        return Attempt(self, order, reservation, self._audit)

    def leave_open(self, error: TransferOutcomeUnknownError, attempt: "Attempt") -> None:
        """Remember a transfer whose outcome is unknown."""
        self._open[id(error)] = (error, attempt)

    def open_attempt(self, error: TransferOutcomeUnknownError) -> "Attempt":
        """The attempt that ended with this error.

        Raises:
            ValueError: there is none, or it has been settled.
        """
        if id(error) not in self._open:
            raise ValueError("no open transfer ended with this error")
        return self._open[id(error)][1]

    def close(self, attempt: "Attempt", found: Reconciliation) -> None:
        """Book what the activity log said about an open transfer."""
        if found.outcome is TransferOutcome.CANNOT_TELL:
            return
        if found.outcome is TransferOutcome.HAPPENED:
            attempt.end_well(found.transfer_id)
        else:
            attempt.end_badly(SequenceError("the activity log has no such transfer"))
        self._open = {key: kept for key, kept in self._open.items() if kept[1] is not attempt}


class Attempt:
    """One transfer that was booked and put on record, until its end is.

    Attributes:
        intent: to find it in the activity log.
        is_made: set once Sequence has said that the money moved.
    """

    def __init__(self, guard: Guard, order: Order, reservation: Reservation, audit: AuditLog) -> None:
        self.intent = TransferIntent(order.source_id, order.destination_id, order.amount_cents, datetime.now(UTC))
        self.is_made = False
        self._guard = guard
        self._order = order
        self._reservation = reservation
        self._audit = audit
        self._has_ended = False

    def end_well(self, transfer_id: str | None) -> bool:
        """The money has moved. False when that could not be written: raising would look like a failed transfer."""
        self._has_ended = True
        try:
            self._reservation.commit(transfer_id)
            record(self._audit, "transfer_completed", self._order, transfer_id=transfer_id)
        except (OSError, SequenceError) as error:
            # The booking counts as it is.
            _log.error("a transfer was made, and its record could not be written: %s", type(error).__name__)
            return False
        return True

    def end_badly(self, error: SequenceError | ValueError) -> None:
        """The client has raised: nothing happened, or nobody knows."""
        if isinstance(error, TransferOutcomeUnknownError):
            self.intent = error.intent or self.intent
            self._guard.leave_open(error, self)
            self._end_unclear(error)
            return
        self._has_ended = True
        try:
            self._reservation.release()
            record(self._audit, "transfer_failed", self._order, error=error)
        except (OSError, SequenceError) as unwritten:
            _log.error("the failure of a transfer could not be written: %s", type(unwritten).__name__)

    def end_unclear(self) -> None:
        """Nobody knows whether the money has moved, unless the end is known already."""
        if not self.is_made and not self._has_ended:
            self._end_unclear(SequenceError("interrupted"))

    def _end_unclear(self, error: SequenceError) -> None:
        self._has_ended = True
        try:
            self._reservation.keep_unknown()
            record(self._audit, "transfer_outcome_unknown", self._order, error=error)
        except (OSError, SequenceError) as unwritten:
            # The booking counts as it is.
            _log.error("the unknown outcome of a transfer could not be written: %s", type(unwritten).__name__)


def record(
    audit: AuditLog, event: str, order: Order, *, transfer_id: str | None = None, error: Exception | None = None
) -> None:
    """Put an event of a transfer on record."""
    audit.log(
        event,
        user_id=order.user_id,
        user_name=order.user_name,
        transfer_id=transfer_id,
        amount_cents=order.amount_cents,
        source=order.source_id,
        destination=order.destination_id,
        note=order.note,
        error=None if error is None else f"{type(error).__name__}: {error}",
    )
