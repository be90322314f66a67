"""What does each job do?"""

from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from procrastinate import JobContext

from bursar.bootstrap import Platform, is_database_lost
from bursar.domain.failures import Conflict, FileRefused, Invalid, LeaseLost, NotFound, ProviderFailed, ServiceFailure
from bursar.domain.result import Failure, Success
from bursar.observability.logging import get_logger, log_context
from bursar.services.webhooks import ToldConnection
from bursar.worker.retry import RetrySchedule, TryAgain, TryAgainError

SYNC_TASK = "bursar.sync_connection"
SYNC_QUEUE = "sync"
NOTICES_TASK = "bursar.follow_notices"
NOTICES_QUEUE = "notices"

_log = get_logger(__name__)


def register_tasks(platform: Platform, schedule: RetrySchedule) -> None:
    """Teach the platform's job engine the tasks; once per platform."""

    @platform.queue.app.task(name=SYNC_TASK, queue=SYNC_QUEUE, pass_context=True, retry=TryAgain(schedule))
    async def sync_connection(context: JobContext, *, tenant_id: str, connection_id: str, run_id: str) -> None:  # pyright: ignore[reportUnusedFunction] - the engine keeps it
        tenant, connection, run = UUID(tenant_id), UUID(connection_id), UUID(run_id)
        with log_context(tenant_id=tenant, connection_id=connection, sync_run_id=run, job_id=context.job.id):
            await carry_out(platform, schedule, tenant, connection, run, attempts_before=context.job.attempts)

    @platform.queue.app.task(name=NOTICES_TASK, queue=NOTICES_QUEUE, pass_context=True, retry=TryAgain(schedule))
    async def follow_notices(context: JobContext) -> None:  # pyright: ignore[reportUnusedFunction] - the engine keeps it
        with log_context(job_id=context.job.id):
            await follow(platform, schedule, attempts_before=context.job.attempts)


async def follow(platform: Platform, schedule: RetrySchedule, *, attempts_before: int) -> None:
    """Follow every notice that nobody has followed; one whose connection cannot be handled stops no other.

    Raises:
        TryAgainError: the database was lost, and an attempt is left; what was followed stays so.
    """
    try:
        while True:
            told = await platform.webhooks.list_open()
            for each in told.connections:
                with log_context(tenant_id=each.tenant_id, connection_id=each.connection_id):
                    await _follow_one(platform, each)
            await platform.webhooks.close(told.counts)
            if told.is_last:
                return
    except Exception as error:
        if is_database_lost(error) and schedule.has_another(attempts_before):
            raise TryAgainError("the database was lost") from error
        raise


async def _follow_one(platform: Platform, told: ToldConnection) -> None:
    try:
        is_waiting = await platform.webhooks.follow(
            told.tenant_id, told.connection_id, told.kinds, accounts_told_at=told.accounts_told_at
        )
    except Exception as error:
        if is_database_lost(error):
            raise
        # The schedule reads the connection all the same; a notice that cannot be handled must not come for ever.
        _log.exception("notices about a connection cannot be followed")
    else:
        _log.info("notices followed", kinds=sorted(kind.value for kind in told.kinds), run_waits=is_waiting)


async def carry_out(
    platform: Platform,
    schedule: RetrySchedule,
    tenant_id: UUID,
    connection_id: UUID,
    run_id: UUID,
    *,
    attempts_before: int,
) -> None:
    """Carry out one run; return when it has ended, however it ended.

    Raises:
        TryAgainError: waiting may help, and an attempt is left.
        Exception: a fault of ours; the run is recorded as failed.
    """
    may_retry = schedule.has_another(attempts_before)
    try:
        outcome = await platform.sync.run(tenant_id, connection_id, run_id, will_retry=may_retry)
    except Exception as error:
        if is_database_lost(error) and may_retry:
            raise TryAgainError("the database was lost") from error
        _log.exception("sync failed")
        is_ended = await platform.sync.give_up(
            tenant_id,
            run_id,
            code="internal_error",
            message="Bursar itself failed while it read this connection; the log of the worker says where.",
        )
        if is_ended:
            raise
        # The run was ended by somebody else, or its tenant is gone: no job is left behind for it.
        return
    match outcome:
        case Success(value=run):
            _log.info("sync finished", status=run.status.value, counts=run.counts)
        case Failure(error=failure):
            await _end_or_retry(platform, tenant_id, run_id, failure, may_retry=may_retry)


async def _end_or_retry(
    platform: Platform, tenant_id: UUID, run_id: UUID, failure: ServiceFailure, *, may_retry: bool
) -> None:
    """Raise `TryAgainError` for what waiting cures; for all else the service has recorded how the run ended."""
    match failure:
        case ProviderFailed(retryable=True) if may_retry:
            raise TryAgainError(failure.code, wait=_until(failure.next_attempt_at, platform))
        case Conflict(code="run_in_progress") if may_retry:
            raise TryAgainError(failure.code)
        case Conflict(code="too_early" | "quota_exhausted", retry_after_s=int() as wait_s) if may_retry:
            raise TryAgainError(failure.code, wait=timedelta(seconds=wait_s))
        case Conflict():
            await platform.sync.give_up(tenant_id, run_id, code=failure.code, message=failure.message)
            _log.info("sync refused", code=failure.code)
        case ProviderFailed():
            _log.warning("sync failed", code=failure.code, provider=failure.provider, action=failure.action)
        case NotFound():
            await platform.sync.give_up(
                tenant_id, run_id, code="not_found", message=f"The {failure.what} is gone; there is nothing to read."
            )
            _log.info("sync refused", code="not_found", what=failure.what)
        case LeaseLost():
            _log.info("sync taken over by another worker")
        case Invalid() | FileRefused():
            message = failure.message
            await platform.sync.give_up(tenant_id, run_id, code=failure.code, message=message)
            _log.warning("sync refused", code=failure.code)
        case _:
            assert_never(failure)


def _until(instant: datetime | None, platform: Platform) -> timedelta | None:
    """Return the wait by the platform's clock, which need not be the machine's."""
    return None if instant is None else instant - platform.clock.now()
