"""May a connection be read now, how is a run asked for, and how does one end that nobody carried out?"""

import math
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from bursar.domain.connections import Connection, ConnectionStatus, FailureCause
from bursar.domain.failures import Conflict, NotFound, ProviderFailed, ServiceFailure
from bursar.domain.ids import new_id
from bursar.domain.reading import PAUSED, QUOTA_EXHAUSTED, TOO_EARLY, ReadQuota, refuse_reading
from bursar.domain.sync import SyncReport, SyncRun, SyncStatus, SyncTrigger
from bursar.storage import leases, sync_runs
from bursar.storage.queue import JobQueue
from bursar.storage.unit_of_work import Transaction

_WAITS = frozenset({TOO_EARLY, QUOTA_EXHAUSTED})
"""Refusals that end by themselves: a worker keeps the run and comes back."""

_FAULTS = {
    "internal_error": FailureCause.INTERNAL,
    "worker_died": FailureCause.INTERNAL,
    "interrupted": FailureCause.INTERRUPTED,
}
"""How a run ends that did not end by itself, where that says something about its connection; a refusal does not."""


async def enqueue_run(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, queue: JobQueue, trigger: SyncTrigger, at: datetime
) -> SyncRun:
    """Enqueue a run in the caller's transaction, or return the one that waits already."""
    run_id = new_id()
    run = await sync_runs.ensure_queued_run(tx, tenant_id, run_id, connection_id=connection_id, trigger=trigger, at=at)
    if run.id == run_id:
        await queue.enqueue_sync(tx, tenant_id, connection_id, run_id)
    return run


def refuse_sync(connection: Connection | None, now: datetime, quota: ReadQuota | None) -> ServiceFailure | None:
    """Return why a connection cannot be read now; None when it can."""
    if connection is None or connection.status is ConnectionStatus.DISCONNECTED:
        return NotFound(what="connection")
    refusal = refuse_reading(connection, now, quota)
    if refusal is None:
        return None
    wait_s = math.ceil((refusal.until - now).total_seconds()) if refusal.until is not None else None
    return Conflict(code=refusal.code, message=refusal.message, retry_after_s=wait_s)


async def refuse_run(tx: Transaction, tenant_id: UUID, run: SyncRun, refused: ServiceFailure, at: datetime) -> None:
    """Record that a run may not begin: one that waiting lets begin is queued, a paused one is called off."""
    code = getattr(refused, "code", None)
    status = SyncStatus.QUEUED if code in _WAITS else SyncStatus.CANCELLED if code == PAUSED else SyncStatus.FAILED
    await leases.release_lease(tx, tenant_id, run.id)
    await finish_run(tx, tenant_id, run.id, status, SyncReport(), refused, at)
    if isinstance(refused, ProviderFailed):
        await leases.record_failure(
            tx,
            tenant_id,
            run.connection_id,
            error_code=refused.code,
            error_message=refused.message,
            cause=FailureCause.SETTINGS,
            at=at,
        )


async def end_run(tx: Transaction, tenant_id: UUID, run_id: UUID, *, code: str, message: str, at: datetime) -> bool:
    """End a run that did not end by itself, and give its lease back; False when there is none that is open.

    A fault or an interruption is recorded on the connection too: its status must not show an older cause.
    """
    run = await sync_runs.find_run(tx, tenant_id, run_id)
    if run is None:
        return False
    await leases.release_lease(tx, tenant_id, run_id)
    failure = Conflict(code=code, message=message)
    is_ended = await finish_run(tx, tenant_id, run_id, SyncStatus.FAILED, None, failure, at) is not None
    if is_ended and code in _FAULTS:
        await leases.record_failure(
            tx, tenant_id, run.connection_id, error_code=code, error_message=message, cause=_FAULTS[code], at=at
        )
    return is_ended


async def finish_run(
    tx: Transaction,
    tenant_id: UUID,
    run_id: UUID,
    status: SyncStatus,
    total: SyncReport | None,
    failure: ServiceFailure | None,
    at: datetime,
) -> SyncRun | None:
    """Record how a run ended and what it did; None when it has ended before."""
    nouns = ("accounts", "transactions", "holdings", "balances")
    return await sync_runs.finish_run(
        tx,
        tenant_id,
        run_id,
        status=status,
        counts={noun: getattr(total, noun).to_dict() for noun in nouns} if total is not None else {},
        warnings=[asdict(warning) for warning in total.warnings] if total is not None else (),
        error_code=getattr(failure, "code", None),
        error_message=getattr(failure, "message", None),
        next_allowed_at=failure.next_attempt_at if isinstance(failure, ProviderFailed) else None,
        at=at,
    )
