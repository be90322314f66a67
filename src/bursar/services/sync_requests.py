"""May a connection be read now, and how is a run asked for?"""

from datetime import datetime
from uuid import UUID

from bursar.domain.connections import Connection, ConnectionStatus
from bursar.domain.failures import Conflict, NotFound, ServiceFailure
from bursar.domain.ids import new_id
from bursar.domain.sync import SyncRun, SyncTrigger
from bursar.storage import sync_runs
from bursar.storage.queue import JobQueue
from bursar.storage.unit_of_work import Transaction


async def enqueue_run(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, queue: JobQueue, trigger: SyncTrigger, at: datetime
) -> SyncRun | None:
    """Enqueue a run in the caller's transaction, or return the one that waits already."""
    waiting = await sync_runs.find_queued_run(tx, tenant_id, connection_id)
    if waiting is not None:
        return waiting
    run_id = new_id()
    await sync_runs.insert_run(tx, tenant_id, run_id, connection_id=connection_id, trigger=trigger, at=at)
    await queue.enqueue_sync(tx, tenant_id, connection_id, run_id)
    return await sync_runs.find_run(tx, tenant_id, run_id)


def refuse_sync(connection: Connection | None) -> ServiceFailure | None:
    """Return why a connection cannot be read now."""
    if connection is None or connection.status is ConnectionStatus.DISCONNECTED:
        return NotFound(what="connection")
    if connection.status is ConnectionStatus.ACTIVE:
        return None
    if connection.status is ConnectionStatus.PENDING:
        return Conflict(code="invalid_transition", message="The user has not finished to connect yet.")
    return Conflict(
        code="reauthentication_required",
        message="The bank wants the user to sign in again; renew the connection.",
    )
