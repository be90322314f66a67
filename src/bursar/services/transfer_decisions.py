"""What becomes of a transfer that nobody can find out about, when a person has looked at the provider?"""

from datetime import datetime
from uuid import UUID

from bursar.domain.audit import AuditEventType
from bursar.domain.failures import Conflict, NotFound, ServiceFailure
from bursar.domain.result import Failure, Result, Success
from bursar.domain.transfers import BELIEVE_AFTER, Transfer, TransferStatus
from bursar.services.transfer_outcomes import NOT_CARRIED_OUT, Outcome, settle
from bursar.storage import transfers
from bursar.storage.unit_of_work import Transaction

_BASIS = "decision"
_HAPPENED = Outcome(status=TransferStatus.COMPLETED, event=AuditEventType.TRANSFER_FOUND, basis=_BASIS)
_NOT_HAPPENED = Outcome(
    status=TransferStatus.FAILED,
    event=AuditEventType.TRANSFER_NOT_FOUND,
    failure_code=NOT_CARRIED_OUT,
    failure_message="An administrator has looked at the provider: no money moved.",
    basis=_BASIS,
)


async def decide(
    tx: Transaction, tenant_id: UUID, user_id: UUID, transfer_id: UUID, *, happened: bool, at: datetime
) -> Result[Transfer, ServiceFailure]:
    """Record what a person says of an unknown transfer: its amount stays counted, or is given back.

    Saying the same again changes nothing; saying the opposite is refused, as it is of any outcome that is known.
    """
    outcome = _HAPPENED if happened else _NOT_HAPPENED
    found = await transfers.find_transfer(tx, tenant_id, transfer_id)
    if found is None:
        return Failure(NotFound(what="transfer"))
    # The look-up at the provider may end at this moment: whoever is first has decided.
    await transfers.lock_connection(tx, tenant_id, found.connection_id)
    present = await transfers.find_transfer(tx, tenant_id, transfer_id, for_update=True)
    if present is None:
        return Failure(NotFound(what="transfer"))
    if present.status is outcome.status:
        return Success(present)
    if present.status is not TransferStatus.UNKNOWN:
        return Failure(
            Conflict(code="invalid_transition", message="Only a transfer whose outcome is unknown can be decided.")
        )
    if present.sent_at is not None and at < present.sent_at + BELIEVE_AFTER:
        # The order may still be carried out: whoever says no now may be wrong a minute later.
        minutes = int(BELIEVE_AFTER.total_seconds() // 60)
        return Failure(
            Conflict(
                code="invalid_transition",
                message=f"The transfer is still being looked up; decide {minutes} minutes after it was sent.",
            )
        )
    settled = await settle(tx, tenant_id, transfer_id, outcome, actor=user_id, at=at)
    return Success(settled) if settled is not None else Failure(NotFound(what="transfer"))
