"""What was done in a tenant, by whom, and why?"""

from collections.abc import Sequence
from uuid import UUID

from bursar.domain.audit import AuditEvent
from bursar.storage import audit
from bursar.storage.unit_of_work import Database


class AuditService:
    """The trail of what was done; it is written by the use cases, each in its own transaction, and only read here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_events(
        self,
        tenant_id: UUID,
        *,
        subject_id: UUID | None = None,
        event_types: Sequence[str] = (),
        limit: int,
        offset: int = 0,
    ) -> tuple[list[AuditEvent], int]:
        """Return a page of events, the newest first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            listed = await audit.list_events(
                tx, tenant_id, subject_id=subject_id, event_types=event_types, limit=limit, offset=offset
            )
            return listed, await audit.count_events(tx, tenant_id, subject_id=subject_id, event_types=event_types)

    async def list_before(
        self,
        tenant_id: UUID,
        *,
        subject_id: UUID | None = None,
        event_types: Sequence[str] = (),
        before_id: UUID | None,
        limit: int,
    ) -> list[AuditEvent]:
        """Return the events behind one that was seen (None: from the newest on), the newest first."""
        async with self._database.transaction(tenant_id) as tx:
            return await audit.list_events(
                tx, tenant_id, subject_id=subject_id, event_types=event_types, before_id=before_id, limit=limit
            )
