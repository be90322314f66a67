"""What of retention goes over the wire?"""

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from bursar.domain.retention import MAX_DAYS, RetentionPolicy, RetentionRun
from bursar.server.schemas.base import Instant, Out


class PolicyBody(BaseModel):
    """How long a subject is kept."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    keep_days: Annotated[int, Field(ge=1, le=MAX_DAYS, strict=True)]


class RetentionRunBody(BaseModel):
    """Whether to count only."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dry_run: Annotated[bool, Field(strict=True)] = True
    """True, also without it, counts; only false destroys."""


class PolicyOut(Out):
    """A tenant's rule for one subject."""

    subject: str
    keep_days: int
    changed_by: UUID | None
    changed_at: Instant

    @classmethod
    def of(cls, policy: RetentionPolicy) -> Self:
        """Return the wire form."""
        return cls(
            subject=policy.subject.value,
            keep_days=policy.keep_days,
            changed_by=policy.changed_by,
            changed_at=policy.changed_at,
        )


class RetentionRunOut(Out):
    """What a run has forgotten, or would."""

    id: UUID
    dry_run: bool
    finished_at: Instant
    policies: list[PolicyOut]
    account_count: int
    """Accounts whose owners go."""
    row_count: int
    """Rows whose texts go."""
    raw_count: int
    change_count: int
    excerpt_count: int

    @classmethod
    def of(cls, run: RetentionRun) -> Self:
        """Return the wire form."""
        return cls(
            id=run.id,
            dry_run=run.is_dry_run,
            finished_at=run.finished_at,
            policies=[PolicyOut.of(policy) for policy in run.policies],
            account_count=run.counts.account_count,
            row_count=run.counts.row_count,
            raw_count=run.counts.raw_count,
            change_count=run.counts.change_count,
            excerpt_count=run.counts.excerpt_count,
        )
