"""What is there still to do for the workers, now and later, as the job engine's own tables have it?"""

from datetime import timedelta
from uuid import UUID

from bursar.converge.stage import Witness

# Parked jobs are those whose time comes by the seed's clock. What waits behind one of the same connection waits, too.
_OPEN_JOBS = """
    SELECT count(*) FROM procrastinate_jobs job WHERE status = 'doing' OR (
        status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
        AND NOT EXISTS (SELECT FROM procrastinate_jobs earlier WHERE earlier.lock = job.lock
            AND earlier.status = 'todo' AND earlier.scheduled_at > now() AND earlier.id < job.id))
"""
_PARK_LATER_JOBS = """
    WITH later AS MATERIALIZED (
        SELECT id, scheduled_at - now() AS wait FROM procrastinate_jobs
        WHERE status = 'todo' AND scheduled_at > now() AND scheduled_at < now() + interval '500 years'
        FOR UPDATE SKIP LOCKED
    )
    UPDATE procrastinate_jobs job SET scheduled_at = now() + interval '1000 years' FROM later WHERE later.id = job.id
    RETURNING job.id, later.wait
"""


async def count_open_jobs(witness: Witness) -> int:
    """Return how many jobs a worker has, or could take now."""
    return await _count(witness, _OPEN_JOBS)


async def most_attempts(witness: Witness) -> int:
    """Return how often the job was tried that was tried most often."""
    return await _count(witness, "SELECT coalesce(max(attempts), 0) FROM procrastinate_jobs")


async def park_later_jobs(witness: Witness) -> list[tuple[int, timedelta]]:
    """Take the jobs that are to be done later out of real time; return each, and how long it was to wait."""
    found = await witness.execute(_PARK_LATER_JOBS)
    return [(row[0], row[1]) for row in await found.fetchall()]


async def unpark_job(witness: Witness, job_id: int) -> None:
    """Let workers take a parked job now."""
    await witness.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = %s", [job_id])


async def unpark_all(witness: Witness) -> None:
    """Let workers take all parked jobs now."""
    await witness.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")


async def list_doing(witness: Witness) -> list[tuple[int, UUID]]:
    """Return the jobs that workers have: the worker's number, and the connection that it reads."""
    found = await witness.execute(
        "SELECT worker_id, (args->>'connection_id')::uuid FROM procrastinate_jobs "
        "WHERE status = 'doing' AND worker_id IS NOT NULL ORDER BY id"
    )
    return [(row[0], row[1]) for row in await found.fetchall()]


async def let_sign_of_life_grow_old(witness: Witness, number: int) -> None:
    """Make it long ago that a worker was heard of: its jobs are given to others."""
    await witness.execute("UPDATE procrastinate_workers SET last_heartbeat = 'epoch' WHERE id = %s", [number])


async def describe_jobs(witness: Witness) -> str:
    """Return all jobs in words."""
    found = await witness.execute(
        "SELECT id, status::text, attempts, worker_id, scheduled_at - now() FROM procrastinate_jobs ORDER BY id"
    )
    return "; ".join(" ".join(str(part) for part in row) for row in await found.fetchall())


async def _count(witness: Witness, statement: str) -> int:
    found = await witness.execute(statement.encode())
    row = await found.fetchone()
    return int(row[0]) if row is not None else 0
