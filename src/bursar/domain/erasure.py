"""What is left of a tenant that was erased, and what must a person know who asked for it?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

NOT_REVOKED = "not_revoked_upstream"
"""The code of a disconnected connection whose provider could not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRevoked:
    """An access that may still exist at a provider, although we can use it no more: the user withdraws it there."""

    provider: str
    code: str
    """Why the provider was not told, from the closed list of provider errors, or `not_revoked_upstream`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureProof:
    """That a tenant was erased: counts, codes and digests, and nothing about anybody."""

    id: UUID
    erased_at: datetime
    row_counts: Mapping[str, int]
    """Rows that were deleted, by table."""
    revoked_count: int
    """Accesses that their providers have withdrawn, those of earlier disconnections included."""
    not_revoked: tuple[NotRevoked, ...]
    audit_length: int
    """How many events the audit trail had in its chain."""
    audit_hash: str | None
    """The head of that chain, as hex: an exported trail can still be proven with it. None: there was no event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionErasureProof:
    """That what one connection has told of was erased: an event of its tenant's audit trail, with its link there."""

    id: UUID
    """Of the event."""
    connection_id: UUID
    provider: str
    erased_at: datetime
    actor_user_id: UUID | None
    """Who erased it."""
    account_count: int
    transaction_count: int
    revoked_upstream: str | None
    """What became of the access at the provider: `yes`, `no`, or `nothing_to_revoke`; None where nobody noted it."""
    not_revoked_code: str | None
    """Why the provider was not told; None where it was, or where there was nothing to tell."""
    audit_position: int | None
    """Which event of the trail it is, from 1; None for one from before the trail was chained."""
    audit_hash: str | None
    """The chain's hash up to this event, as hex."""


def tenant_mark(tenant_id: UUID) -> bytes:
    """Return the digest under which a tenant's proof is found; it tells nobody the id."""
    return sha256(str(tenant_id).encode()).digest()
