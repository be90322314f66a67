"""Which accounts does a tenant have, and through what are they read?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from bursar.domain.accounts import Account
from bursar.storage.unit_of_work import Transaction

_SELECT: LiteralString = """
    SELECT a.id, a.name, a.account_type, a.provider_type, a.account_number_masked, a.currency, a.balance,
        a.balance_known, a.available_balance, a.cash_balance, a.credit_limit, a.balance_as_of, a.institution_name,
        a.institution_timezone, a.is_active, a.missing_since, s.last_synced_at,
        coalesce(s.connection_ids, '{}') AS connection_ids, a.version, a.created_at, a.updated_at
    FROM accounts a
    LEFT JOIN LATERAL (
        SELECT max(c.last_success_at) AS last_synced_at,
            array_agg(c.id ORDER BY s.valid_until NULLS FIRST, s.valid_from DESC) AS connection_ids
        FROM account_sources s JOIN connections c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id
        WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id
    ) s ON true
    WHERE a.tenant_id = %(tenant_id)s
"""


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
    is_file: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What a source says of an account now, ready to be stored; None of a balance means that it is unknown."""

    name: str
    account_type: str
    provider_type: str | None
    account_number_masked: str
    currency: str
    balance: Decimal
    balance_known: bool
    available_balance: Decimal | None
    cash_balance: Decimal | None
    credit_limit: Decimal | None
    balance_as_of: datetime | None
    institution_name: str | None
    institution_timezone: str | None
    is_active: bool


_SOURCE: LiteralString = """
    SELECT s.id, s.account_id, s.connection_id, s.provider_slug, s.provider_account_id, s.persistent_id,
        s.identity_hash, s.valid_until, s.listed_at, a.account_type, a.account_number_masked, a.currency, a.name,
        p.credential_type = 'file_import' AS is_file
    FROM account_sources s JOIN accounts a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
    JOIN providers p ON p.slug = s.provider_slug
    WHERE s.tenant_id = %(tenant_id)s AND
"""


async def list_sources(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> list[AccountSource]:
    """Return every source of a connection, the ended ones included."""
    async with tx.cursor(row_factory=class_row(AccountSource)) as cursor:
        await cursor.execute(
            sql.SQL("{} s.connection_id = %(connection_id)s ORDER BY s.id").format(sql.SQL(_SOURCE)),
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
            sql.SQL("{} s.account_id = ANY(%(account_ids)s) ORDER BY s.id").format(sql.SQL(_SOURCE)),
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
            sql.SQL(
                """{} (s.identity_hash = ANY(%(identity_hashes)s) OR s.provider_account_id = ANY(%(hashed_ids)s)
                OR s.provider_slug = %(provider_slug)s AND s.persistent_id = ANY(%(persistent_ids)s))
                ORDER BY s.valid_until DESC NULLS FIRST, s.valid_from DESC, s.id"""
            ).format(sql.SQL(_SOURCE)),
            {
                "tenant_id": tenant_id,
                "identity_hashes": list(identity_hashes),
                "hashed_ids": list(hashed_ids),
                "provider_slug": provider_slug,
                "persistent_ids": list(persistent_ids),
            },
        )
        return await cursor.fetchall()


async def insert_account(tx: Transaction, tenant_id: UUID, account_id: UUID, facts: AccountFacts, at: datetime) -> None:
    """Create an account."""
    await tx.execute(
        """
        INSERT INTO accounts (tenant_id, id, name, account_type, provider_type, account_number_masked, currency,
            balance, balance_known, available_balance, cash_balance, credit_limit, balance_as_of, institution_name,
            institution_timezone, is_active, created_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [tenant_id, account_id, *_values(facts), at, at],
    )


async def update_account(
    tx: Transaction, tenant_id: UUID, account_id: UUID, facts: AccountFacts, at: datetime, *, leads: bool = True
) -> bool:
    """Write what differs; False (and no write) when nothing does. A balance that is unknown now keeps the known one.

    A balance with an older as-of instant than the stored one never overwrites it; equal figures of one UTC day are one
    statement, whatever the hour. Of several sources only the one that
    leads names the account, says whether it is still there and tells its limits; the others bring new balances.
    """
    done = await tx.execute(
        """
        WITH incoming AS (
            SELECT %(name)s::text AS name, %(account_type)s::text AS account_type,
                %(provider_type)s::text AS provider_type, %(account_number_masked)s::text AS account_number_masked,
                %(institution_name)s::text AS institution_name,
                %(institution_timezone)s::text AS institution_timezone, %(is_active)s::boolean AS is_active,
                %(balance)s::numeric AS balance, %(available_balance)s::numeric AS available_balance,
                %(cash_balance)s::numeric AS cash_balance, %(credit_limit)s::numeric AS credit_limit,
                %(balance_as_of)s::timestamptz AS balance_as_of
        ), fresh AS (
            SELECT a.id, %(balance_known)s AND (a.balance_as_of IS NULL OR i.balance_as_of IS NULL
                OR i.balance_as_of >= a.balance_as_of)
                AND (%(leads)s OR NOT a.balance_known OR a.balance <> i.balance) AS balance_is_newer
            FROM accounts a, incoming i WHERE a.tenant_id = %(tenant_id)s AND a.id = %(id)s
        )
        UPDATE accounts a SET (name, account_type, provider_type, account_number_masked, institution_name,
                institution_timezone, is_active, missing_since) = (
                SELECT i.name, i.account_type, i.provider_type, i.account_number_masked, i.institution_name,
                    i.institution_timezone, i.is_active, NULL::timestamptz WHERE %(leads)s
                UNION ALL SELECT a.name, a.account_type, a.provider_type, a.account_number_masked, a.institution_name,
                    a.institution_timezone, a.is_active, a.missing_since WHERE NOT %(leads)s),
            balance = CASE WHEN f.balance_is_newer THEN i.balance ELSE a.balance END,
            balance_known = a.balance_known OR f.balance_is_newer,
            available_balance = CASE WHEN f.balance_is_newer THEN i.available_balance ELSE a.available_balance END,
            cash_balance = CASE WHEN f.balance_is_newer THEN i.cash_balance ELSE a.cash_balance END,
            credit_limit = CASE WHEN f.balance_is_newer THEN i.credit_limit ELSE a.credit_limit END,
            balance_as_of = CASE WHEN f.balance_is_newer THEN i.balance_as_of ELSE a.balance_as_of END,
            version = a.version + 1, updated_at = %(at)s
        FROM incoming i, fresh f
        WHERE a.tenant_id = %(tenant_id)s AND a.id = f.id AND (
            %(leads)s AND (a.name, a.account_type, a.provider_type, a.account_number_masked, a.institution_name,
             a.institution_timezone, a.is_active)
            IS DISTINCT FROM (i.name, i.account_type, i.provider_type, i.account_number_masked, i.institution_name,
             i.institution_timezone, i.is_active)
            OR %(leads)s AND a.missing_since IS NOT NULL
            OR f.balance_is_newer AND (a.balance_known, a.balance, a.available_balance, a.cash_balance,
             a.credit_limit, (a.balance_as_of AT TIME ZONE 'UTC')::date)
            IS DISTINCT FROM (true, i.balance, i.available_balance, i.cash_balance, i.credit_limit,
             (i.balance_as_of AT TIME ZONE 'UTC')::date))
        """,
        {
            "tenant_id": tenant_id,
            "id": account_id,
            "at": at,
            "leads": leads,
            **{name: getattr(facts, name) for name in AccountFacts.__dataclass_fields__},
        },
    )
    return done.rowcount == 1


def _values(facts: AccountFacts) -> list[object]:
    return [getattr(facts, name) for name in AccountFacts.__dataclass_fields__]


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


async def mark_missing(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, listed: Sequence[UUID], at: datetime
) -> int:
    """Mark the accounts that a complete listing of their connection lacks; return how many were marked anew.

    An account that another living connection reads is there, whatever this one lists.
    """
    done = await tx.execute(
        """
        UPDATE accounts a SET missing_since = %s, is_active = false, version = a.version + 1, updated_at = %s
        WHERE a.tenant_id = %s AND a.missing_since IS NULL AND a.id <> ALL(%s) AND EXISTS (
            SELECT FROM account_sources s WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id
            AND s.connection_id = %s AND s.valid_until IS NULL)
            AND NOT EXISTS (
                SELECT FROM account_sources s JOIN providers p ON p.slug = s.provider_slug
                WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id AND s.connection_id <> %s
                    AND s.valid_until IS NULL AND p.credential_type <> 'file_import')
        """,
        [at, at, tenant_id, list(listed), connection_id, connection_id],
    )
    return done.rowcount


async def deactivate_accounts(tx: Transaction, tenant_id: UUID, connection_id: UUID, at: datetime) -> None:
    """A connection is gone: its sources end; accounts read through nothing else become inactive; history stays."""
    await tx.execute(
        """
        UPDATE account_sources SET valid_until = %s
        WHERE tenant_id = %s AND connection_id = %s AND valid_until IS NULL
        """,
        [at, tenant_id, connection_id],
    )
    await tx.execute(
        """
        UPDATE accounts a SET is_active = false, version = a.version + 1, updated_at = %(at)s
        WHERE a.tenant_id = %(tenant_id)s AND a.is_active AND EXISTS (
            SELECT FROM account_sources s WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id
                AND s.connection_id = %(connection_id)s)
            AND NOT EXISTS (
                SELECT FROM account_sources s JOIN connections c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id
                WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id AND c.id <> %(connection_id)s
                    AND c.status <> 'disconnected')
        """,
        {"at": at, "tenant_id": tenant_id, "connection_id": connection_id},
    )


async def lock_accounts(tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Let one writer at a time decide what is new in an account, whatever it is read through; until commit."""
    await tx.execute(
        """
        SELECT pg_advisory_xact_lock(hashtextextended(tenant_id || '/' || id, 0))
        FROM (SELECT tenant_id, id FROM accounts WHERE tenant_id = %s AND id = ANY(%s) ORDER BY id) AS ordered
        """,
        [tenant_id, list(account_ids)],
    )


async def find_account(tx: Transaction, tenant_id: UUID, account_id: UUID) -> Account | None:
    """Return an account; None when the tenant has no such."""
    async with tx.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(
            sql.SQL("{} AND a.id = %(id)s").format(sql.SQL(_SELECT)), {"tenant_id": tenant_id, "id": account_id}
        )
        return await cursor.fetchone()


async def list_accounts(
    tx: Transaction,
    tenant_id: UUID,
    *,
    limit: int,
    offset: int,
    connection_id: UUID | None = None,
    is_active: bool | None = None,
) -> tuple[list[Account], int]:
    """Return a page of accounts by institution and name, and how many there are in all."""
    conditions = [sql.SQL("true")]
    if connection_id is not None:
        conditions.append(
            sql.SQL(
                "EXISTS (SELECT FROM account_sources s WHERE s.tenant_id = a.tenant_id AND s.account_id = a.id "
                "AND s.connection_id = %(connection_id)s)"
            )
        )
    if is_active is not None:
        conditions.append(sql.SQL("a.is_active = %(is_active)s"))
    where = sql.SQL(" AND ").join(conditions)
    arguments = {
        "tenant_id": tenant_id,
        "connection_id": connection_id,
        "is_active": is_active,
        "limit": limit,
        "offset": offset,
    }
    query = sql.SQL(
        "{} AND {} ORDER BY a.institution_name NULLS LAST, a.name, a.id LIMIT %(limit)s OFFSET %(offset)s"
    ).format(sql.SQL(_SELECT), where)
    async with tx.cursor(row_factory=class_row(Account)) as cursor:
        accounts = await (await cursor.execute(query, arguments)).fetchall()
    async with tx.cursor(row_factory=dict_row) as cursor:
        count = sql.SQL("SELECT count(*) AS total FROM accounts a WHERE a.tenant_id = %(tenant_id)s AND {}")
        total = await (await cursor.execute(count.format(where), arguments)).fetchone()
    return accounts, int(total["total"]) if total else 0
