"""What have institutions said about balances, and which rows stand between two sayings?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from bursar.domain.balances import BalanceSnapshot
from bursar.domain.ids import new_ids
from bursar.storage.staging import StagedStatement, StagingTable, Value, one_of_each, stage
from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationWrite:
    """A balance to keep."""

    account_id: UUID
    balance: Decimal
    available_balance: Decimal | None
    holdings_value: Decimal | None
    cash_value: Decimal | None
    currency: str
    source: str
    captured_at: datetime
    observed_on: date
    date_is_stated: bool


_INCOMING = StagingTable(
    "incoming_observations",
    {
        "id": "uuid",
        "account_id": "uuid",
        "balance": "numeric",
        "available_balance": "numeric",
        "holdings_value": "numeric",
        "cash_value": "numeric",
        "currency": "text",
        "source": "text",
        "captured_at": "timestamptz",
        "observed_on": "date",
        "date_is_stated": "boolean",
    },
)
_INSERT = StagedStatement(
    _INCOMING,
    """
    WITH incoming AS {incoming}
    INSERT INTO balance_observations (tenant_id, sync_run_id, created_at, {columns})
    SELECT %(tenant_id)s, %(sync_run_id)s, %(at)s, {columns} FROM incoming i
    WHERE NOT EXISTS (
        SELECT FROM (
            SELECT balance, available_balance, holdings_value, cash_value FROM balance_observations
            WHERE tenant_id = %(tenant_id)s AND account_id = i.account_id AND observed_on = i.observed_on
                AND (captured_at AT TIME ZONE 'UTC')::date = (i.captured_at AT TIME ZONE 'UTC')::date
            ORDER BY captured_at DESC, id DESC LIMIT 1
        ) AS latest
        WHERE balance = i.balance
            AND (i.available_balance IS NULL OR available_balance = i.available_balance)
            AND (i.holdings_value IS NULL OR holdings_value = i.holdings_value)
            AND (i.cash_value IS NULL OR cash_value = i.cash_value))
    """,
    columns=sql.SQL(", ").join(map(sql.Identifier, _INCOMING.columns)),
)


async def insert_observations(
    tx: Transaction, tenant_id: UUID, writes: Sequence[ObservationWrite], *, sync_run_id: UUID | None, at: datetime
) -> int:
    """Keep the balances that say something new; return how many.

    A figure that the account already has for the same UTC day is not kept again, whoever tells it and however many
    figures of it, so that an unchanged bank writes nothing; a different figure, or the same on another day, is.
    """
    inserted = 0
    for part in one_of_each(writes, lambda write: (write.account_id, write.captured_at.astimezone(UTC).date())):
        ids = new_ids(len(part))
        staged = await stage(tx, _INCOMING, map(_values, ids, part))
        done = await staged.execute(_INSERT, {"tenant_id": tenant_id, "sync_run_id": sync_run_id, "at": at})
        inserted += done.rowcount
    return inserted


def _values(observation_id: UUID, write: ObservationWrite) -> Sequence[Value]:
    return (
        observation_id,
        write.account_id,
        write.balance,
        write.available_balance,
        write.holdings_value,
        write.cash_value,
        write.currency,
        write.source,
        write.captured_at,
        write.observed_on,
        write.date_is_stated,
    )


async def list_snapshots(
    tx: Transaction,
    tenant_id: UUID,
    account_id: UUID | None,
    *,
    start_date: date | None = None,
    end_date: date | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> tuple[list[BalanceSnapshot], int]:
    """Return a page of balances, the newest first, and how many there are: of one account, or (None) of all.

    Dates are inclusive.
    """
    arguments = {
        "tenant_id": tenant_id,
        "account_id": account_id,
        "start": start_date,
        "end": end_date,
        "limit": limit,
        "offset": offset,
    }
    async with tx.cursor(row_factory=class_row(BalanceSnapshot)) as cursor:
        await cursor.execute(
            """
            SELECT id, account_id, sync_run_id, balance, available_balance, holdings_value, cash_value, currency,
                source, captured_at, observed_on, date_is_stated
            FROM balance_observations
            WHERE tenant_id = %(tenant_id)s AND (%(account_id)s::uuid IS NULL OR account_id = %(account_id)s)
                AND (%(start)s::date IS NULL OR observed_on >= %(start)s)
                AND (%(end)s::date IS NULL OR observed_on <= %(end)s)
            ORDER BY captured_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s
            """,
            arguments,
        )
        snapshots = await cursor.fetchall()
    counted = await tx.execute(
        """
        SELECT count(*) FROM balance_observations
        WHERE tenant_id = %(tenant_id)s AND (%(account_id)s::uuid IS NULL OR account_id = %(account_id)s)
            AND (%(start)s::date IS NULL OR observed_on >= %(start)s)
            AND (%(end)s::date IS NULL OR observed_on <= %(end)s)
        """,
        arguments,
    )
    total = await counted.fetchone()
    return snapshots, int(total[0]) if total else 0


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """A balance as a proof needs it."""

    id: UUID
    balance: Decimal
    captured_at: datetime
    observed_on: date
    date_is_stated: bool
    created_at: datetime
    """When it was read, with the rows of that moment."""
    is_alone: bool
    """True when its run broke off, failed or was cancelled, and none of that day ended well: rows may be missing."""


async def list_stated(
    tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID]
) -> defaultdict[UUID, list[StatedBalance]]:
    """Return by account every balance that was stated for it in its own currency, oldest first."""
    found = await tx.execute(
        """
        SELECT o.account_id, o.id, o.balance, o.captured_at, o.observed_on, o.date_is_stated, o.created_at,
            -- A run that broke off begins anew, later than what it read before.
            coalesce(r.status IN ('failed', 'cancelled') OR o.created_at < r.started_at, false) AND NOT EXISTS (
                -- A figure is kept once a day: a later attempt of that day may have read it with the rows.
                SELECT FROM sync_runs later
                WHERE later.tenant_id = o.tenant_id AND later.connection_id = r.connection_id AND later.id >= r.id
                    AND later.status IN ('running', 'succeeded', 'partial')
                    AND (later.started_at AT TIME ZONE 'UTC')::date = (o.captured_at AT TIME ZONE 'UTC')::date)
        FROM balance_observations o JOIN accounts a ON a.tenant_id = o.tenant_id AND a.id = o.account_id
            LEFT JOIN sync_runs r ON r.tenant_id = o.tenant_id AND r.id = o.sync_run_id
        WHERE o.tenant_id = %s AND o.account_id = ANY(%s) AND o.currency = a.currency
        ORDER BY o.captured_at, o.id
        """,
        [tenant_id, list(account_ids)],
    )
    stated: defaultdict[UUID, list[StatedBalance]] = defaultdict(list)
    for account_id, *values in await found.fetchall():
        stated[account_id].append(StatedBalance(*values))
    return stated


@dataclass(frozen=True, slots=True)
class RowStanding:
    """What a row adds to the ledger balance of its account at present, and since when it is known."""

    transaction_id: UUID
    on: date
    amount: Decimal
    """Zero for a row that does not count: pending, cancelled, failed or removed."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RowChange:
    """How a change of a row moved the ledger balance of its account; oldest first."""

    transaction_id: UUID
    at: datetime
    on_before: date
    counted_before: Decimal
    on_after: date
    counted_after: Decimal


async def list_standings(
    tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID]
) -> defaultdict[UUID, list[RowStanding]]:
    """Return by account every row that it ever had, in its own currency, with what it adds to the balance now."""
    found = await tx.execute(
        """
        SELECT t.account_id, t.id, t.transaction_date,
            CASE WHEN t.status = 'settled' AND t.removed_at IS NULL THEN t.amount ELSE 0 END, t.created_at
        FROM transactions t JOIN accounts a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
        WHERE t.tenant_id = %s AND t.account_id = ANY(%s) AND t.currency = a.currency
        """,
        [tenant_id, list(account_ids)],
    )
    standings: defaultdict[UUID, list[RowStanding]] = defaultdict(list)
    for account_id, *values in await found.fetchall():
        standings[account_id].append(RowStanding(*values))
    return standings


async def list_row_changes(
    tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID]
) -> defaultdict[UUID, list[RowChange]]:
    """Return by account every change of its rows, from the change feed."""
    found = await tx.execute(
        """
        SELECT t.account_id, o.subject_id, o.occurred_at,
            coalesce(o.data->'before'->>'transaction_date', o.data->'after'->>'transaction_date')::date,
            CASE WHEN o.type <> 'transaction.created' AND o.data->'before'->>'status' = 'settled'
                THEN (o.data->'before'->>'amount')::numeric ELSE 0 END,
            coalesce(o.data->'after'->>'transaction_date', o.data->'before'->>'transaction_date')::date,
            CASE WHEN o.data->'after'->>'status' = 'settled' THEN (o.data->'after'->>'amount')::numeric ELSE 0 END
        FROM outbox o JOIN transactions t ON t.tenant_id = o.tenant_id AND t.id = o.subject_id
        WHERE o.tenant_id = %s AND t.account_id = ANY(%s) AND o.data ? 'before'
        ORDER BY o.id
        """,
        [tenant_id, list(account_ids)],
    )
    changes: defaultdict[UUID, list[RowChange]] = defaultdict(list)
    for account_id, *values in await found.fetchall():
        changes[account_id].append(RowChange(*values))
    return changes
