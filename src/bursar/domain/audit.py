"""What is kept for ever of what was done, and how does one see that nothing of it was changed?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLink:
    """One link of a tenant's chain, beside what its event says now."""

    position: int
    """From 1, without gaps."""
    event_id: UUID
    hash: bytes
    """SHA-256 of the hash before and of the event's digest, as it was when the event was written."""
    digest: bytes | None
    """Of what the event says now; None when the event is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding:
    """What a check of the audit trail found."""

    length: int
    """Links that hold."""
    head: str | None
    """Hash of the last link, as hex. Note it elsewhere: who rewrites the whole chain cannot rewrite the note."""
    broken_at: int | None
    """Position of the first link that does not hold; None: all do."""


def check_chain(
    links: Iterable[AuditLink], *, length: int, head: bytes | None, unlinked_count: int = 0
) -> ChainFinding:
    """Return whether each link follows from the one before and from its event, up to the stored head.

    Args:
        links: in the order of their positions.
        length: of the stored head.
        head: the stored head; None when there is none.
        unlinked_count: events without a link that are younger than the first one with a link: slipped in.
    """
    hash_before = b""
    position = 0
    for link in links:
        if link.position != position + 1 or link.digest is None:
            return ChainFinding(length=position, head=hash_before.hex() or None, broken_at=position + 1)
        if sha256(hash_before + link.digest).digest() != link.hash:
            return ChainFinding(length=position, head=hash_before.hex() or None, broken_at=position + 1)
        hash_before, position = link.hash, position + 1
    holds = position == length and hash_before == (head or b"") and not unlinked_count
    return ChainFinding(length=position, head=hash_before.hex() or None, broken_at=None if holds else position + 1)


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
