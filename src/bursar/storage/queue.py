"""How does a job get into the database together with the rows that it is about?

The job engine is named here and in the worker only. A job carries ids, never secrets or data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from procrastinate import App, PsycopgConnector
from procrastinate.blueprints import Blueprint
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from bursar.storage.unit_of_work import Transaction

SYNC_TASK = "bursar.sync_connection"
SYNC_QUEUE = "sync"
NOTICES_TASK = "bursar.follow_notices"
NOTICES_QUEUE = "notices"

# The rows stay locked from the choice to the change, and are judged again once locked: two rescuers at the same moment
# cannot take a job away from the worker that one of them has just given it to.
_REQUEUE_STALLED: LiteralString = """
    WITH stalled AS MATERIALIZED (
        SELECT job.id FROM procrastinate_jobs job
        WHERE job.status = 'doing' AND (job.worker_id IS NULL OR NOT EXISTS (
            SELECT FROM procrastinate_workers worker
            WHERE worker.id = job.worker_id
                AND worker.last_heartbeat >= now() - make_interval(secs => %(stalled_after_s)s)
        ))
        FOR UPDATE OF job SKIP LOCKED
    )
    UPDATE procrastinate_jobs job
    SET status = CASE WHEN attempts + 1 < %(max_attempts)s THEN 'todo' ELSE 'failed' END::procrastinate_job_status,
        attempts = attempts + 1, scheduled_at = now()
    FROM stalled WHERE job.id = stalled.id
    RETURNING job.id, job.task_name, job.args, job.status::text AS status
"""

# A worker that was silent for too long comes back to a job that another one does by now: to end it then would take it
# from that one, and a run that is to be tried again would be left without a job for ever.
_FINISH_OWN_JOB: LiteralString = """
    WITH own AS MATERIALIZED (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(job_id)s AND status = 'doing' AND worker_id = %(worker_id)s AND attempts = %(attempts)s FOR UPDATE
    )
    SELECT procrastinate_finish_job_v1(own.id, %(status)s::procrastinate_job_status, %(delete_job)s) FROM own
"""
_RETRY_OWN_JOB: LiteralString = """
    WITH own AS MATERIALIZED (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(job_id)s AND status = 'doing' AND worker_id = %(worker_id)s AND attempts = %(attempts)s FOR UPDATE
    )
    SELECT procrastinate_retry_job_v2(own.id, %(retry_at)s, %(new_priority)s, %(new_queue_name)s, %(new_lock)s) FROM own
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescuedJob:
    """A job whose worker died."""

    id: int
    task_name: str
    arguments: Mapping[str, Any]
    is_requeued: bool
    """False when its workers died too often: it has failed, and whoever waits for it must be told."""


tasks = Blueprint()
"""Tasks that the worker fills with code; enqueueing needs their names only."""


class _OwnJobs(JobManager):
    """Ends a job only for the worker that has it: one whose job was given to another leaves it alone."""

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        await self.connector.execute_query_async(
            _FINISH_OWN_JOB,
            job_id=job.id,
            worker_id=job.worker_id,
            attempts=job.attempts,
            status=status.value,
            delete_job=delete_job,
        )

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        await self.connector.execute_query_async(
            _RETRY_OWN_JOB,
            job_id=job.id,
            worker_id=job.worker_id,
            attempts=job.attempts,
            # The job engine's times are the machine's, whatever clock the platform was given.
            retry_at=retry_at or datetime.now(UTC),  # lint: allow clock - when a job runs, not a fact
            new_priority=priority,
            new_queue_name=queue,
            new_lock=lock,
        )


class JobQueue:
    """Enqueues jobs on the caller's transaction: the job exists if and only if the rows do."""

    def __init__(self, url: str) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4))
        self._app.job_manager = _OwnJobs(self._app.connector)

    @property
    def app(self) -> App:
        """The job engine's application, for the worker."""
        return self._app

    async def open(self) -> None:
        """Open the engine's own connections."""
        await self._app.open_async()

    async def close(self) -> None:
        """Close them."""
        await self._app.close_async()

    async def enqueue_sync(self, tx: Transaction, tenant_id: UUID, connection_id: UUID, run_id: UUID) -> None:
        """Enqueue a run; jobs of one connection run one after the other."""
        deferrer = self._app.configure_task(
            SYNC_TASK, queue=SYNC_QUEUE, lock=f"connection:{connection_id}", connection=tx
        )
        await deferrer.defer_async(tenant_id=str(tenant_id), connection_id=str(connection_id), run_id=str(run_id))

    async def enqueue_notices(self, tx: Transaction, *, after: timedelta) -> None:
        """Enqueue that the notices which nobody has followed are followed, after a wait."""
        deferrer = self._app.configure_task(
            NOTICES_TASK,
            queue=NOTICES_QUEUE,
            connection=tx,
            # The job engine's times are the machine's, whatever clock the platform was given.
            schedule_at=datetime.now(UTC) + after if after else None,  # lint: allow clock - when a job runs, not a fact
        )
        await deferrer.defer_async()

    async def requeue_stalled(
        self,
        *,
        stalled_after_s: float,  # lint: allow no-float - seconds, not money
        max_attempts: int,
    ) -> list[RescuedJob]:
        """Give the jobs of workers without a heartbeat to others, at once; return them. Safe to call from anywhere."""
        rows = await self._app.connector.execute_query_all_async(
            _REQUEUE_STALLED, stalled_after_s=stalled_after_s, max_attempts=max_attempts
        )
        return [
            RescuedJob(
                id=row["id"],
                task_name=row["task_name"],
                arguments=row["args"],
                is_requeued=row["status"] == "todo",
            )
            for row in rows
        ]
