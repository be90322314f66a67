"""Who did what, and what came of it? (Written once; the application's role can neither change nor delete it.)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from bursar.domain.audit import AuditEvent, AuditEventType, AuditLink
from bursar.domain.ids import new_id
from bursar.storage.unit_of_work import Transaction

_WANTED = sql.SQL(
    """
    tenant_id = %(tenant_id)s AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s)
    AND (%(event_types)s::text[] IS NULL OR event_type = ANY(%(event_types)s))
    """
)
_PAGE = sql.SQL(
    """
    SELECT id, occurred_at, event_type, subject_id, actor_user_id, data FROM audit_events
    WHERE {} AND (%(before_id)s::uuid IS NULL OR id < %(before_id)s) AND tenant_id = %(tenant_id)s
    ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
    """
).format(_WANTED)
_COUNT = sql.SQL("SELECT count(*) FROM audit_events WHERE {} AND tenant_id = %(tenant_id)s").format(_WANTED)


async def insert_event(
    tx: Transaction,
    tenant_id: UUID,
    event_type: AuditEventType,
    *,
    subject_id: UUID,
    actor_user_id: UUID | None,
    data: Mapping[str, object],
    at: datetime,
) -> None:
    """Keep an event, in the transaction of what it tells of: the one is never there without the other.

    `data` holds ids, amounts as text, counts, codes and the reason that a user gave; no secrets, no account numbers, no
    names of people and no words of a provider's.
    """
    await tx.execute(
        """
        INSERT INTO audit_events (tenant_id, id, occurred_at, event_type, subject_id, actor_user_id, data)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [tenant_id, new_id(), at, event_type.value, subject_id, actor_user_id, Jsonb(dict(data))],
    )


async def list_events(
    tx: Transaction,
    tenant_id: UUID,
    *,
    subject_id: UUID | None = None,
    event_types: Sequence[str] = (),
    before_id: UUID | None = None,
    limit: int,
    offset: int = 0,
) -> list[AuditEvent]:
    """Return a page of events, the newest first; `before_id` goes on behind an event that was seen."""
    arguments = _arguments(tenant_id, subject_id, event_types)
    async with tx.cursor(row_factory=class_row(AuditEvent)) as cursor:
        await cursor.execute(_PAGE, arguments | {"before_id": before_id, "limit": limit, "offset": offset})
        return await cursor.fetchall()


async def find_head(tx: Transaction, tenant_id: UUID) -> tuple[int, bytes | None]:
    """Return how many events are in the tenant's chain, and the hash of its last link."""
    found = await tx.execute("SELECT length, hash FROM audit_heads WHERE tenant_id = %s", [tenant_id])
    row = await found.fetchone()
    return (int(row[0]), bytes(row[1])) if row is not None else (0, None)


async def list_links(tx: Transaction, tenant_id: UUID) -> list[AuditLink]:
    """Return every link of the tenant's chain, in order, beside what its event says now."""
    async with tx.cursor(row_factory=class_row(AuditLink)) as cursor:
        await cursor.execute(
            """
            SELECT l.position, l.event_id, l.hash, CASE WHEN e.id IS NOT NULL THEN audit_digest(e) END AS digest
            FROM audit_links l LEFT JOIN audit_events e ON e.tenant_id = l.tenant_id AND e.id = l.event_id
            WHERE l.tenant_id = %s ORDER BY l.position
            """,
            [tenant_id],
        )
        return await cursor.fetchall()


async def count_unlinked(tx: Transaction, tenant_id: UUID) -> int:
    """Return how many events have no link and are younger than the first that has one."""
    found = await tx.execute(
        """
        SELECT count(*) FROM audit_events e
        WHERE e.tenant_id = %(tenant_id)s
            AND e.id > (SELECT event_id FROM audit_links WHERE tenant_id = %(tenant_id)s AND position = 1)
            AND NOT EXISTS (SELECT FROM audit_links l WHERE l.tenant_id = e.tenant_id AND l.event_id = e.id)
        """,
        {"tenant_id": tenant_id},
    )
    row = await found.fetchone()
    return int(row[0]) if row else 0


async def count_events(
    tx: Transaction, tenant_id: UUID, *, subject_id: UUID | None = None, event_types: Sequence[str] = ()
) -> int:
    """Return how many events there are."""
    counted = await tx.execute(_COUNT, _arguments(tenant_id, subject_id, event_types))
    total = await counted.fetchone()
    return int(total[0]) if total else 0


def _arguments(tenant_id: UUID, subject_id: UUID | None, event_types: Sequence[str]) -> dict[str, object]:
    return {"tenant_id": tenant_id, "subject_id": subject_id, "event_types": list(event_types) or None}
