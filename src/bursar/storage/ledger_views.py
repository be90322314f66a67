"""Which pages of the ledger does a reader see? (Lists, one row, and the change feed.)."""

from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from bursar.domain.transactions import Transaction as LedgerRow
from bursar.domain.transactions import TransactionChange, TransactionFilter
from bursar.storage.unit_of_work import Transaction

COUNT_LIMIT = 100_000
"""Totals are counted up to here; beyond, a count would cost more than the page."""

_SELECT: LiteralString = """
    SELECT t.id, t.account_id, t.transaction_type, t.subtype, t.status, t.amount, t.currency, t.description,
        t.transaction_date, t.settlement_date, t.occurred_at, t.symbol, t.security_name, t.security_id,
        t.security_id_type, t.asset_type, t.quantity, t.unit_price, t.multiplier, t.commission, t.fees,
        t.original_amount, t.original_currency, t.fx_rate, t.counterparty, t.check_number, t.category_hint, t.memo,
        t.removed_at, t.texts_removed_at, t.version, t.created_at, t.updated_at, a.name AS account_name,
        a.institution_name, e.connection_id, e.institution_id, e.provider_transaction_id
    FROM page t
    JOIN accounts a ON a.tenant_id = t.tenant_id AND a.id = t.account_id
    LEFT JOIN LATERAL (
        SELECT s.connection_id, c.institution_id, r.provider_transaction_id
        FROM source_records r JOIN account_sources s ON s.tenant_id = r.tenant_id AND s.id = r.source_id
        JOIN connections c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id
        WHERE r.tenant_id = t.tenant_id AND r.transaction_id = t.id
        ORDER BY r.superseded_at IS NOT NULL, r.withdrawn_at IS NOT NULL, r.last_seen_at DESC, r.key LIMIT 1
    ) e ON true
"""


def _where(wanted: TransactionFilter) -> sql.Composed:
    conditions: list[sql.Composable] = [sql.SQL("t.removed_at IS NULL")]
    if wanted.account_ids:
        conditions.append(sql.SQL("t.account_id = ANY(%(account_ids)s)"))
    if wanted.connection_ids:
        conditions.append(
            sql.SQL(
                "t.account_id IN (SELECT account_id FROM account_sources "
                "WHERE tenant_id = %(tenant_id)s AND connection_id = ANY(%(connection_ids)s))"
            )
        )
    if wanted.institution_names:
        conditions.append(
            sql.SQL(
                "t.account_id IN (SELECT id FROM accounts "
                "WHERE tenant_id = %(tenant_id)s AND institution_name = ANY(%(institution_names)s))"
            )
        )
    if wanted.institution_ids:
        conditions.append(
            sql.SQL(
                "t.account_id IN (SELECT s.account_id FROM account_sources s "
                "JOIN connections c ON c.tenant_id = s.tenant_id AND c.id = s.connection_id "
                "WHERE s.tenant_id = %(tenant_id)s AND c.institution_id = ANY(%(institution_ids)s))"
            )
        )
    if wanted.start_date:
        conditions.append(sql.SQL("t.transaction_date >= %(start_date)s"))
    if wanted.end_date:
        conditions.append(sql.SQL("t.transaction_date <= %(end_date)s"))
    if wanted.min_amount is not None:
        conditions.append(sql.SQL("t.amount >= %(min_amount)s"))
    if wanted.max_amount is not None:
        conditions.append(sql.SQL("t.amount <= %(max_amount)s"))
    if wanted.currencies:
        conditions.append(sql.SQL("t.currency = ANY(%(currencies)s)"))
    if wanted.statuses:
        conditions.append(sql.SQL("t.status = ANY(%(statuses)s)"))
    if wanted.direction:
        conditions.append(sql.SQL("t.amount >= 0" if wanted.direction == "credit" else "t.amount < 0"))
    if wanted.text:
        conditions.append(
            sql.SQL("concat_ws(' ', t.description, t.counterparty, t.memo) ILIKE %(pattern)s ESCAPE '\\'")
        )
    if wanted.updated_since:
        conditions.append(sql.SQL("t.updated_at >= %(updated_since)s"))
    return sql.SQL(" AND ").join(conditions)


def _arguments(tenant_id: UUID, wanted: TransactionFilter) -> dict[str, object]:
    pattern = None
    if wanted.text:
        escaped = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern = f"%{escaped}%"
    return {
        "tenant_id": tenant_id,
        "account_ids": list(wanted.account_ids),
        "connection_ids": list(wanted.connection_ids),
        "institution_names": list(wanted.institution_names),
        "institution_ids": list(wanted.institution_ids),
        "start_date": wanted.start_date,
        "end_date": wanted.end_date,
        "min_amount": wanted.min_amount,
        "max_amount": wanted.max_amount,
        "currencies": list(wanted.currencies),
        "statuses": list(wanted.statuses),
        "pattern": pattern,
        "updated_since": wanted.updated_since,
    }


async def list_transactions(
    tx: Transaction,
    tenant_id: UUID,
    wanted: TransactionFilter,
    *,
    limit: int,
    offset: int = 0,
    after: tuple[date, UUID] | None = None,
) -> list[LedgerRow]:
    """Return rows by booking date, the newest first, the id as the last word.

    `after` is the (date, id) of the last row of the page before: the page then costs the same at any depth. `offset`
    is for readers who count pages; it costs what it skips.
    """
    where = _where(wanted)
    if after is not None:
        where += sql.SQL(" AND (t.transaction_date, t.id) < (%(after_date)s, %(after_id)s)")
    query = sql.SQL(
        """
        WITH page AS MATERIALIZED (
            SELECT t.* FROM transactions t WHERE t.tenant_id = %(tenant_id)s AND {}
            ORDER BY t.transaction_date DESC, t.id DESC
            LIMIT %(limit)s OFFSET %(offset)s
        ) {} ORDER BY t.transaction_date DESC, t.id DESC
        """
    ).format(where, sql.SQL(_SELECT))
    arguments = _arguments(tenant_id, wanted) | {"limit": limit, "offset": offset}
    if after is not None:
        arguments |= {"after_date": after[0], "after_id": after[1]}
    async with tx.cursor(row_factory=class_row(LedgerRow)) as cursor:
        return await (await cursor.execute(query, arguments)).fetchall()


async def count_transactions(tx: Transaction, tenant_id: UUID, wanted: TransactionFilter) -> tuple[int, bool]:
    """Return how many rows there are, and whether that is exact (it is up to `COUNT_LIMIT`)."""
    query = sql.SQL(
        "SELECT count(*) FROM (SELECT FROM transactions t WHERE t.tenant_id = %(tenant_id)s AND {} LIMIT {}) AS counted"
    ).format(_where(wanted), sql.Literal(COUNT_LIMIT + 1))
    row = await (await tx.execute(query, _arguments(tenant_id, wanted))).fetchone()
    count = int(row[0]) if row else 0
    return min(count, COUNT_LIMIT), count <= COUNT_LIMIT


async def find_transaction(tx: Transaction, tenant_id: UUID, transaction_id: UUID) -> LedgerRow | None:
    """Return one row, a removed one too (it says so); None when the tenant never had it."""
    query = sql.SQL(
        """
        WITH page AS MATERIALIZED (SELECT t.* FROM transactions t WHERE t.tenant_id = %(tenant_id)s AND t.id = %(id)s)
        {}
        """
    ).format(sql.SQL(_SELECT))
    async with tx.cursor(row_factory=class_row(LedgerRow)) as cursor:
        return await (await cursor.execute(query, {"tenant_id": tenant_id, "id": transaction_id})).fetchone()


async def list_changes(
    tx: Transaction,
    tenant_id: UUID,
    *,
    sync_run_id: UUID | None = None,
    since: datetime | None = None,
    after_id: int = 0,
    with_created: bool = False,
    limit: int = 100,
) -> list[TransactionChange]:
    """Return what happened to rows, in the order in which it happened.

    A reader who goes on from the last id misses nothing: what a transaction has written that is older than any still
    running one is shown only when that one has ended, because it may yet commit lower ids. One run's changes are
    asked for when it has ended, and are shown at once.
    """
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            SELECT id, type, subject_id AS transaction_id, occurred_at, sync_run_id, data
            FROM outbox
            WHERE tenant_id = %(tenant_id)s AND id > %(after_id)s
                AND (sync_run_id = %(run)s
                    OR %(run)s::uuid IS NULL AND written_by < pg_snapshot_xmin(pg_current_snapshot()))
                AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
                AND (%(with_created)s AND type LIKE 'transaction.%%'
                    OR type IN ('transaction.updated', 'transaction.removed'))
            ORDER BY id LIMIT %(limit)s
            """,
            {
                "tenant_id": tenant_id,
                "after_id": after_id,
                "run": sync_run_id,
                "since": since,
                "with_created": with_created,
                "limit": limit,
            },
        )
        rows = await cursor.fetchall()
    changes: list[TransactionChange] = []
    for row in rows:
        data = row.pop("data")
        changes.append(TransactionChange(**row, before=data.get("before"), after=data.get("after")))
    return changes
