"""How does a worker run, survive its database, and stop?"""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bursar.bootstrap import Platform
from bursar.observability.logging import get_logger
from bursar.worker.retry import RetrySchedule
from bursar.worker.schedule import register_schedules, rescue_for_ever
from bursar.worker.tasks import register_tasks

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """How a worker works; times in seconds."""

    concurrency: int = 4
    heartbeat_s: float = 5.0
    stalled_after_s: float = 15.0
    """A worker that was silent for so long counts as dead: its jobs are given to others."""
    poll_s: float = 5.0
    """How often to look for jobs whose time has come; new ones are announced at once."""
    graceful_s: float = 20.0
    """How long a stopping worker lets its jobs finish; what is left then goes to another worker."""
    reconnect_s: float = 1.0
    """How long to wait before working on, after the database was lost."""
    retries: RetrySchedule = field(default_factory=RetrySchedule)


async def work(platform: Platform, plan: WorkerPlan | None = None, *, name: str = "worker") -> None:
    """Work until cancelled; then let running jobs finish and leave nothing of theirs behind.

    A lost database interrupts the work and does not end it. One call per platform.
    """
    plan = plan or WorkerPlan()
    register_tasks(platform, plan.retries)
    register_schedules(platform)
    rescue = asyncio.create_task(
        rescue_for_ever(platform, plan.retries, every_s=plan.heartbeat_s, stalled_after_s=plan.stalled_after_s),
        name="rescue",
    )
    try:
        while True:
            await _work_until_interrupted(platform, plan, name)
            if rescue.done():
                # It ends by a fault of ours only; a worker that no longer rescues must not look healthy.
                await rescue
            await asyncio.sleep(plan.reconnect_s)
    finally:
        rescue.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await rescue


async def _work_until_interrupted(platform: Platform, plan: WorkerPlan, name: str) -> None:
    """Run the engine's worker until it stops by itself, which it does when the database goes away."""
    try:
        await platform.queue.app.run_worker_async(
            name=name,
            concurrency=plan.concurrency,
            fetch_job_polling_interval=plan.poll_s,
            shutdown_graceful_timeout=plan.graceful_s,
            update_heartbeat_interval=plan.heartbeat_s,
            stalled_worker_timeout=plan.stalled_after_s,
            install_signal_handlers=False,
            # Runs have a record of their own; finished jobs would only make the queue slow.
            delete_jobs="successful",
        )
    except Exception as error:  # noqa: BLE001 - whatever stopped the engine, jobs are safe in the database: work on
        _log.warning("work was interrupted", error=type(error).__name__)
    else:
        _log.warning("work was interrupted")


@asynccontextmanager
async def working(platform: Platform, plan: WorkerPlan | None = None, *, name: str = "worker") -> AsyncGenerator[None]:
    """Have a worker in this process for as long as the block runs."""
    task = asyncio.create_task(work(platform, plan, name=name), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def work_until_signalled(platform: Platform, plan: WorkerPlan | None = None, *, name: str = "worker") -> None:
    """Work until SIGTERM or SIGINT; a second signal ends the process as it always does."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop, number)
    worker = asyncio.create_task(work(platform, plan, name=name), name=name)
    waiting = asyncio.create_task(stop.wait(), name="wait for a signal")
    try:
        await asyncio.wait({worker, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
