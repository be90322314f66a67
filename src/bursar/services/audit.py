"""What was done in a tenant, by whom, and why?"""

from collections.abc import Sequence
from uuid import UUID

from bursar.domain.audit import AuditEvent, ChainFinding, check_chain
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

    async def check(self, tenant_id: UUID) -> ChainFinding:
        """Return whether nothing of the trail was changed, dropped or slipped in since it was written.

        Events from before the chain was introduced are not in it.
        """
        async with self._database.transaction(tenant_id) as tx:
            # The head first: what is written meanwhile comes behind it, and is left for the next check.
            length, head = await audit.find_head(tx, tenant_id)
            links = [link for link in await audit.list_links(tx, tenant_id) if link.position <= length]
            unlinked = await audit.count_unlinked(tx, tenant_id)
        return check_chain(links, length=length, head=head, unlinked_count=unlinked)

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
