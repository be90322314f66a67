"""What is kept, sealed, of who owns an account?"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedOwners:
    """The row of one account."""

    connection_id: UUID
    sealed: bytes
    stored_at: datetime


async def find_owners(tx: Transaction, tenant_id: UUID, account_id: UUID) -> SealedOwners | None:
    """Return what is kept of an account's owners; None when nothing is."""
    async with tx.cursor(row_factory=class_row(SealedOwners)) as cursor:
        await cursor.execute(
            "SELECT connection_id, sealed, stored_at FROM account_owners WHERE tenant_id = %s AND account_id = %s",
            [tenant_id, account_id],
        )
        return await cursor.fetchone()


async def store_owners(
    tx: Transaction,
    tenant_id: UUID,
    account_id: UUID,
    *,
    connection_id: UUID,
    key_id: str,
    sealed: bytes,
    at: datetime,
) -> None:
    """Keep what is known of an account's owners in place of what was."""
    await tx.execute(
        """
        INSERT INTO account_owners (tenant_id, account_id, connection_id, key_id, sealed, stored_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET connection_id = excluded.connection_id,
            key_id = excluded.key_id, sealed = excluded.sealed, stored_at = excluded.stored_at
        """,
        [tenant_id, account_id, connection_id, key_id, sealed, at],
    )
