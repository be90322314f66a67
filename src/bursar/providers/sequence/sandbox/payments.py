"""May this payment be made, and what becomes of it?"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bursar.providers.sequence.sandbox.calendars import (
    ARRIVED_AT,
    add_business_days,
    arrives_on,
    at_local,
    local_date,
    settles_at,
)
from bursar.providers.sequence.sandbox.records import (
    Compound,
    Direction,
    Leg,
    Organization,
    Place,
    PlaceKind,
    Simple,
    Status,
    Transfer,
)

SMALLEST_CENTS = 100

_HANDED_OVER = timedelta(minutes=1)
"""How long a payment out of Sequence is processed before its bank has it."""
_REVERSAL_DAYS = 1

PUSH, PULL, LEAVE = "push", "pull", "leave"


class RefusedPaymentError(Exception):
    """The payload says no; the text is its message."""


@dataclass(frozen=True, slots=True)
class Order:
    """What `createPayment` asks for; kinds are POD, PORT or ACCOUNT."""

    cents: int
    source_id: str
    source_kind: str
    destination_id: str
    destination_kind: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Ends:
    """Between which places money moves."""

    source: Place
    destination: Place

    @property
    def direction(self) -> Direction:
        """As the activity log calls it."""
        if self.source.is_internal and self.destination.is_internal:
            return Direction.INTERNAL
        return Direction.INCOMING if self.destination.is_internal else Direction.OUTGOING


def check(order: Order, organization: Organization) -> Ends:
    """The places of an order that may be carried out.

    Raises:
        RefusedPaymentError: the first reason against it.
    """
    if order.cents < SMALLEST_CENTS:
        raise RefusedPaymentError("Minimum transfer amount is $1.00")
    source = organization.find(order.source_id, PlaceKind[order.source_kind])
    if source is None:
        raise RefusedPaymentError("Source account not found")
    destination = organization.find(order.destination_id, PlaceKind[order.destination_kind])
    if destination is None:
        raise RefusedPaymentError("Destination account not found")
    if source is destination:
        raise RefusedPaymentError("Source and destination must be different")
    if not source.can_be_source:
        raise RefusedPaymentError("This account cannot be used as a source")
    if (source.balance_cents or 0) < order.cents:
        raise RefusedPaymentError("Insufficient funds")
    return Ends(source, destination)


class Payment:
    """The life of one transfer that was ordered: which leg is due when, and whose balance it changes."""

    def __init__(self, transfer_id: str, order: Order, ends: Ends, at: datetime) -> None:
        self.ends = ends
        self.failing: dict[str, str] = {}
        """Leg (`pull` or `push`) -> the reason for which it will fail."""
        self._due: list[tuple[datetime, str]] = []
        details = self._begin(order.cents, at)
        self.transfer = Transfer(
            transfer_id=transfer_id,
            type="ONE_TIME_TRANSFER",
            status=Status.PENDING,
            created_at=at,
            updated_at=at,
            cents=order.cents,
            source=ends.source,
            destination=ends.destination,
            direction=ends.direction,
            activity_type="ONE_TIME_TRANSFER",
            description=order.description or None,
            details=details,
        )
        self._sum_up(at)

    @classmethod
    def resumed(cls, transfer: Transfer, ends: Ends) -> "Payment":
        """The life of a transfer whose pull is under way."""
        payment = cls.__new__(cls)
        payment.ends, payment.failing, payment.transfer = ends, {}, transfer
        details = transfer.details
        if not isinstance(details, Compound) or details.pull is None or details.pull.expected_on is None:
            raise ValueError("only a pull that is expected goes on")
        payment._due = [(at_local(details.pull.expected_on, ARRIVED_AT), PULL)]
        return payment

    def catch_up(self, now: datetime) -> None:
        """Does what fell due, in order."""
        while self._due and self._due[0][0] <= now:
            at, step = self._due.pop(0)
            self._take(step, at)
            self._sum_up(at)

    def _begin(self, cents: int, at: datetime) -> Simple | Compound:
        source, destination = self.ends.source, self.ends.destination
        if not source.is_internal:
            expected_on = arrives_on(at)
            self._due.append((at_local(expected_on, ARRIVED_AT), PULL))
            return Compound(pull=Leg(Status.PENDING, at, expected_on=expected_on))
        _change(source, -cents)
        if destination.is_internal:
            _change(destination, cents)
            return Simple(Leg(Status.COMPLETE, at, completed_at=at))
        leg = Leg(Status.PROCESSING, at)
        self._send(leg, at)
        return Simple(leg)

    def _send(self, leg: Leg, at: datetime) -> None:
        done_at = settles_at(at)
        leg.expected_on = local_date(done_at)
        # Handed over and settled in this order even where both fall together.
        self._due += [(min(at + _HANDED_OVER, done_at), LEAVE), (done_at, PUSH)]

    def _take(self, step: str, at: datetime) -> None:
        details, cents = self.transfer.details, self.transfer.cents
        if step == LEAVE:
            for leg in self._legs():
                if leg.status is Status.PROCESSING:
                    leg.status = Status.PENDING
        elif step == PULL and isinstance(details, Compound) and details.pull is not None:
            self._finish_pull(details, details.pull, cents, at)
        elif step == PUSH and isinstance(details, Simple):
            if PUSH in self.failing:
                self._fail(details.leg, self.failing[PUSH])
                _change(self.ends.source, cents)
            else:
                _complete(details.leg, at)
                _change(self.ends.destination, cents)
        elif step == PUSH and isinstance(details, Compound) and details.push is not None:
            if PUSH in self.failing:
                self._fail(details.push, self.failing[PUSH])
                expected_on = add_business_days(local_date(at), _REVERSAL_DAYS)
                details.reversal = Leg(Status.PENDING, at, expected_on=expected_on)
                self._due.append((at_local(expected_on, ARRIVED_AT), "reversal"))
            else:
                _complete(details.push, at)
                _change(self.ends.destination, cents)
        elif step == "reversal" and isinstance(details, Compound) and details.reversal is not None:
            _complete(details.reversal, at)
            _change(self.ends.source, cents)

    def _finish_pull(self, details: Compound, pull: Leg, cents: int, at: datetime) -> None:
        reason = self.failing.get(PULL)
        if reason is None and (self.ends.source.balance_cents or 0) < cents:
            reason = "INSUFFICIENT_FUNDS"
        if reason is not None:
            self._fail(pull, reason)
            return
        _complete(pull, at)
        _change(self.ends.source, -cents)
        if self.ends.destination.is_internal:
            details.push = Leg(Status.COMPLETE, at, completed_at=at)
            _change(self.ends.destination, cents)
            return
        details.push = Leg(Status.PROCESSING, at)
        self._send(details.push, at)

    def _fail(self, leg: Leg, reason: str) -> None:
        leg.status = Status.FAILED
        self.transfer.error_reason = reason

    def _legs(self) -> Iterator[Leg]:
        details = self.transfer.details
        if isinstance(details, Simple):
            yield details.leg
        elif isinstance(details, Compound):
            yield from (leg for leg in (details.pull, details.push, details.reversal) if leg is not None)

    def _sum_up(self, at: datetime) -> None:
        """The status of the whole follows from those of its legs."""
        statuses = [leg.status for leg in self._legs()]
        details = self.transfer.details
        if Status.FAILED in statuses:
            status = Status.FAILED
        elif isinstance(details, Simple):
            status = details.leg.status
        else:
            is_done = len(statuses) > 1 and all(one is Status.COMPLETE for one in statuses)
            status = Status.COMPLETE if is_done else Status.PENDING
        self.transfer.status = status
        self.transfer.updated_at = at


def _complete(leg: Leg, at: datetime) -> None:
    leg.status, leg.completed_at = Status.COMPLETE, at


def _change(place: Place, cents: int) -> None:
    # What nobody knows stays unknown; on a card or a loan the balance is what is owed.
    if place.balance_cents is not None:
        place.balance_cents += -cents if place.type in {"CREDIT_CARD", "LOAN"} else cents
