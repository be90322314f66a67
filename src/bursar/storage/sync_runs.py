"""What runs were there, and what could they not read?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from bursar.domain.ids import new_ids
from bursar.domain.sync import RejectedRecord, SyncRun, SyncStatus, SyncTrigger
from bursar.storage.staging import StagedStatement, StagingTable, stage
from bursar.storage.unit_of_work import Transaction


async def insert_run(
    tx: Transaction,
    tenant_id: UUID,
    run_id: UUID,
    *,
    connection_id: UUID,
    trigger: SyncTrigger,
    at: datetime,
    status: SyncStatus = SyncStatus.QUEUED,
) -> None:
    """Record that a run is asked for: `queued` when a job for it stands in the same transaction, else `running`."""
    await tx.execute(
        """
        INSERT INTO sync_runs (tenant_id, id, connection_id, trigger, status, started_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        [tenant_id, run_id, connection_id, trigger.value, status.value, at],
    )


async def ensure_queued_run(
    tx: Transaction, tenant_id: UUID, run_id: UUID, *, connection_id: UUID, trigger: SyncTrigger, at: datetime
) -> SyncRun:
    """Return the run of a connection that waits for a worker; when none does, a new one with the id `run_id`.

    The caller has locked the connection.
    """
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            WITH waiting AS (
                SELECT * FROM sync_runs
                WHERE tenant_id = %(tenant_id)s AND connection_id = %(connection_id)s AND status = 'queued'
                ORDER BY id LIMIT 1
            ), made AS (
                INSERT INTO sync_runs (tenant_id, id, connection_id, trigger, status, started_at)
                SELECT %(tenant_id)s, %(id)s, %(connection_id)s, %(trigger)s, 'queued', %(at)s
                WHERE NOT EXISTS (SELECT FROM waiting)
                RETURNING *
            )
            SELECT id, connection_id, trigger, status, started_at, finished_at, counts, warnings, error_code,
                error_message, next_allowed_at
            FROM (SELECT * FROM waiting UNION ALL SELECT * FROM made) AS run
            """,
            {
                "tenant_id": tenant_id,
                "id": run_id,
                "connection_id": connection_id,
                "trigger": trigger.value,
                "at": at,
            },
        )
        row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("a run that was inserted is not there")
    return to_run(row)


async def finish_run(
    tx: Transaction,
    tenant_id: UUID,
    run_id: UUID,
    *,
    status: SyncStatus,
    counts: Mapping[str, Mapping[str, int]],
    warnings: Sequence[Mapping[str, object]],
    error_code: str | None,
    error_message: str | None,
    next_allowed_at: datetime | None,
    at: datetime,
) -> SyncRun | None:
    """Record how a run ended, also of one that never started; None when it has ended before: it stays as it ended.

    A refused run must not stay `queued`: it would stand in for every later one, and no job would carry it out.
    """
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            UPDATE sync_runs SET status = %s, finished_at = %s, counts = %s, warnings = %s, error_code = %s,
                error_message = %s, next_allowed_at = %s
            WHERE tenant_id = %s AND id = %s AND status IN ('queued', 'running')
            RETURNING id, connection_id, trigger, status, started_at, finished_at, counts, warnings, error_code,
                error_message, next_allowed_at
            """,
            [
                status.value,
                at,
                Jsonb({noun: dict(count) for noun, count in counts.items()}),
                Jsonb([dict(warning) for warning in warnings]),
                error_code,
                error_message,
                next_allowed_at,
                tenant_id,
                run_id,
            ],
        )
        row = await cursor.fetchone()
    return to_run(row) if row else None


async def cancel_runs(
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    with_running: bool,
    code: str,
    message: str,
    at: datetime,
) -> None:
    """End the runs of a connection that wait, and if asked those under way: the user does not want them any more."""
    await tx.execute(
        """
        UPDATE sync_runs SET status = 'cancelled', finished_at = %s, error_code = %s, error_message = %s
        WHERE tenant_id = %s AND connection_id = %s AND status = ANY(%s)
        """,
        [at, code, message, tenant_id, connection_id, ["queued", "running"] if with_running else ["queued"]],
    )


def to_run(row: dict[str, object]) -> SyncRun:
    """Return the run of a row that has its columns."""
    row["trigger"] = SyncTrigger(str(row["trigger"]))
    row["status"] = SyncStatus(str(row["status"]))
    return SyncRun(**row)  # pyright: ignore[reportArgumentType] - the columns are the fields, by test


async def list_runs(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, limit: int, offset: int = 0
) -> list[SyncRun]:
    """Return the newest runs of a connection."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            SELECT id, connection_id, trigger, status, started_at, finished_at, counts, warnings, error_code,
                error_message, next_allowed_at
            FROM sync_runs WHERE tenant_id = %s AND connection_id = %s ORDER BY id DESC LIMIT %s OFFSET %s
            """,
            [tenant_id, connection_id, limit, offset],
        )
        return [to_run(row) for row in await cursor.fetchall()]


async def count_runs(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> int:
    """Return how many runs a connection has had."""
    counted = await tx.execute(
        "SELECT count(*) FROM sync_runs WHERE tenant_id = %s AND connection_id = %s", [tenant_id, connection_id]
    )
    row = await counted.fetchone()
    return int(row[0]) if row else 0


async def find_run(tx: Transaction, tenant_id: UUID, run_id: UUID) -> SyncRun | None:
    """Return a run; None when the tenant has no such."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            SELECT id, connection_id, trigger, status, started_at, finished_at, counts, warnings, error_code,
                error_message, next_allowed_at
            FROM sync_runs WHERE tenant_id = %s AND id = %s
            """,
            [tenant_id, run_id],
        )
        row = await cursor.fetchone()
    return to_run(row) if row else None


_REJECTED = StagingTable(
    "incoming_rejected",
    {
        "id": "uuid",
        "mark": "bytea",
        "kind": "text",
        "reason": "text",
        "field": "text",
        "provider_id": "text",
        "line": "integer",
        "excerpt": "text",
    },
)
_INSERT_REJECTED = StagedStatement(
    _REJECTED,
    """
    WITH incoming AS {incoming}
    INSERT INTO rejected_records (tenant_id, connection_id, sync_run_id, first_seen_at, {columns})
    SELECT %(tenant_id)s, %(connection_id)s, %(sync_run_id)s, %(at)s, {columns} FROM incoming ORDER BY id
    ON CONFLICT (tenant_id, connection_id, mark) WHERE resolved_at IS NULL DO NOTHING
    """,
    columns=sql.SQL(", ").join(map(sql.Identifier, _REJECTED.columns)),
)


def _mark(record: RejectedRecord) -> bytes:
    text = "\x1f".join((record.kind, record.reason, record.field, record.provider_id or "", record.redacted_excerpt))
    return sha256(text.encode()).digest()[:16]


async def insert_rejected(
    tx: Transaction,
    tenant_id: UUID,
    records: Sequence[RejectedRecord],
    *,
    connection_id: UUID,
    sync_run_id: UUID,
    at: datetime,
) -> int:
    """Keep what could not be read; a record that is already kept and still open is not kept twice. Return how many."""
    staged = await stage(
        tx,
        _REJECTED,
        (
            (
                record_id,
                _mark(record),
                record.kind.value,
                record.reason.value,
                record.field,
                record.provider_id,
                record.line,
                record.redacted_excerpt[:200],
            )
            for record_id, record in zip(new_ids(len(records)), records, strict=True)
        ),
    )
    done = await staged.execute(
        _INSERT_REJECTED,
        {"tenant_id": tenant_id, "connection_id": connection_id, "sync_run_id": sync_run_id, "at": at},
    )
    return done.rowcount


async def resolve_rejected(
    tx: Transaction, tenant_id: UUID, provider_ids: Sequence[str], *, connection_id: UUID, at: datetime
) -> int:
    """Close what could not be read once and now was; return how many."""
    open_ones = await tx.execute(
        "SELECT 1 FROM rejected_records WHERE tenant_id = %s AND connection_id = %s AND resolved_at IS NULL LIMIT 1",
        [tenant_id, connection_id],
    )
    if await open_ones.fetchone() is None:
        return 0
    done = await tx.execute(
        """
        UPDATE rejected_records SET resolved_at = %s
        WHERE tenant_id = %s AND connection_id = %s AND provider_id = ANY(%s) AND resolved_at IS NULL
        """,
        [at, tenant_id, connection_id, list(provider_ids)],
    )
    return done.rowcount


async def list_rejected(
    tx: Transaction, tenant_id: UUID, *, connection_id: UUID | None = None, limit: int = 100, offset: int = 0
) -> list[dict[str, object]]:
    """Return what could not be read and is still open, the newest first."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            SELECT id, connection_id, sync_run_id, kind, reason, field, provider_id, line, excerpt, first_seen_at
            FROM rejected_records
            WHERE tenant_id = %(tenant_id)s AND resolved_at IS NULL
                AND (%(connection_id)s::uuid IS NULL OR connection_id = %(connection_id)s)
            ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
            """,
            {"tenant_id": tenant_id, "connection_id": connection_id, "limit": limit, "offset": offset},
        )
        return await cursor.fetchall()


async def count_rejected(tx: Transaction, tenant_id: UUID, *, connection_id: UUID | None = None) -> int:
    """Return how many records could not be read and are still open."""
    counted = await tx.execute(
        """
        SELECT count(*) FROM rejected_records
        WHERE tenant_id = %(tenant_id)s AND resolved_at IS NULL
            AND (%(connection_id)s::uuid IS NULL OR connection_id = %(connection_id)s)
        """,
        {"tenant_id": tenant_id, "connection_id": connection_id},
    )
    row = await counted.fetchone()
    return int(row[0]) if row else 0
