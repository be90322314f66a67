"""Who did what, and what came of it? (Written once; the application's role can neither change nor delete it.)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from bursar.domain.ids import new_id
from bursar.domain.transfers import AuditEvent, AuditEventType
from bursar.storage.unit_of_work import Transaction


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

    `data` holds ids, amounts as text and codes; no secrets, no account numbers and no words of a provider's.
    """
    await tx.execute(
        """
        INSERT INTO audit_events (tenant_id, id, occurred_at, event_type, subject_id, actor_user_id, data)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [tenant_id, new_id(), at, event_type.value, subject_id, actor_user_id, Jsonb(dict(data))],
    )


async def list_events(
    tx: Transaction, tenant_id: UUID, *, subject_id: UUID | None = None, limit: int, offset: int
) -> tuple[list[AuditEvent], int]:
    """Return a page of events, the newest first, and how many there are."""
    arguments = {"tenant_id": tenant_id, "subject_id": subject_id, "limit": limit, "offset": offset}
    async with tx.cursor(row_factory=class_row(AuditEvent)) as cursor:
        await cursor.execute(
            """
            SELECT id, occurred_at, event_type, subject_id, actor_user_id, data FROM audit_events
            WHERE tenant_id = %(tenant_id)s AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s)
            ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
            """,
            arguments,
        )
        events = await cursor.fetchall()
    counted = await tx.execute(
        """
        SELECT count(*) FROM audit_events
        WHERE tenant_id = %(tenant_id)s AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s)
        """,
        arguments,
    )
    total = await counted.fetchone()
    return events, int(total[0]) if total else 0
