"""Which balance gaps are open, which were closed, and whose proof is due?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from bursar.domain.gaps import BalanceGap
from bursar.domain.ids import new_ids
from bursar.storage.staging import StagedStatement, StagingTable, stage
from bursar.storage.unit_of_work import Transaction

_INCOMING = StagingTable(
    "incoming_gaps",
    {
        "id": "uuid",
        "account_id": "uuid",
        "opening_id": "uuid",
        "closing_id": "uuid",
        "start_on": "date",
        "end_on": "date",
        "amount": "numeric",
        "currency": "text",
        "opening_balance": "numeric",
        "closing_balance": "numeric",
        "suggested_fetch_start": "date",
        "suggested_fetch_end": "date",
    },
)
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, _INCOMING.columns))

_FEED: LiteralString = """
    jsonb_build_object('account_id', {0}.account_id, 'start_on', {0}.start_on, 'end_on', {0}.end_on,
        'amount', {0}.amount::text, 'currency', {0}.currency, 'closed_by', {0}.closed_by)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapWrite:
    """A gap as the proof of its account now tells it."""

    account_id: UUID
    opening_id: UUID
    closing_id: UUID
    start_on: date
    end_on: date
    amount: Decimal
    currency: str
    opening_balance: Decimal
    closing_balance: Decimal
    suggested_fetch_start: date
    suggested_fetch_end: date


async def mark_due(tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID], *, at: datetime) -> None:
    """Have accounts proven at the end of their run, or of the next one that ends well."""
    await tx.execute(
        """
        INSERT INTO proofs_due (tenant_id, account_id, due_since)
        SELECT %s, account_id, %s FROM unnest(%s::uuid[]) AS account_id ORDER BY account_id
        ON CONFLICT DO NOTHING
        """,
        [tenant_id, at, list(account_ids)],
    )


async def take_due(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> tuple[list[UUID], int]:
    """Return a connection's accounts whose proof is due, off the list now, and how many accounts have an open gap."""
    taken = await tx.execute(
        """
        WITH of_connection AS (
            SELECT account_id FROM account_sources
            WHERE tenant_id = %(tenant_id)s AND connection_id = %(connection_id)s
        ), taken AS (
            DELETE FROM proofs_due d
            WHERE d.tenant_id = %(tenant_id)s AND d.account_id IN (SELECT account_id FROM of_connection)
            RETURNING d.account_id
        )
        SELECT (SELECT coalesce(array_agg(account_id ORDER BY account_id), '{}') FROM taken),
            (SELECT count(DISTINCT g.account_id) FROM balance_gaps g WHERE g.tenant_id = %(tenant_id)s
                AND g.closed_at IS NULL AND g.account_id IN (SELECT account_id FROM of_connection))
        """,
        {"tenant_id": tenant_id, "connection_id": connection_id},
    )
    row = await taken.fetchone()
    return (list(row[0]), int(row[1])) if row else ([], 0)


_MERGE = StagedStatement(
    _INCOMING,
    """
    WITH incoming AS {incoming}, open AS (
        SELECT * FROM balance_gaps
        WHERE tenant_id = %(tenant_id)s AND account_id = ANY(%(account_ids)s) AND closed_at IS NULL
    ), found AS (
        INSERT INTO balance_gaps (tenant_id, {columns}, found_at, changed_at)
        SELECT %(tenant_id)s, {columns}, %(at)s, %(at)s FROM incoming i
        WHERE NOT EXISTS (
            SELECT FROM open o WHERE (o.account_id, o.opening_id, o.closing_id)
                = (i.account_id, i.opening_id, i.closing_id))
        RETURNING *
    ), changed AS (
        UPDATE balance_gaps g SET amount = i.amount, start_on = i.start_on, end_on = i.end_on,
            suggested_fetch_start = i.suggested_fetch_start, suggested_fetch_end = i.suggested_fetch_end,
            changed_at = %(at)s
        FROM open o JOIN incoming i
            ON (o.account_id, o.opening_id, o.closing_id) = (i.account_id, i.opening_id, i.closing_id)
        WHERE g.tenant_id = %(tenant_id)s AND g.id = o.id
            AND (o.amount, o.start_on, o.end_on, o.suggested_fetch_start, o.suggested_fetch_end)
            IS DISTINCT FROM (i.amount, i.start_on, i.end_on, i.suggested_fetch_start, i.suggested_fetch_end)
        RETURNING g.*
    ), closed AS (
        UPDATE balance_gaps g SET changed_at = %(at)s, closed_at = %(at)s,
            closed_by = CASE WHEN EXISTS (
                SELECT FROM incoming i WHERE i.account_id = g.account_id
                    AND i.start_on <= g.end_on AND i.end_on >= g.start_on)
                THEN 'replaced' ELSE 'explained' END
        FROM open o
        WHERE g.tenant_id = %(tenant_id)s AND g.id = o.id AND NOT EXISTS (
            SELECT FROM incoming i WHERE (o.account_id, o.opening_id, o.closing_id)
                = (i.account_id, i.opening_id, i.closing_id))
        RETURNING g.*
    ), news AS (
        SELECT 'balance_gap.closed' AS type, g.id,
            jsonb_build_object('before', {before}, 'after', {after}) AS data, 1 AS place
        FROM closed g JOIN open o ON o.id = g.id
        UNION ALL
        SELECT 'balance_gap.changed', g.id, jsonb_build_object('before', {before}, 'after', {after}), 2
        FROM changed g JOIN open o ON o.id = g.id
        UNION ALL
        SELECT 'balance_gap.found', g.id, jsonb_build_object('after', {after}), 3 FROM found g
    )
    INSERT INTO outbox (tenant_id, type, subject_id, sync_run_id, occurred_at, data)
    SELECT %(tenant_id)s, type, id, %(sync_run_id)s, %(at)s, data FROM news ORDER BY place, id
    """,
    columns=_COLUMNS,
    before=sql.SQL(_FEED).format(sql.SQL("o")),
    after=sql.SQL(_FEED).format(sql.SQL("g")),
)


async def merge_gaps(
    tx: Transaction,
    tenant_id: UUID,
    account_ids: Sequence[UUID],
    gaps: Sequence[GapWrite],
    *,
    sync_run_id: UUID | None,
    at: datetime,
) -> None:
    """Make the open gaps of the accounts those that are given, and tell the change feed what that changed.

    A gap between the same two balances keeps its id; what is as before is not written.
    """
    ids = new_ids(len(gaps))
    staged = await stage(tx, _INCOMING, [(gap_id, *_values(gap)) for gap_id, gap in zip(ids, gaps, strict=True)])
    await staged.execute(
        _MERGE, {"tenant_id": tenant_id, "account_ids": list(account_ids), "sync_run_id": sync_run_id, "at": at}
    )


async def has_open(tx: Transaction, tenant_id: UUID, account_ids: Sequence[UUID]) -> bool:
    """True when any of the accounts has an open gap."""
    found = await tx.execute(
        """
        SELECT EXISTS (SELECT FROM balance_gaps
            WHERE tenant_id = %s AND account_id = ANY(%s) AND closed_at IS NULL)
        """,
        [tenant_id, list(account_ids)],
    )
    row = await found.fetchone()
    return row is not None and bool(row[0])


async def count_accounts_with_gaps(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> int:
    """Return how many accounts of a connection have an open gap."""
    found = await tx.execute(
        """
        SELECT count(DISTINCT g.account_id) FROM balance_gaps g
        WHERE g.tenant_id = %(tenant_id)s AND g.closed_at IS NULL AND g.account_id IN (
            SELECT account_id FROM account_sources
            WHERE tenant_id = %(tenant_id)s AND connection_id = %(connection_id)s)
        """,
        {"tenant_id": tenant_id, "connection_id": connection_id},
    )
    row = await found.fetchone()
    return int(row[0]) if row else 0


async def list_gaps(
    tx: Transaction,
    tenant_id: UUID,
    *,
    account_id: UUID | None = None,
    is_open: bool | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> tuple[list[BalanceGap], int]:
    """Return a page of gaps, those with the latest days first, and how many there are."""
    where = sql.SQL(
        """
        FROM balance_gaps
        WHERE tenant_id = %(tenant_id)s AND (%(account_id)s::uuid IS NULL OR account_id = %(account_id)s)
            AND (%(is_open)s::boolean IS NULL OR (closed_at IS NULL) = %(is_open)s)
        """
    )
    arguments = {
        "tenant_id": tenant_id,
        "account_id": account_id,
        "is_open": is_open,
        "limit": limit,
        "offset": offset,
    }
    async with tx.cursor(row_factory=class_row(BalanceGap)) as cursor:
        await cursor.execute(
            sql.SQL(
                "SELECT {}, found_at, changed_at, closed_at, closed_by {} "
                "ORDER BY end_on DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s"
            ).format(_COLUMNS, where),
            arguments,
        )
        gaps = await cursor.fetchall()
    counted = await tx.execute(sql.SQL("SELECT count(*) {}").format(where), arguments)
    total = await counted.fetchone()
    return gaps, int(total[0]) if total else 0


async def find_gap(tx: Transaction, tenant_id: UUID, gap_id: UUID) -> BalanceGap | None:
    """Return a gap, open or closed; None when the tenant has no such."""
    async with tx.cursor(row_factory=class_row(BalanceGap)) as cursor:
        await cursor.execute(
            sql.SQL(
                "SELECT {}, found_at, changed_at, closed_at, closed_by FROM balance_gaps "
                "WHERE tenant_id = %s AND id = %s"
            ).format(_COLUMNS),
            [tenant_id, gap_id],
        )
        return await cursor.fetchone()


def _values(gap: GapWrite) -> tuple[UUID | date | Decimal | str, ...]:
    return (
        gap.account_id,
        gap.opening_id,
        gap.closing_id,
        gap.start_on,
        gap.end_on,
        gap.amount,
        gap.currency,
        gap.opening_balance,
        gap.closing_balance,
        gap.suggested_fetch_start,
        gap.suggested_fetch_end,
    )
