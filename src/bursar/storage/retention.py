"""What is older than its tenant wants it kept, and how does much of it go without stopping anybody else?"""

from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from bursar.domain.retention import RetentionCounts, RetentionPolicy, RetentionSubject
from bursar.storage.unit_of_work import Transaction

NIL = UUID(int=0)


async def list_policies(tx: Transaction, tenant_id: UUID) -> list[RetentionPolicy]:
    """Return a tenant's policies, by subject; what has none is kept."""
    found = await tx.execute(
        "SELECT subject, keep_days, changed_by, changed_at FROM retention_policies WHERE tenant_id = %s ORDER BY 1",
        [tenant_id],
    )
    return [
        RetentionPolicy(
            subject=RetentionSubject(subject), keep_days=keep_days, changed_by=changed_by, changed_at=changed_at
        )
        for subject, keep_days, changed_by, changed_at in await found.fetchall()
    ]


async def store_policy(tx: Transaction, tenant_id: UUID, policy: RetentionPolicy) -> None:
    """Keep a policy in place of the one before."""
    await tx.execute(
        """
        INSERT INTO retention_policies (tenant_id, subject, keep_days, changed_by, changed_at)
        VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (tenant_id, subject) DO UPDATE SET keep_days = excluded.keep_days,
            changed_by = excluded.changed_by, changed_at = excluded.changed_at
        """,
        [tenant_id, policy.subject.value, policy.keep_days, policy.changed_by, policy.changed_at],
    )


async def delete_policy(tx: Transaction, tenant_id: UUID, subject: RetentionSubject) -> bool:
    """Let a subject be kept until it is erased; False when it was so already."""
    done = await tx.execute(
        "DELETE FROM retention_policies WHERE tenant_id = %s AND subject = %s", [tenant_id, subject.value]
    )
    return done.rowcount == 1


async def list_tenants(tx: Transaction) -> list[UUID]:  # lint: allow tenant-first - who has a policy, over all tenants
    """Return every tenant that has a policy (for work that goes through all tenants, one by one)."""
    found = await tx.execute("SELECT DISTINCT tenant_id FROM retention_policies ORDER BY 1")
    return [tenant_id for (tenant_id,) in await found.fetchall()]


async def lock_tenant(tx: Transaction, tenant_id: UUID) -> bool:
    """Keep a tenant from being erased until commit; False when it is gone."""
    found = await tx.execute("SELECT 1 FROM tenants WHERE tenant_id = %s FOR KEY SHARE", [tenant_id])
    return await found.fetchone() is not None


async def count_owners(tx: Transaction, tenant_id: UUID, *, stored_before: datetime) -> RetentionCounts:
    """Return of how many accounts the owners were stored before an instant."""
    found = await tx.execute(
        "SELECT count(*) FROM account_owners WHERE tenant_id = %s AND stored_at < %s", [tenant_id, stored_before]
    )
    row = await found.fetchone()
    return RetentionCounts(account_count=int(row[0]) if row else 0)


async def delete_owners(tx: Transaction, tenant_id: UUID, *, stored_before: datetime) -> RetentionCounts:
    """Delete the owners that were stored before an instant."""
    done = await tx.execute(
        "DELETE FROM account_owners WHERE tenant_id = %s AND stored_at < %s", [tenant_id, stored_before]
    )
    return RetentionCounts(account_count=done.rowcount)


_DUE: LiteralString = """
    WITH due AS (
        SELECT id FROM transactions
        WHERE tenant_id = %(tenant_id)s AND transaction_date < %(before)s AND texts_removed_at IS NULL
            AND (status <> 'pending' OR removed_at IS NOT NULL)
    )
    SELECT (SELECT count(*) FROM due),
        (SELECT count(*) FROM source_records e JOIN due ON due.id = e.transaction_id
            WHERE e.tenant_id = %(tenant_id)s AND e.raw IS NOT NULL),
        (SELECT count(*) FROM outbox o JOIN due ON due.id = o.subject_id
            WHERE o.tenant_id = %(tenant_id)s AND o.type LIKE 'transaction.%%'
                AND (o.data #>> '{before,description}' <> '' OR o.data #>> '{after,description}' <> ''))
        + (SELECT count(*) FROM tombstones g JOIN due ON due.id = g.transaction_id
            WHERE g.tenant_id = %(tenant_id)s AND g.last_content ->> 'description' <> ''),
        (SELECT count(*) FROM rejected_records
            WHERE tenant_id = %(tenant_id)s AND first_seen_at < %(before)s AND excerpt <> '')
"""


async def count_texts(tx: Transaction, tenant_id: UUID, *, booked_before: date) -> RetentionCounts:
    """Return in how many places the texts of rows stand that were booked before a day."""
    found = await tx.execute(_DUE, {"tenant_id": tenant_id, "before": booked_before})
    row = await found.fetchone()
    if row is None:
        return RetentionCounts()
    return RetentionCounts(row_count=row[0], raw_count=row[1], change_count=row[2], excerpt_count=row[3])


async def forget_texts(
    tx: Transaction, tenant_id: UUID, *, booked_before: date, after_id: UUID, batch: int, at: datetime
) -> tuple[UUID | None, RetentionCounts]:
    """Forget the texts of the next rows behind an id; return the last one's id (None: there was none left), and counts.

    For ever: no later reading of a provider or a file brings them back.
    """
    found = await tx.execute(
        """
        SELECT last_id, row_count, raw_count, change_count
        FROM forget_texts(%(tenant_id)s, %(before)s, %(after_id)s, %(batch)s, %(at)s)
        """,
        {"tenant_id": tenant_id, "before": booked_before, "after_id": after_id, "batch": batch, "at": at},
    )
    row = await found.fetchone()
    if row is None or row[0] is None:
        return None, RetentionCounts()
    return row[0], RetentionCounts(row_count=row[1], raw_count=row[2], change_count=row[3])


async def forget_excerpts(tx: Transaction, tenant_id: UUID, *, seen_before: date) -> RetentionCounts:
    """Forget the excerpts of records that could not be read; that they could not stays known."""
    done = await tx.execute(
        "UPDATE rejected_records SET excerpt = '' WHERE tenant_id = %s AND first_seen_at < %s AND excerpt <> ''",
        [tenant_id, seen_before],
    )
    return RetentionCounts(excerpt_count=done.rowcount)
