"""What goes over the wire when a tenant ends?"""

from typing import ClassVar, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from bursar.domain.erasure import ConnectionErasureProof, ErasureProof
from bursar.server.schemas.base import Instant, Out


class ErasureBody(BaseModel):
    """That it is meant."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    confirm: Literal["erase everything"]


class NotRevokedOut(Out):
    """An access that may still exist at a provider: withdraw it there."""

    provider: str
    code: str


class ErasureOut(Out):
    """The proof that is left: counts, codes and digests, and nothing about anybody."""

    id: UUID
    erased_at: Instant
    row_counts: dict[str, int]
    revoked_count: int
    not_revoked: list[NotRevokedOut]
    audit_length: int
    audit_hash: str | None

    @classmethod
    def of(cls, proof: ErasureProof) -> Self:
        """Return the wire form."""
        return cls(
            id=proof.id,
            erased_at=proof.erased_at,
            row_counts=dict(proof.row_counts),
            revoked_count=proof.revoked_count,
            not_revoked=[NotRevokedOut(provider=each.provider, code=each.code) for each in proof.not_revoked],
            audit_length=proof.audit_length,
            audit_hash=proof.audit_hash,
        )


class ConnectionErasureOut(Out):
    """The proof that what one connection has told of was erased."""

    id: UUID
    """Of the audit event."""
    connection_id: UUID
    provider: str
    erased_at: Instant
    actor_user_id: UUID | None
    account_count: int
    transaction_count: int
    revoked_upstream: str | None
    """What became of the access at the provider: `yes`, `no`, or `nothing_to_revoke`; null where nobody noted it."""
    not_revoked_code: str | None
    """Why the provider was not told: withdraw the access there."""
    audit_position: int | None
    """Which event of the audit trail it is, from 1."""
    audit_hash: str | None
    """The trail's hash up to this event."""

    @classmethod
    def of(cls, proof: ConnectionErasureProof) -> Self:
        """Return the wire form."""
        return cls(
            id=proof.id,
            connection_id=proof.connection_id,
            provider=proof.provider,
            erased_at=proof.erased_at,
            actor_user_id=proof.actor_user_id,
            account_count=proof.account_count,
            transaction_count=proof.transaction_count,
            revoked_upstream=proof.revoked_upstream,
            not_revoked_code=proof.not_revoked_code,
            audit_position=proof.audit_position,
            audit_hash=proof.audit_hash,
        )
