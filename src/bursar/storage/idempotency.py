"""Which requests has a caller sent before under a key of its own, and what was the answer?"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A use of a key; without `status`, the request that took it has not ended (or its process died)."""

    request_mark: bytes
    status: int | None
    location: str | None
    body: bytes | None = field(repr=False)
    """Sealed; None while the request runs."""
    created_at: datetime


async def take_key(
    tx: Transaction, tenant_id: UUID, scope: str, key: str, *, request_mark: bytes, at: datetime, stale_before: datetime
) -> bool:
    """Reserve a key; True when it is free, or when whoever took it without an answer did so before `stale_before`."""
    done = await tx.execute(
        """
        INSERT INTO idempotency_keys (tenant_id, scope, key, request_mark, created_at)
        VALUES (%(tenant_id)s, %(scope)s, %(key)s, %(mark)s, %(at)s)
        ON CONFLICT (tenant_id, scope, key) DO UPDATE SET created_at = excluded.created_at
        WHERE idempotency_keys.status IS NULL AND idempotency_keys.created_at < %(stale_before)s
            AND idempotency_keys.request_mark = excluded.request_mark
        """,
        {
            "tenant_id": tenant_id,
            "scope": scope,
            "key": key,
            "mark": request_mark,
            "at": at,
            "stale_before": stale_before,
        },
    )
    return done.rowcount == 1


async def find_key_record(tx: Transaction, tenant_id: UUID, scope: str, key: str) -> KeyRecord | None:
    """Return the use of a key; None when it is free."""
    async with tx.cursor(row_factory=class_row(KeyRecord)) as cursor:
        await cursor.execute(
            """
            SELECT request_mark, status, location, body, created_at FROM idempotency_keys
            WHERE tenant_id = %s AND scope = %s AND key = %s
            """,
            [tenant_id, scope, key],
        )
        return await cursor.fetchone()


async def store_answer(
    tx: Transaction, tenant_id: UUID, scope: str, key: str, *, status: int, location: str | None, body: bytes
) -> None:
    """Keep the answer (sealed) of the request that took a key."""
    await tx.execute(
        """
        UPDATE idempotency_keys SET status = %s, location = %s, body = %s
        WHERE tenant_id = %s AND scope = %s AND key = %s
        """,
        [status, location, body, tenant_id, scope, key],
    )


async def release_key(tx: Transaction, tenant_id: UUID, scope: str, key: str) -> None:
    """Make a key free again whose request changed nothing."""
    await tx.execute(
        "DELETE FROM idempotency_keys WHERE tenant_id = %s AND scope = %s AND key = %s AND status IS NULL",
        [tenant_id, scope, key],
    )


async def delete_old_keys(tx: Transaction, tenant_id: UUID, *, before: datetime) -> int:
    """Forget the uses of keys from before an instant; return how many."""
    done = await tx.execute(
        "DELETE FROM idempotency_keys WHERE tenant_id = %s AND created_at < %s", [tenant_id, before]
    )
    return done.rowcount
