"""Through what is each account read, and what does that tell of its identity?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSource:
    """Through what an account is read: one account of one connection, while it lasts."""

    id: UUID
    account_id: UUID
    connection_id: UUID
    provider_slug: str
    provider_account_id: str
    persistent_id: str | None
    identity_hash: str | None
    valid_until: datetime | None
    listed_at: datetime | None
    """When the newest listing of its rows was true; None when it never listed them all."""
    account_type: str
    account_number_masked: str
    currency: str
    name: str
    institution_timezone: str | None
    """IANA zone of the account's institution, whoever has told it; None when unknown."""
    is_file: bool


_SOURCE: LiteralString = """
    SELECT s.id, s.account_id, s.connection_id, s.provider_slug, s.provider_account_id, s.persistent_id,
        s.identity_hash, s.valid_until, s.listed_at, a.account_type, a.account_number_masked, a.currency, a.name,
        a.institution_timezone, p.credential_type = 'file_import' AS is_file
    FROM account_sources s JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
    JOIN providers p ON p.slug = s.provider_slug
    WHERE s.tenant_id = %(tenant_id)s AND
"""
_OF_CONNECTION = sql.SQL(_SOURCE) + sql.SQL(
    """
    s.account_id IN (
        SELECT account_id FROM account_sources
        WHERE tenant_id = %(tenant_id)s AND connection_id = %(connection_id)s)
    ORDER BY s.id
    """
)
_OF_ACCOUNTS = sql.SQL(_SOURCE) + sql.SQL("s.account_id = ANY(%(account_ids)s) ORDER BY s.id")
_OF_IDENTITY = sql.SQL(_SOURCE) + sql.SQL(
    """
    (s.identity_hash = ANY(%(identity_hashes)s) OR s.provider_account_id = ANY(%(hashed_ids)s)
        OR s.provider_slug = %(provider_slug)s AND s.persistent_id = ANY(%(persistent_ids)s))
    ORDER BY s.valid_until DESC NULLS FIRST, s.valid_from DESC, s.id
    """
)


async def list_sources(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> list[AccountSource]:
    """Return every source of a connection, the ended ones included, and the others of the accounts that it reads."""
    async with tx.cursor(row_factory=class_row(AccountSource)) as cursor:
        await cursor.execute(
            _OF_CONNECTION,
            {"tenant_id": tenant_id, "connection_id": connection_id},
        )
        return await cursor.fetchall()


async def list_sources_of_accounts(
    tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID]
) -> list[AccountSource]:
    """Return every source of some accounts, at whatever connection, the ended ones included."""
    if not account_ids:
        return []
    async with tx.cursor(row_factory=class_row(AccountSource)) as cursor:
        await cursor.execute(
            _OF_ACCOUNTS,
            {"tenant_id": tenant_id, "account_ids": list(account_ids)},
        )
        return await cursor.fetchall()


async def list_matching_sources(
    tx: Transaction,
    tenant_id: UUID,
    *,
    identity_hashes: Sequence[str],
    hashed_ids: Sequence[str],
    provider_slug: str,
    persistent_ids: Sequence[str],
) -> list[AccountSource]:
    """Return the sources, at any connection, that share an identity with accounts that are being read.

    Args:
        tx: the transaction.
        tenant_id: whose sources.
        identity_hashes: keyed hashes of full numbers.
        hashed_ids: keyed hashes under which files name their accounts.
        provider_slug: whose persistent ids are comparable.
        persistent_ids: ids that the provider keeps across consents.
    """
    if not (identity_hashes or hashed_ids or persistent_ids):
        return []
    async with tx.cursor(row_factory=class_row(AccountSource)) as cursor:
        await cursor.execute(
            _OF_IDENTITY,
            {
                "tenant_id": tenant_id,
                "identity_hashes": list(identity_hashes),
                "hashed_ids": list(hashed_ids),
                "provider_slug": provider_slug,
                "persistent_ids": list(persistent_ids),
            },
        )
        return await cursor.fetchall()


async def insert_source(
    tx: Transaction,
    tenant_id: UUID,
    source_id: UUID,
    *,
    account_id: UUID,
    connection_id: UUID,
    provider_slug: str,
    provider_account_id: str,
    persistent_id: str | None,
    identity_hash: str | None,
    at: datetime,
) -> None:
    """Join an account to what it is read through."""
    await tx.execute(
        """
        INSERT INTO account_sources (tenant_id, id, account_id, connection_id, provider_slug, provider_account_id,
            persistent_id, identity_hash, valid_from) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            tenant_id,
            source_id,
            account_id,
            connection_id,
            provider_slug,
            provider_account_id,
            persistent_id,
            identity_hash,
            at,
        ],
    )


async def identify_source(
    tx: Transaction, tenant_id: UUID, source_id: UUID, *, persistent_id: str | None, identity_hash: str | None
) -> None:
    """Keep what a source has begun to tell of its account's identity."""
    await tx.execute(
        "UPDATE account_sources SET persistent_id = %s, identity_hash = %s WHERE tenant_id = %s AND id = %s",
        [persistent_id, identity_hash, tenant_id, source_id],
    )


async def record_listings(tx: Transaction, tenant_id: UUID, source_ids: Sequence[UUID], as_of: datetime) -> None:
    """Keep when the newest listing of file sources was true; an older one changes nothing."""
    await tx.execute(
        """
        UPDATE account_sources SET listed_at = %(as_of)s
        WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s) AND (listed_at IS NULL OR listed_at < %(as_of)s)
        """,
        {"tenant_id": tenant_id, "ids": list(source_ids), "as_of": as_of},
    )


async def end_sources(tx: Transaction, tenant_id: UUID, source_ids: Sequence[UUID], at: datetime) -> None:
    """Mark sources as ended: their evidence stays, and may be found again under new ids."""
    await tx.execute(
        """
        UPDATE account_sources SET valid_until = %s
        WHERE tenant_id = %s AND id = ANY(%s) AND valid_until IS NULL
        """,
        [at, tenant_id, list(source_ids)],
    )


async def reopen_source(tx: Transaction, tenant_id: UUID, source_id: UUID) -> None:
    """An ended source is listed again."""
    await tx.execute(
        "UPDATE account_sources SET valid_until = NULL WHERE tenant_id = %s AND id = %s", [tenant_id, source_id]
    )
