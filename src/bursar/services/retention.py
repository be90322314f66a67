"""What is forgotten by age, when, and who can tell afterwards that it was?

Nothing by default: without a policy everything is kept until it is erased. Texts of rows are forgotten for ever, in
batches, each with the locks of those who write rows: a reading that tells the same rows again finds them by the digests
of its own words, and writes nothing.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from bursar.domain.audit import AuditEventType
from bursar.domain.failures import Invalid, NotFound
from bursar.domain.ids import new_id
from bursar.domain.result import Failure, Result, Success
from bursar.domain.retention import (
    MAX_DAYS,
    RetentionCounts,
    RetentionPolicy,
    RetentionRun,
    RetentionSubject,
    first_day_to_keep,
)
from bursar.domain.time import Clock
from bursar.storage import accounts, audit, retention
from bursar.storage.unit_of_work import Database

BATCH = 5_000
"""Rows whose texts are forgotten in one transaction."""


class RetentionService:
    """Policies of a tenant, their dry run and their application."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH) -> None:
        """`batch` is how many rows one transaction changes."""
        self._database = database
        self._clock = clock
        self._batch = batch

    async def list_policies(self, tenant_id: UUID) -> list[RetentionPolicy]:
        """Return a tenant's policies, by subject; a subject without one is kept until it is erased."""
        async with self._database.transaction(tenant_id) as tx:
            return await retention.list_policies(tx, tenant_id)

    async def set_policy(
        self, tenant_id: UUID, user_id: UUID, subject: RetentionSubject, *, keep_days: int
    ) -> Result[RetentionPolicy, Invalid]:
        """Say how long a subject is kept. Nothing goes at once: the next run applies it, each night by itself."""
        if not 1 <= keep_days <= MAX_DAYS:
            return Failure(Invalid(field="keep_days", message=f"1 to {MAX_DAYS} days.", code="range"))
        policy = RetentionPolicy(subject=subject, keep_days=keep_days, changed_by=user_id, changed_at=self._clock.now())
        async with self._database.transaction(tenant_id) as tx:
            await retention.store_policy(tx, tenant_id, policy)
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.RETENTION_CHANGED,
                subject_id=tenant_id,
                actor_user_id=user_id,
                data={"subject": subject.value, "keep_days": keep_days},
                at=policy.changed_at,
            )
        return Success(policy)

    async def remove_policy(self, tenant_id: UUID, user_id: UUID, subject: RetentionSubject) -> Result[None, NotFound]:
        """Let a subject be kept until it is erased; what was forgotten stays so."""
        async with self._database.transaction(tenant_id) as tx:
            if not await retention.delete_policy(tx, tenant_id, subject):
                return Failure(NotFound(what="retention policy"))
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.RETENTION_CHANGED,
                subject_id=tenant_id,
                actor_user_id=user_id,
                data={"subject": subject.value, "keep_days": "until erased"},
                at=self._clock.now(),
            )
        return Success(None)

    async def run(
        self, tenant_id: UUID, user_id: UUID | None = None, *, dry_run: bool
    ) -> Result[RetentionRun, NotFound]:
        """Apply every policy of a tenant, or count what that would do; either way an audit event says what came of it.

        Safe to break off and to call again: each batch is a transaction of its own. `user_id` None is the platform
        itself.
        """
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            policies = await retention.list_policies(tx, tenant_id)
        counts = RetentionCounts()
        for policy in policies:
            found = await (self._count if dry_run else self._apply)(tenant_id, policy, now)
            counts = counts.plus(found)
        done = RetentionRun(
            id=new_id(), is_dry_run=dry_run, finished_at=self._clock.now(), policies=tuple(policies), counts=counts
        )
        async with self._database.transaction(tenant_id) as tx:
            if not await retention.lock_tenant(tx, tenant_id):
                return Failure(NotFound(what="tenant"))
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.RETENTION_PREVIEWED if dry_run else AuditEventType.RETENTION_APPLIED,
                subject_id=done.id,
                actor_user_id=user_id,
                data={policy.subject.value: policy.keep_days for policy in policies} | asdict(counts),
                at=done.finished_at,
            )
        return Success(done)

    async def list_due(self) -> list[UUID]:  # lint: allow tenant-first - who has a policy, over all tenants
        """Return every tenant that has a policy; the scheduler runs each by itself."""
        async with self._database.transaction_across_tenants() as tx:
            return await retention.list_tenants(tx)

    async def _count(self, tenant_id: UUID, policy: RetentionPolicy, now: datetime) -> RetentionCounts:
        async with self._database.transaction(tenant_id) as tx:
            match policy.subject:
                case RetentionSubject.IDENTITY:
                    return await retention.count_owners(tx, tenant_id, stored_before=_before(policy, now))
                case RetentionSubject.TRANSACTION_TEXTS:
                    day = first_day_to_keep(policy, now)
                    return await retention.count_texts(tx, tenant_id, booked_before=day)

    async def _apply(self, tenant_id: UUID, policy: RetentionPolicy, now: datetime) -> RetentionCounts:
        match policy.subject:
            case RetentionSubject.IDENTITY:
                async with self._database.transaction(tenant_id) as tx:
                    return await retention.delete_owners(tx, tenant_id, stored_before=_before(policy, now))
            case RetentionSubject.TRANSACTION_TEXTS:
                return await self._forget_texts(tenant_id, policy, now)

    async def _forget_texts(self, tenant_id: UUID, policy: RetentionPolicy, now: datetime) -> RetentionCounts:
        day = first_day_to_keep(policy, now)
        async with self._database.transaction(tenant_id) as tx:
            total = await retention.forget_excerpts(tx, tenant_id, seen_before=day)
        last: UUID | None = retention.NIL
        while last is not None:
            async with self._database.transaction(tenant_id) as tx:
                # Whoever writes rows decides by what it has read of them: it must not read before this and write after.
                await accounts.lock_accounts(tx, tenant_id, None)
                last, counts = await retention.forget_texts(
                    tx, tenant_id, booked_before=day, after_id=last, batch=self._batch, at=now
                )
            total = total.plus(counts)
        return total


def _before(policy: RetentionPolicy, now: datetime) -> datetime:
    return now - timedelta(days=policy.keep_days)
