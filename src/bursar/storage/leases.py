"""Who reads a connection now, how often was it tried of late, and how did that end?"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import dict_row

from bursar.domain.connections import FailureCause
from bursar.domain.sync import SyncRun
from bursar.storage.sync_runs import to_run
from bursar.storage.unit_of_work import Transaction


async def begin_run(
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    token: UUID,
    run_id: UUID,
    now: datetime,
    until: datetime,
) -> SyncRun | None:
    """Start a queued run, or go on with one whose worker died, and make the caller the only one who may write.

    A living lease of the same run is taken over: its worker died or was given up, and its token is worth nothing now.
    Any other run of the connection that never ended is given up. Returns None, and writes nothing, where the run is not
    there or has ended, or while another run's lease lives.
    """
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            WITH leased AS (
                UPDATE connections SET lease_token = %(token)s, lease_run_id = %(run_id)s, lease_until = %(until)s
                WHERE tenant_id = %(tenant_id)s AND id = %(id)s
                    AND (lease_until IS NULL OR lease_until <= %(now)s OR lease_run_id = %(run_id)s)
                    AND EXISTS (SELECT FROM sync_runs WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s
                        AND status IN ('queued', 'running'))
                RETURNING id
            ), given_up AS (
                UPDATE sync_runs SET status = 'failed', finished_at = %(now)s, error_code = 'interrupted',
                    error_message = 'The run was interrupted; the next one goes on from the last complete step.'
                WHERE tenant_id = %(tenant_id)s AND connection_id IN (SELECT id FROM leased) AND id <> %(run_id)s
                    AND status = 'running'
            )
            UPDATE sync_runs SET status = 'running', started_at = %(now)s
            WHERE tenant_id = %(tenant_id)s AND id = %(run_id)s AND EXISTS (SELECT FROM leased)
            RETURNING id, connection_id, trigger, status, started_at, finished_at, counts, warnings, error_code,
                error_message, next_allowed_at
            """,
            {
                "token": token,
                "run_id": run_id,
                "until": until,
                "tenant_id": tenant_id,
                "id": connection_id,
                "now": now,
            },
        )
        row = await cursor.fetchone()
    return to_run(row) if row else None


async def hold_lease(tx: Transaction, tenant_id: UUID, connection_id: UUID, *, token: UUID, until: datetime) -> bool:
    """Prolong a lease and lock the connection for this transaction; False when another run has taken it over."""
    done = await tx.execute(
        "UPDATE connections SET lease_until = %s WHERE tenant_id = %s AND id = %s AND lease_token = %s",
        [until, tenant_id, connection_id, token],
    )
    return done.rowcount == 1


async def release_lease(tx: Transaction, tenant_id: UUID, run_id: UUID) -> None:
    """Give back the lease of a run that ends in any other way than by closing."""
    await tx.execute(
        """
        UPDATE connections SET lease_token = NULL, lease_run_id = NULL, lease_until = NULL
        WHERE tenant_id = %s AND lease_run_id = %s
        """,
        [tenant_id, run_id],
    )


async def record_failure(
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    error_code: str,
    error_message: str,
    cause: FailureCause,
    at: datetime,
) -> None:
    """Record why a run failed that did not close by itself; not while another run reads, whose end will be newer."""
    await tx.execute(
        """
        UPDATE connections SET last_sync_status = 'failed', last_error_code = %s, last_error_message = %s,
            last_error_cause = %s, last_error_at = %s, updated_at = %s
        WHERE tenant_id = %s AND id = %s AND status <> 'disconnected' AND (lease_until IS NULL OR lease_until <= %s)
        """,
        [error_code, error_message, cause.value, at, at, tenant_id, connection_id, at],
    )


async def record_attempt(
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    read_at: Sequence[datetime],
    quota_free_at: datetime | None,
) -> None:
    """Keep which attempts to read count against the provider's quota, before the provider is asked."""
    await tx.execute(
        "UPDATE connections SET read_at = %s, quota_free_at = %s WHERE tenant_id = %s AND id = %s",
        [list(read_at), quota_free_at, tenant_id, connection_id],
    )


async def close_run(
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    token: UUID,
    status: str,
    succeeded: bool,
    error_code: str | None,
    error_message: str | None,
    cause: FailureCause | None,
    next_attempt_at: datetime | None,
    at: datetime,
) -> bool:
    """Give the lease back and record how the run ended; False, and nothing is written, when another run has it."""
    done = await tx.execute(
        """
        UPDATE connections SET lease_token = NULL, lease_run_id = NULL, lease_until = NULL,
            last_sync_status = %(status)s,
            last_sync_at = CASE WHEN %(succeeded)s THEN %(at)s ELSE last_sync_at END,
            last_success_at = CASE WHEN %(succeeded)s THEN %(at)s ELSE last_success_at END,
            last_error_code = %(code)s, last_error_message = %(message)s, last_error_cause = %(cause)s,
            last_error_at = CASE WHEN %(succeeded)s THEN NULL ELSE %(at)s END, next_attempt_at = %(next)s,
            updated_at = %(at)s
        WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND lease_token = %(token)s
        """,
        {
            "status": status,
            "succeeded": succeeded,
            "at": at,
            "code": error_code,
            "message": error_message,
            "cause": cause.value if cause is not None else None,
            "next": next_attempt_at,
            "tenant_id": tenant_id,
            "id": connection_id,
            "token": token,
        },
    )
    return done.rowcount == 1
