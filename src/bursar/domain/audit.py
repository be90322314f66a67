"""What is kept for ever of what was done, and how does one see that nothing of it was changed?"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary

MAX_REASON = 200
"""Characters of a reason at most."""


class AuditEventType(Vocabulary):
    """What is kept of: money that moves, people's data that is read, and data that is destroyed."""

    TRANSFER_STAGED = "transfer.staged"
    TRANSFER_CONFIRMED = "transfer.confirmed"
    TRANSFER_CANCELLED = "transfer.cancelled"
    TRANSFER_EXPIRED = "transfer.expired"
    TRANSFER_REJECTED = "transfer.rejected"
    """A limit of ours said no."""
    TRANSFER_REQUESTED = "transfer.requested"
    """Written with the reservation, before the provider is asked."""
    TRANSFER_COMPLETED = "transfer.completed"
    TRANSFER_FAILED = "transfer.failed"
    TRANSFER_OUTCOME_UNKNOWN = "transfer.outcome_unknown"
    TRANSFER_FOUND = "transfer.found"
    """An unknown one was found at the provider."""
    TRANSFER_NOT_FOUND = "transfer.not_found"
    """An unknown one has not happened; its reservation was given back."""
    OWNERS_REQUESTED = "owners.requested"
    """Written before the provider is asked for the owners of an account, which opens the connection's credentials."""
    OWNERS_STORED = "owners.stored"
    OWNERS_NOT_OBTAINED = "owners.not_obtained"
    OWNERS_READ = "owners.read"
    """Written with each answer that shows who owns an account, also when nothing is known."""
    RETENTION_CHANGED = "retention.changed"
    RETENTION_PREVIEWED = "retention.previewed"
    """A dry run: counted, nothing destroyed."""
    RETENTION_APPLIED = "retention.applied"
    CONNECTION_LEFT = "connection.left"
    """Disconnected; `revoked_upstream` says whether the provider knows."""
    CONNECTION_ERASED = "connection.erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One thing that was done or that happened: written once, never changed."""

    id: UUID
    occurred_at: datetime
    event_type: str
    subject_id: UUID
    """What it is about: a transfer, an account, a connection, a run. It may exist in its events only."""
    actor_user_id: UUID | None
    """None: the platform itself, looking after what was left open or what is due."""
    data: dict[str, object]


def check_reason(reason: str | None) -> str | None:
    """Return what is wrong with the reason that somebody gives for reading people's data; None when it will do."""
    text = (reason or "").strip()
    if not text:
        return "Say why: the reason is kept in the audit trail."
    if len(text) > MAX_REASON:
        return f"At most {MAX_REASON} characters."
    if not text.isprintable():
        return "One line of printable characters."
    return None
