"""How is money moved so that limits and the record are right whatever happens?

Always in this order: the limit for one transfer, the day's limit is booked, the request is on record, the money moves.
Then either the booking is made final and the success recorded; or, on a clear refusal, the booking is given back and
the failure recorded; or, when nobody knows, the booking stays and that is recorded.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bursar.providers.sequence.sdk.async_client import AsyncSequenceClient
from bursar.providers.sequence.sdk.client import SequenceClient
from bursar.providers.sequence.sdk.exceptions import SequenceError, TransferOutcomeUnknownError
from bursar.providers.sequence.sdk.reconciliation import Reconciliation
from bursar.providers.sequence.sdk.safeguards.attempts import Attempt, Guard, Order
from bursar.providers.sequence.sdk.safeguards.audit import AuditLog
from bursar.providers.sequence.sdk.safeguards.daily_limits import DailyLimitTracker


@dataclass(frozen=True, slots=True)
class GuardedResult:
    """A transfer that was made.

    Attributes:
        answer: what `SequenceClient.transfer` returned.
        transfer_id: as the activity log names it; None when the log has none or several that fit.
        is_recorded: False when the money moved and the record of it could not be written; the log says why.
    """

    answer: dict[str, Any] = field(repr=False)
    transfer_id: str | None = None
    is_recorded: bool = True


class GuardedTransfers:
    """Moves money within limits, and keeps a record of each attempt and its end.

    Args:
        client: does the moving.
        limits: of the day, shared by every process that moves money; by default those of `DailyLimitTracker()`.
        audit: the record; by default that of `AuditLog()`.
        max_transfer_cents: the most that one transfer may move; None for no limit of its own.
        learns_ids: whether to look up the id of a transfer that was made, which takes one more request.
    """

    def __init__(
        self,
        client: SequenceClient,
        *,
        limits: DailyLimitTracker | None = None,
        audit: AuditLog | None = None,
        max_transfer_cents: int | None = None,
        learns_ids: bool = True,
    ) -> None:
        self._client = client
        self._guard = Guard(limits or DailyLimitTracker(), audit or AuditLog(), max_transfer_cents)
        self._learns_ids = learns_ids

    def send(self, order: Order) -> GuardedResult:
        """Move the money of an order, once.

        Raises:
            LimitExceededError: a limit says no; nothing was sent, `transfer_rejected` is on record.
            TransferOutcomeUnknownError: it may have happened; the amount stays booked, `transfer_outcome_unknown` is on
                record. Call `settle` with it, and do not send the order again before.
            SequenceError: it did not happen; the amount is free again, `transfer_failed` is on record.
            OSError: the request could not be put on record, so nothing was sent.
        """
        attempt = self._guard.begin(order)
        try:
            answer = self._client.transfer(**order.arguments())
            attempt.is_made = True
        except (SequenceError, ValueError) as error:
            attempt.end_badly(error)
            raise
        finally:
            attempt.end_unclear()  # only if nothing above did: an interrupt leaves the outcome open
        transfer_id: str | None = None
        try:
            if self._learns_ids:
                transfer_id = _id_of(self._client.find_made_transfer(_organization_of(answer), attempt.intent))
        except (SequenceError, ValueError):
            pass  # the money has moved; only its name stays unknown
        finally:
            is_recorded = attempt.end_well(transfer_id)
        return GuardedResult(answer, transfer_id, is_recorded)

    def settle(self, org_id: str, error: TransferOutcomeUnknownError) -> Reconciliation:
        """Look into the activity log whether a transfer of unknown outcome happened, and book what it says.

        When it happened, the booking is made final; when it did not, the amount is free again; when it cannot be told,
        all stays as it is: try again later, or ask a person.

        Raises:
            ValueError: the error is none that `send` of this object raised and that is still open.
        """
        attempt = self._guard.open_attempt(error)
        found = self._client.reconcile_transfer(org_id, attempt.intent)
        self._guard.close(attempt, found)
        return found


class AsyncGuardedTransfers:
    """`GuardedTransfers` for asynchronous code."""

    def __init__(
        self,
        client: AsyncSequenceClient,
        *,
        limits: DailyLimitTracker | None = None,
        audit: AuditLog | None = None,
        max_transfer_cents: int | None = None,
        learns_ids: bool = True,
    ) -> None:
        self._client = client
        self._guard = Guard(limits or DailyLimitTracker(), audit or AuditLog(), max_transfer_cents)
        self._learns_ids = learns_ids

    async def send(self, order: Order) -> GuardedResult:
        """See `GuardedTransfers.send`."""
        attempt = await _begun(self._guard, order)
        try:
            answer = await self._client.transfer(**order.arguments())
            attempt.is_made = True
        except (SequenceError, ValueError) as error:
            attempt.end_badly(error)
            raise
        finally:
            # Not in a thread: a cancelled task may get no other turn, and this must be on the disk.
            attempt.end_unclear()
        transfer_id: str | None = None
        try:
            if self._learns_ids:
                found = await self._client.find_made_transfer(_organization_of(answer), attempt.intent)
                transfer_id = _id_of(found)
        except (SequenceError, ValueError):
            pass  # the money has moved; only its name stays unknown
        finally:
            is_recorded = attempt.end_well(transfer_id)
        return GuardedResult(answer, transfer_id, is_recorded)

    async def settle(self, org_id: str, error: TransferOutcomeUnknownError) -> Reconciliation:
        """See `GuardedTransfers.settle`."""
        attempt = self._guard.open_attempt(error)
        found = await self._client.reconcile_transfer(org_id, attempt.intent)
        await asyncio.to_thread(self._guard.close, attempt, found)
        return found


async def _begun(guard: Guard, order: Order) -> Attempt:
    beginning = asyncio.ensure_future(asyncio.to_thread(guard.begin, order))
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        # The thread books all the same: give back what nobody will use.
        (await beginning).end_badly(SequenceError("cancelled before it was sent"))
        raise


def _id_of(transfer: dict[str, Any] | None) -> str | None:
    found = None if transfer is None else transfer.get("id")
    return found if isinstance(found, str) else None


def _organization_of(answer: dict[str, Any]) -> str:
    organization: Any = answer.get("organization")
    return str(organization.get("id") or "") if isinstance(organization, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
