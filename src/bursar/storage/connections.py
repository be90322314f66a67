"""Which connections does a tenant have, in which state, with which credentials, and who is reading them now?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from bursar.domain.connections import Connection, ConnectionStatus, FailureCause
from bursar.storage.unit_of_work import Transaction

_COLUMNS: LiteralString = """
    id, user_id, provider_slug, status, environment, alias, external_login_id, institution_id, institution_name, scopes,
    connected_at, disconnected_at, expires_at, refresh_expires_at, last_sync_at, last_sync_status, last_success_at,
    last_error_code, last_error_message, last_error_cause, last_error_at, next_attempt_at, read_at, quota_free_at,
    paused_at, sync_cursor, lease_token, lease_until, version, created_at, updated_at,
    CASE WHEN accounts_available_at > coalesce(renewed_at, connected_at) AND NOT EXISTS (
        SELECT FROM account_sources listed WHERE listed.tenant_id = connections.tenant_id
            AND listed.connection_id = connections.id AND listed.valid_from > accounts_available_at
    ) THEN accounts_available_at END AS accounts_available_at
"""


def _to_connection(row: dict[str, object]) -> Connection:
    row["status"] = ConnectionStatus(str(row["status"]))
    cause = row["last_error_cause"]
    row["last_error_cause"] = FailureCause(str(cause)) if cause is not None else None
    return Connection(**row)  # pyright: ignore[reportArgumentType] - the columns are the fields, by test


async def insert_connection(  # a connection has many facts from its first moment on
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    user_id: UUID,
    provider_slug: str,
    alias: str | None,
    institution_id: str | None,
    institution_name: str | None,
    external_login_id: str | None,
    at: datetime,
) -> None:
    """Create a connection in the state `pending`."""
    await tx.execute(
        """
        INSERT INTO connections (tenant_id, id, user_id, provider_slug, status, alias, institution_id,
            institution_name, external_login_id, created_at, updated_at)
        VALUES (%s, %s, %s, %s, 'pending', %s, %s, %s, %s, %s, %s)
        """,
        [
            tenant_id,
            connection_id,
            user_id,
            provider_slug,
            alias,
            institution_id,
            institution_name,
            external_login_id,
            at,
            at,
        ],
    )


async def find_connection(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, for_update: bool = False
) -> Connection | None:
    """Return a connection, locked for the rest of the transaction when asked; None when the tenant has no such."""
    query = sql.SQL("SELECT {} FROM connections WHERE tenant_id = %s AND id = %s {}").format(
        sql.SQL(_COLUMNS), sql.SQL("FOR UPDATE" if for_update else "")
    )
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(query, [tenant_id, connection_id])).fetchone()
    return _to_connection(row) if row else None


async def get_connection(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> Connection:
    """Return a connection that must be there.

    Raises:
        LookupError: it is not; the caller holds an id that no tenant row has.
    """
    found = await find_connection(tx, tenant_id, connection_id)
    if found is None:
        raise LookupError("the connection is not there")
    return found


async def lock_login(tx: Transaction, tenant_id: UUID, *, provider_slug: str, external_login_id: str) -> None:
    """Let one transaction at a time look for, and make, the connection of a login; until commit."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s || '/' || %s || '/' || %s, 0))",
        [str(tenant_id), provider_slug, external_login_id],
    )


async def record_import(tx: Transaction, tenant_id: UUID, connection_id: UUID, *, status: str, at: datetime) -> None:
    """Record that a file came in."""
    await tx.execute(
        """
        UPDATE connections SET last_sync_at = %(at)s, last_success_at = %(at)s, last_sync_status = %(status)s,
            last_error_code = NULL, last_error_message = NULL, last_error_cause = NULL, last_error_at = NULL,
            updated_at = %(at)s
        WHERE tenant_id = %(tenant_id)s AND id = %(id)s
        """,
        {"at": at, "status": status, "tenant_id": tenant_id, "id": connection_id},
    )


async def find_connection_by_login(
    tx: Transaction,
    tenant_id: UUID,
    *,
    user_id: UUID,
    provider_slug: str,
    external_login_id: str,
    environment: str | None,
) -> Connection | None:
    """Return the user's connection to this very login that is not disconnected, locked; None when there is none."""
    query = sql.SQL(
        """
        SELECT {} FROM connections
        WHERE tenant_id = %s AND user_id = %s AND provider_slug = %s AND external_login_id = %s
            AND coalesce(environment, '') = coalesce(%s, '') AND status <> 'disconnected'
        FOR UPDATE
        """
    ).format(sql.SQL(_COLUMNS))
    async with tx.cursor(row_factory=dict_row) as cursor:
        arguments = [tenant_id, user_id, provider_slug, external_login_id, environment]
        row = await (await cursor.execute(query, arguments)).fetchone()
    return _to_connection(row) if row else None


async def list_connections(
    tx: Transaction, tenant_id: UUID, *, limit: int, offset: int, statuses: tuple[str, ...] = ()
) -> tuple[list[Connection], int]:
    """Return a page of connections, the newest first, and how many there are in all."""
    query = sql.SQL(
        """
        SELECT {}, count(*) OVER () AS total FROM connections
        WHERE tenant_id = %(tenant_id)s AND (%(statuses)s::text[] = '{{}}' OR status = ANY(%(statuses)s))
        ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
        """
    ).format(sql.SQL(_COLUMNS))
    arguments = {"tenant_id": tenant_id, "statuses": list(statuses), "limit": limit, "offset": offset}
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(query, arguments)).fetchall()
    if not rows and offset:
        counted = await tx.execute(
            "SELECT count(*) FROM connections WHERE tenant_id = %(tenant_id)s "
            "AND (%(statuses)s::text[] = '{}' OR status = ANY(%(statuses)s))",
            arguments,
        )
        total = await counted.fetchone()
        return [], int(total[0]) if total else 0
    total_count = int(rows[0]["total"]) if rows else 0
    for row in rows:
        del row["total"]
    return [_to_connection(row) for row in rows], total_count


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFacts:
    """What becomes known when a user has finished to connect."""

    environment: str | None
    external_login_id: str | None
    institution_id: str | None
    institution_name: str | None
    scopes: tuple[str, ...]
    expires_at: datetime | None
    refresh_expires_at: datetime | None


async def activate_connection(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, facts: ConnectionFacts, at: datetime
) -> None:
    """Make a connection active: what the user had to do is done. `connected_at` is set once and stays."""
    await tx.execute(
        """
        UPDATE connections SET status = 'active', environment = %s, external_login_id = %s,
            institution_id = coalesce(%s, institution_id), institution_name = coalesce(%s, institution_name),
            scopes = %s, expires_at = %s, refresh_expires_at = %s, connected_at = coalesce(connected_at, %s),
            renewed_at = %s, version = version + 1, updated_at = %s
        WHERE tenant_id = %s AND id = %s
        """,
        [
            facts.environment,
            facts.external_login_id,
            facts.institution_id,
            facts.institution_name,
            list(facts.scopes),
            facts.expires_at,
            facts.refresh_expires_at,
            at,
            at,
            at,
            tenant_id,
            connection_id,
        ],
    )


async def note_accounts_available(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, told_at: datetime, at: datetime
) -> None:
    """Keep when the provider told of accounts to be added; what was answered since is no longer shown."""
    await tx.execute(
        """
        UPDATE connections SET accounts_available_at = %(told_at)s, version = version + 1, updated_at = %(at)s
        WHERE tenant_id = %(tenant_id)s AND id = %(id)s
            AND (accounts_available_at IS NULL OR accounts_available_at < %(told_at)s)
        """,
        {"told_at": told_at, "at": at, "tenant_id": tenant_id, "id": connection_id},
    )


async def forget_failure(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> None:
    """Forget why the last run failed, and that the provider asked for patience: the user acted on it."""
    await tx.execute(
        """
        UPDATE connections SET last_error_code = NULL, last_error_message = NULL, last_error_cause = NULL,
            last_error_at = NULL, next_attempt_at = NULL
        WHERE tenant_id = %s AND id = %s
        """,
        [tenant_id, connection_id],
    )


async def set_paused(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, since: datetime | None, at: datetime
) -> None:
    """Pause a connection since an instant, or resume it (None)."""
    await tx.execute(
        """
        UPDATE connections SET paused_at = %s, version = version + 1, updated_at = %s
        WHERE tenant_id = %s AND id = %s
        """,
        [since, at, tenant_id, connection_id],
    )


async def set_status(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, status: ConnectionStatus, *, at: datetime
) -> None:
    """Record a new status."""
    await tx.execute(
        """
        UPDATE connections SET status = %s, version = version + 1, updated_at = %s
        WHERE tenant_id = %s AND id = %s
        """,
        [status.value, at, tenant_id, connection_id],
    )


async def leave_connection(
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    error_code: str | None,
    error_message: str | None,
    at: datetime,
) -> None:
    """Make a connection `disconnected`; a run that is under way loses its lease, and writes nothing more."""
    await tx.execute(
        """
        UPDATE connections SET status = 'disconnected', disconnected_at = %(at)s, last_error_code = %(code)s,
            last_error_message = %(message)s, last_error_cause = NULL,
            last_error_at = CASE WHEN %(code)s::text IS NOT NULL THEN %(at)s END,
            next_attempt_at = NULL, paused_at = NULL, lease_token = NULL, lease_run_id = NULL, lease_until = NULL,
            version = version + 1, updated_at = %(at)s
        WHERE tenant_id = %(tenant_id)s AND id = %(id)s
        """,
        {"code": error_code, "message": error_message, "at": at, "tenant_id": tenant_id, "id": connection_id},
    )


async def forget_cursor(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> None:
    """Make the next sync read everything again."""
    await tx.execute(
        "UPDATE connections SET sync_cursor = NULL WHERE tenant_id = %s AND id = %s", [tenant_id, connection_id]
    )


async def store_cursor(tx: Transaction, tenant_id: UUID, connection_id: UUID, cursor: Mapping[str, str]) -> None:
    """Keep where the provider's feed was read to, in the transaction of the rows that were read."""
    await tx.execute(
        "UPDATE connections SET sync_cursor = %s WHERE tenant_id = %s AND id = %s",
        [Jsonb(dict(cursor)), tenant_id, connection_id],
    )


async def store_credentials(
    tx: Transaction,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    key_id: str,
    sealed: bytes,
    credential_type: str,
    at: datetime,
) -> None:
    """Keep the sealed credentials of a connection in place of the ones before."""
    await tx.execute(
        """
        INSERT INTO connection_credentials (tenant_id, connection_id, key_id, sealed, credential_type, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (tenant_id, connection_id) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed,
            credential_type = excluded.credential_type, updated_at = excluded.updated_at
        """,
        [tenant_id, connection_id, key_id, sealed, credential_type, at],
    )


async def find_credentials(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> tuple[str, bytes] | None:
    """Return the key id and the sealed credentials; None when there are none (any more)."""
    found = await tx.execute(
        "SELECT key_id, sealed FROM connection_credentials WHERE tenant_id = %s AND connection_id = %s",
        [tenant_id, connection_id],
    )
    row = await found.fetchone()
    return (str(row[0]), bytes(row[1])) if row else None


async def delete_credentials(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> None:
    """Destroy the credentials of a connection."""
    await tx.execute(
        "DELETE FROM connection_credentials WHERE tenant_id = %s AND connection_id = %s", [tenant_id, connection_id]
    )


async def list_due(
    tx: Transaction, *, provider_slugs: Sequence[str], synced_before: datetime, now: datetime
) -> list[tuple[UUID, UUID]]:
    """Return (tenant, connection) of every one that is due for a scheduled sync, over all tenants.

    `is_due` of the domain, as a query.
    """
    found = await tx.execute(
        """
        SELECT tenant_id, id FROM connections
        WHERE status = 'active' AND paused_at IS NULL AND provider_slug = ANY(%(slugs)s)
            AND (last_sync_at IS NULL OR last_sync_at <= %(before)s)
            AND (next_attempt_at IS NULL OR next_attempt_at <= %(now)s)
            AND (quota_free_at IS NULL OR quota_free_at <= %(now)s) AND (lease_until IS NULL OR lease_until <= %(now)s)
        ORDER BY last_sync_at NULLS FIRST
        """,
        {"slugs": list(provider_slugs), "before": synced_before, "now": now},
    )
    return [(tenant_id, connection_id) for tenant_id, connection_id in await found.fetchall()]
