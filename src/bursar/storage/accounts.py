"""Which accounts does a tenant have?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from bursar.domain.accounts import Account
from bursar.storage.staging import StagedStatement, StagingTable, Value, one_of_each, stage
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


_INCOMING = StagingTable(
    "incoming_accounts",
    {
        "id": "uuid",
        "leads": "boolean",
        "name": "text",
        "account_type": "text",
        "provider_type": "text",
        "account_number_masked": "text",
        "currency": "text",
        "balance": "numeric",
        "balance_known": "boolean",
        "available_balance": "numeric",
        "cash_balance": "numeric",
        "credit_limit": "numeric",
        "balance_as_of": "timestamptz",
        "institution_name": "text",
        "institution_timezone": "text",
        "is_active": "boolean",
    },
)
_UPDATE = StagedStatement(
    _INCOMING,
    """
    WITH incoming AS {incoming}, fresh AS (
        SELECT i.*, i.balance_known AND (a.balance_as_of IS NULL OR i.balance_as_of IS NULL
            OR i.balance_as_of >= a.balance_as_of)
            AND (i.leads OR NOT a.balance_known OR a.balance <> i.balance) AS is_newer,
            -- A zone that is known is not forgotten because one answer lacks it.
            coalesce(CASE WHEN i.leads THEN i.institution_timezone END, a.institution_timezone,
                i.institution_timezone) AS known_timezone
        FROM accounts a JOIN incoming i ON i.id = a.id WHERE a.tenant_id = %(tenant_id)s
    )
    UPDATE accounts a SET name = CASE WHEN i.leads THEN i.name ELSE a.name END,
        account_type = CASE WHEN i.leads THEN i.account_type ELSE a.account_type END,
        provider_type = CASE WHEN i.leads THEN i.provider_type ELSE a.provider_type END,
        account_number_masked = CASE WHEN i.leads THEN i.account_number_masked ELSE a.account_number_masked END,
        institution_name = CASE WHEN i.leads THEN i.institution_name ELSE a.institution_name END,
        institution_timezone = i.known_timezone,
        is_active = CASE WHEN i.leads THEN i.is_active ELSE a.is_active END,
        missing_since = CASE WHEN i.leads THEN NULL ELSE a.missing_since END,
        balance = CASE WHEN i.is_newer THEN i.balance ELSE a.balance END,
        balance_known = a.balance_known OR i.is_newer,
        available_balance = CASE WHEN i.is_newer THEN i.available_balance ELSE a.available_balance END,
        cash_balance = CASE WHEN i.is_newer THEN i.cash_balance ELSE a.cash_balance END,
        credit_limit = CASE WHEN i.is_newer THEN i.credit_limit ELSE a.credit_limit END,
        balance_as_of = CASE WHEN i.is_newer THEN i.balance_as_of ELSE a.balance_as_of END,
        version = a.version + 1, updated_at = %(at)s
    FROM fresh i
    WHERE a.tenant_id = %(tenant_id)s AND a.id = i.id AND (
        i.leads AND (a.name, a.account_type, a.provider_type, a.account_number_masked, a.institution_name, a.is_active)
        IS DISTINCT FROM (i.name, i.account_type, i.provider_type, i.account_number_masked, i.institution_name,
         i.is_active)
        OR a.institution_timezone IS DISTINCT FROM i.known_timezone
        OR i.leads AND a.missing_since IS NOT NULL
        OR i.is_newer AND (a.balance_known, a.balance, a.available_balance, a.cash_balance,
         a.credit_limit, (a.balance_as_of AT TIME ZONE 'UTC')::date)
        IS DISTINCT FROM (true, i.balance, i.available_balance, i.cash_balance, i.credit_limit,
         (i.balance_as_of AT TIME ZONE 'UTC')::date))
    """,
)


@dataclass(frozen=True, slots=True)
class AccountWrite:
    """What a source says of an account that is there."""

    account_id: UUID
    facts: AccountFacts
    leads: bool
    """True of the one source that names the account."""


async def update_accounts(tx: Transaction, tenant_id: UUID, writes: Sequence[AccountWrite], at: datetime) -> int:
    """Write what differs; return how many accounts did. A balance that is unknown now keeps the known one.

    A balance with an older as-of instant than the stored one never overwrites it; equal figures of one UTC day are one
    statement, whatever the hour. Of several sources only the one that
    leads names the account, says whether it is still there and tells its limits; the others bring new balances.
    """
    updated = 0
    for part in one_of_each(writes, lambda write: write.account_id):
        staged = await stage(tx, _INCOMING, ((one.account_id, one.leads, *_values(one.facts)) for one in part))
        updated += (await staged.execute(_UPDATE, {"tenant_id": tenant_id, "at": at})).rowcount
    return updated


def _values(facts: AccountFacts) -> list[Value]:
    return [getattr(facts, name) for name in AccountFacts.__dataclass_fields__]


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


async def lock_accounts(tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID] | None) -> None:
    """Let one writer at a time decide what is new in an account, whatever it is read through; until commit.

    None locks every account of the tenant.
    """
    await tx.execute(
        """
        SELECT pg_advisory_xact_lock(hashtextextended(tenant_id || '/' || id, 0))
        FROM (
            SELECT tenant_id, id FROM accounts
            WHERE tenant_id = %(tenant_id)s AND (%(account_ids)s::uuid[] IS NULL OR id = ANY(%(account_ids)s))
            ORDER BY id
        ) AS ordered
        """,
        {"tenant_id": tenant_id, "account_ids": None if account_ids is None else list(account_ids)},
    )


async def find_account(tx: Transaction, tenant_id: UUID, account_id: UUID) -> Account | None:
    """Return an account; None when the tenant has no such."""
    async with tx.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(_SELECT + "AND a.id = %(id)s", {"tenant_id": tenant_id, "id": account_id})
        return await cursor.fetchone()


async def find_accounts(tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID]) -> list[Account]:
    """Return those of the accounts that the tenant has, by id."""
    async with tx.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(
            _SELECT + "AND a.id = ANY(%(ids)s) ORDER BY a.id", {"tenant_id": tenant_id, "ids": list(account_ids)}
        )
        return await cursor.fetchall()


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
