"""Which files were imported?"""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from bursar.storage.unit_of_work import Transaction


async def insert_import(
    tx: Transaction,
    tenant_id: UUID,
    import_id: UUID,
    *,
    connection_id: UUID,
    sync_run_id: UUID,
    provider_slug: str,
    file_name: str,
    file_digest: bytes,
    file_size: int,
    format_name: str,
    period_start: date | None,
    period_end: date | None,
    result: Mapping[str, object],
    at: datetime,
) -> None:
    """Record an import: what file, into which connection, with what result."""
    await tx.execute(
        """
        INSERT INTO imports (tenant_id, id, connection_id, sync_run_id, provider_slug, file_name, file_digest,
            file_size, format_name, period_start, period_end, result, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            tenant_id,
            import_id,
            connection_id,
            sync_run_id,
            provider_slug,
            file_name[:255],
            file_digest,
            file_size,
            format_name,
            period_start,
            period_end,
            Jsonb(dict(result)),
            at,
        ],
    )


async def list_imports(
    tx: Transaction, tenant_id: UUID, *, limit: int, offset: int
) -> tuple[list[dict[str, object]], int]:
    """Return a page of imports, the newest first, and how many there are."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            SELECT id, connection_id, provider_slug, file_name, file_size, format_name, period_start, period_end,
                result, created_at
            FROM imports WHERE tenant_id = %s ORDER BY id DESC LIMIT %s OFFSET %s
            """,
            [tenant_id, limit, offset],
        )
        rows = await cursor.fetchall()
    counted = await tx.execute("SELECT count(*) FROM imports WHERE tenant_id = %s", [tenant_id])
    total = await counted.fetchone()
    return rows, int(total[0]) if total else 0


async def find_import(tx: Transaction, tenant_id: UUID, import_id: UUID) -> dict[str, object] | None:
    """Return an import; None when the tenant has no such."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            SELECT id, connection_id, provider_slug, file_name, file_size, format_name, period_start, period_end,
                result, created_at
            FROM imports WHERE tenant_id = %s AND id = %s
            """,
            [tenant_id, import_id],
        )
        return await cursor.fetchone()
