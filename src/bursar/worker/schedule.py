"""What happens by itself, and when? (Daily reading; transfers; old notices; retention; jobs of dead workers.)."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bursar.bootstrap import Platform, is_database_lost
from bursar.observability.logging import get_logger, log_context
from bursar.worker.retry import RetrySchedule
from bursar.worker.tasks import SYNC_TASK

NIGHTLY_CRON = "* 1 * * *"
"""Each minute from 01:00 to 01:59 UTC, one sixtieth of the connections."""
CATCH_UP_CRON = "0 0,2-23 * * *"
"""Each other hour, what the night has missed: workers were down, or a provider was."""
TRANSFERS_CRON = "* * * * *"
"""Each minute, what became of transfers whose outcome nobody has recorded, and what waits too long."""
RETENTION_CRON = "41 3 * * *"
"""Each night, what tenants do not want to be kept any longer is forgotten."""
NOTICES_CRON = "17 3 * * *"
"""Each night, the notices of webhooks that were kept long enough are forgotten."""
_SLOTS = 60
_FRESH = timedelta(hours=6)
"""What was read so shortly before the night is not read again in it."""
_OVERDUE = timedelta(hours=26)

_log = get_logger(__name__)


def register_schedules(platform: Platform) -> None:
    """Teach the platform's job engine what is due when; once per platform.

    However many workers there are, each turn is enqueued once.
    """
    app = platform.queue.app

    @app.periodic(cron=NIGHTLY_CRON, periodic_id="nightly")
    @app.task(name="bursar.schedule_nightly")
    async def schedule_nightly(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] - the engine keeps it
        minute = datetime.fromtimestamp(timestamp, UTC).minute
        await enqueue_nightly(platform, minute)

    @app.periodic(cron=CATCH_UP_CRON, periodic_id="catch up")
    @app.task(name="bursar.schedule_overdue")
    async def schedule_overdue(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] - the engine keeps it
        count = await platform.sync.schedule_due(every=_OVERDUE)
        _log.info("overdue connections enqueued", count=count, timestamp=timestamp)

    @app.periodic(cron=TRANSFERS_CRON, periodic_id="transfers")
    @app.task(name="bursar.look_after_transfers")
    async def look_after(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] - the engine keeps it
        count = await look_after_transfers(platform)
        if count:
            _log.info("transfers looked after", count=count, timestamp=timestamp)

    @app.periodic(cron=NOTICES_CRON, periodic_id="notices")
    @app.task(name="bursar.forget_notices")
    async def forget_notices(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] - the engine keeps it
        count = await platform.webhooks.forget_old()
        _log.info("old notices forgotten", count=count, timestamp=timestamp)

    @app.periodic(cron=RETENTION_CRON, periodic_id="retention")
    @app.task(name="bursar.apply_retention")
    async def apply_policies(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction] - the engine keeps it
        count = await apply_retention(platform)
        if count:
            _log.info("retention policies applied", count=count, timestamp=timestamp)


async def apply_retention(platform: Platform) -> int:
    """Apply the policies of every tenant that has one; return for how many that was done. A failure stops no other."""
    done = 0
    for tenant_id in await platform.retention.list_due():
        with log_context(tenant_id=tenant_id), _alone("a retention policy cannot be applied"):
            await platform.retention.run(tenant_id, dry_run=False)
            done += 1
    return done


@contextmanager
def _alone(what: str) -> Generator[None]:
    """Let what fails for one stop no other: it is logged with its traceback. A lost database stops all."""
    try:
        yield
    except Exception as error:
        if is_database_lost(error):
            raise
        _log.exception(what)


async def look_after_transfers(platform: Platform) -> int:
    """Look after every transfer that is due; return how many. One that cannot be looked after stops no other.

    Nothing is ever sent here, so that running twice, or at the same moment as another worker, moves nothing.
    """
    due = await platform.reconciler.list_due()
    for tenant_id, transfer_id in due:
        with log_context(tenant_id=tenant_id, transfer_id=transfer_id), _alone("a transfer cannot be looked after"):
            transfer = await platform.reconciler.look_after(tenant_id, transfer_id)
            _log.info("transfer looked after", status=transfer.status.value if transfer is not None else None)
    return len(due)


async def enqueue_nightly(platform: Platform, minute: int) -> int:
    """Enqueue the connections whose minute has come, or was missed tonight; return how many."""
    count = await platform.sync.schedule_due(every=_FRESH, slots=_SLOTS, up_to_slot=minute)
    if count:
        _log.info("due connections enqueued", count=count, minute=minute)
    return count


async def rescue_for_ever(
    platform: Platform, schedule: RetrySchedule, *, every_s: float, stalled_after_s: float
) -> None:
    """Give the jobs of dead workers to living ones, again and again; a lost database is waited for."""
    while True:
        try:
            await rescue_once(platform, schedule, stalled_after_s=stalled_after_s)
        except Exception as error:
            if not is_database_lost(error):
                raise
            _log.warning("cannot look for jobs of dead workers: the database does not answer")
        await asyncio.sleep(every_s)


async def rescue_once(platform: Platform, schedule: RetrySchedule, *, stalled_after_s: float) -> int:
    """Requeue the jobs of dead workers; return how many. A job that has killed all its workers is given up."""
    jobs = await platform.queue.requeue_stalled(stalled_after_s=stalled_after_s, max_attempts=schedule.max_attempts)
    for job in jobs:
        _log.warning("job of a dead worker found", job_id=job.id, task=job.task_name, requeued=job.is_requeued)
        if not job.is_requeued and job.task_name == SYNC_TASK:
            await platform.sync.give_up(
                UUID(job.arguments["tenant_id"]),
                UUID(job.arguments["run_id"]),
                code="worker_died",
                message="The worker died each time it read this connection; the operator must look at the worker.",
            )
    return len(jobs)
