"""What of the audit trail goes over the wire?"""

from typing import Self
from uuid import UUID

from bursar.domain.audit import AuditEvent
from bursar.server.schemas.base import Instant, Out


class AuditEventOut(Out):
    """One thing that was done, by whom, with what outcome."""

    id: UUID
    occurred_at: Instant
    event_type: str
    subject_id: UUID
    """What it is about: a transfer, an account, a connection, a run; it may exist in its events only."""
    actor_user_id: UUID | None
    """Null: the platform itself."""
    data: dict[str, str]

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        """Return the wire form."""
        return cls(
            id=event.id,
            occurred_at=event.occurred_at,
            event_type=event.event_type,
            subject_id=event.subject_id,
            actor_user_id=event.actor_user_id,
            data={name: str(value) for name, value in event.data.items()},
        )
