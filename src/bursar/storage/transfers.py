"""Which transfers were asked for, where does each stand, and which need looking after?"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from bursar.domain.transfers import Transfer, TransferStatus
from bursar.storage.unit_of_work import Transaction

_COLUMNS: LiteralString = """
    id, connection_id, provider_slug, requested_by, idempotency_key, request_mark, source_account_id,
    destination_account_id, source_place, destination_place, amount, currency, description, is_instant, status,
    limit_day, provider_transfer_id, failure_code, failure_message, confirmed_by, expires_at, sent_at, finished_at,
    check_at, version, created_at, updated_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Two accounts of one connection that money may move between, under the provider's ids."""

    connection_id: UUID
    provider_slug: str
    connection_status: str
    source_place: str
    destination_place: str
    source_currency: str
    destination_currency: str


def _to_transfer(row: dict[str, object]) -> Transfer:
    row["status"] = TransferStatus(str(row["status"]))
    row["request_mark"] = bytes(row["request_mark"])  # pyright: ignore[reportArgumentType] - a bytea column
    return Transfer(**row)  # pyright: ignore[reportArgumentType] - the columns are the fields, by test


async def list_routes(
    tx: Transaction, tenant_id: UUID, *, source_account_id: UUID, destination_account_id: UUID
) -> list[Route]:
    """Return how two accounts of the tenant are reached through one living connection, the newest first."""
    found = await tx.execute(
        """
        SELECT c.id, c.provider_slug, c.status, s.provider_account_id, d.provider_account_id, sa.currency, da.currency
        FROM account_sources s
        JOIN account_sources d ON d.tenant_id = s.tenant_id AND d.connection_id = s.connection_id
        JOIN connections c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id
        JOIN accounts sa ON sa.tenant_id = s.tenant_id AND sa.id = s.account_id
        JOIN accounts da ON da.tenant_id = d.tenant_id AND da.id = d.account_id
        WHERE s.tenant_id = %s AND s.account_id = %s AND d.account_id = %s
            AND s.valid_until IS NULL AND d.valid_until IS NULL AND c.status <> 'disconnected'
        ORDER BY c.id DESC
        """,
        [tenant_id, source_account_id, destination_account_id],
    )
    names = tuple(Route.__dataclass_fields__)
    return [Route(**dict(zip(names, row, strict=True))) for row in await found.fetchall()]


async def insert_transfer(tx: Transaction, tenant_id: UUID, transfer: Transfer) -> bool:
    """Keep a new transfer; False when its user has used its key before (the caller looks that one up).

    Waits for a transaction that inserts the same key right now.
    """
    names = tuple(Transfer.__dataclass_fields__)
    values = {name: getattr(transfer, name) for name in names}
    values |= {"status": transfer.status.value, "tenant_id": tenant_id}
    done = await tx.execute(
        sql.SQL("INSERT INTO transfers (tenant_id, {}) VALUES (%(tenant_id)s, {}) {}").format(
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(map(sql.Placeholder, names)),
            sql.SQL("ON CONFLICT (tenant_id, requested_by, idempotency_key) DO NOTHING"),
        ),
        values,
    )
    return done.rowcount == 1


async def find_by_key(tx: Transaction, tenant_id: UUID, user_id: UUID, idempotency_key: str) -> Transfer | None:
    """Return the transfer that a user has asked for under a key of its own; None when there is none."""
    query = sql.SQL(
        "SELECT {} FROM transfers WHERE tenant_id = %s AND requested_by = %s AND idempotency_key = %s"
    ).format(sql.SQL(_COLUMNS))
    return await _one(tx, query, [tenant_id, user_id, idempotency_key])


async def find_transfer(
    tx: Transaction, tenant_id: UUID, transfer_id: UUID, *, for_update: bool = False
) -> Transfer | None:
    """Return a transfer, locked for the rest of the transaction when asked; None when the tenant has no such."""
    query = sql.SQL("SELECT {} FROM transfers WHERE tenant_id = %s AND id = %s {}").format(
        sql.SQL(_COLUMNS), sql.SQL("FOR UPDATE" if for_update else "")
    )
    return await _one(tx, query, [tenant_id, transfer_id])


async def _one(tx: Transaction, query: sql.Composed, arguments: list[object]) -> Transfer | None:
    async with tx.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(query, arguments)).fetchone()
    return _to_transfer(row) if row else None


async def list_transfers(
    tx: Transaction,
    tenant_id: UUID,
    *,
    limit: int,
    offset: int,
    statuses: tuple[str, ...] = (),
    account_id: UUID | None = None,
) -> tuple[list[Transfer], int]:
    """Return a page of transfers, the newest first, and how many there are."""
    where = sql.SQL(
        """
        FROM transfers WHERE tenant_id = %(tenant_id)s
            AND (%(statuses)s::text[] = '{{}}' OR status = ANY(%(statuses)s))
            AND (%(account_id)s::uuid IS NULL OR %(account_id)s IN (source_account_id, destination_account_id))
        """
    ).format()
    arguments = {
        "tenant_id": tenant_id,
        "statuses": list(statuses),
        "account_id": account_id,
        "limit": limit,
        "offset": offset,
    }
    query = sql.SQL("SELECT {} {} ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s").format(sql.SQL(_COLUMNS), where)
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(query, arguments)).fetchall()
    counted = await tx.execute(sql.SQL("SELECT count(*) {}").format(where), arguments)
    total = await counted.fetchone()
    return [_to_transfer(row) for row in rows], int(total[0]) if total else 0


async def begin_sending(
    tx: Transaction,
    tenant_id: UUID,
    transfer_id: UUID,
    *,
    limit_day: date,
    confirmed_by: UUID | None,
    at: datetime,
    check_at: datetime,
) -> None:
    """Record, before the provider is asked, that a staged transfer goes out now."""
    await tx.execute(
        """
        UPDATE transfers SET status = 'sending', limit_day = %s, confirmed_by = %s, sent_at = %s, check_at = %s,
            expires_at = NULL, version = version + 1, updated_at = %s
        WHERE tenant_id = %s AND id = %s
        """,
        [limit_day, confirmed_by, at, check_at, at, tenant_id, transfer_id],
    )


async def record_status(
    tx: Transaction,
    tenant_id: UUID,
    transfer_id: UUID,
    status: TransferStatus,
    *,
    at: datetime,
    check_at: datetime | None = None,
    provider_transfer_id: str | None = None,
    failure_code: str | None = None,
    failure_message: str | None = None,
) -> None:
    """Record where a transfer stands now."""
    is_open = status is TransferStatus.UNKNOWN
    await tx.execute(
        """
        UPDATE transfers SET status = %s, check_at = %s, finished_at = %s,
            provider_transfer_id = coalesce(%s, provider_transfer_id), failure_code = %s, failure_message = %s,
            version = version + 1, updated_at = %s
        WHERE tenant_id = %s AND id = %s
        """,
        [
            status.value,
            check_at,
            None if is_open else at,
            provider_transfer_id,
            failure_code,
            failure_message,
            at,
            tenant_id,
            transfer_id,
        ],
    )


async def set_check(tx: Transaction, tenant_id: UUID, transfer_id: UUID, check_at: datetime | None) -> None:
    """Say when an uncertain transfer is looked up next."""
    await tx.execute(
        "UPDATE transfers SET check_at = %s WHERE tenant_id = %s AND id = %s", [check_at, tenant_id, transfer_id]
    )


async def set_movement(
    tx: Transaction, tenant_id: UUID, transfer_id: UUID, provider_transfer_id: str, *, at: datetime
) -> None:
    """Record which movement at the provider a completed transfer was."""
    await tx.execute(
        """
        UPDATE transfers SET provider_transfer_id = %s, check_at = NULL, version = version + 1, updated_at = %s
        WHERE tenant_id = %s AND id = %s
        """,
        [provider_transfer_id, at, tenant_id, transfer_id],
    )


async def lock_connection(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> None:
    """Let one transaction at a time decide which movements belong to whom at a connection; until commit."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('transfers/' || %s || '/' || %s, 0))",
        [str(tenant_id), str(connection_id)],
    )


async def list_alike(tx: Transaction, tenant_id: UUID, transfer: Transfer) -> list[Transfer]:
    """Return the transfers equal to this one, itself included, that may have a movement not known to be their own."""
    query = sql.SQL(
        """
        SELECT {} FROM transfers
        WHERE tenant_id = %s AND connection_id = %s AND source_place = %s AND destination_place = %s AND amount = %s
            AND sent_at IS NOT NULL AND provider_transfer_id IS NULL AND status IN ('sending', 'unknown', 'completed')
        """
    ).format(sql.SQL(_COLUMNS))
    arguments = [
        tenant_id,
        transfer.connection_id,
        transfer.source_place,
        transfer.destination_place,
        transfer.amount,
    ]
    async with tx.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(query, arguments)).fetchall()
    return [_to_transfer(row) for row in rows]


async def list_claimed(tx: Transaction, tenant_id: UUID, connection_id: UUID, movements: list[str]) -> set[str]:
    """Return which movements of the provider's belong to a transfer already."""
    found = await tx.execute(
        """
        SELECT provider_transfer_id FROM transfers
        WHERE tenant_id = %s AND connection_id = %s AND provider_transfer_id = ANY(%s)
        """,
        [tenant_id, connection_id, movements],
    )
    return {str(movement) for (movement,) in await found.fetchall()}


async def list_due(tx: Transaction, *, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Return (tenant, transfer) of those that need looking after, over all tenants, the longest due first."""
    found = await tx.execute(
        "SELECT tenant_id, id FROM transfers WHERE check_at <= %s ORDER BY check_at LIMIT %s", [now, limit]
    )
    return [(tenant_id, transfer_id) for tenant_id, transfer_id in await found.fetchall()]
