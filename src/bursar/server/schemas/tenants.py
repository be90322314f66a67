"""What goes over the wire when a tenant ends?"""

from typing import ClassVar, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from bursar.domain.erasure import ErasureProof
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
