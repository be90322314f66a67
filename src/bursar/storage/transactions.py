"""Which rows does the ledger hold, and how do many of them change in one statement?"""

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg import sql

from bursar.domain.transactions import ProviderTransactionData
from bursar.storage.staging import StagedStatement, StagingTable, Value, stage, stage_in_turns
from bursar.storage.unit_of_work import Transaction

MAX_DESCRIPTION = 500

_CONTENT: dict[str, str] = {
    "transaction_type": "text",
    "subtype": "text",
    "status": "text",
    "amount": "numeric",
    "currency": "text",
    "description": "text",
    "transaction_date": "date",
    "settlement_date": "date",
    "occurred_at": "timestamptz",
    "symbol": "text",
    "security_name": "text",
    "security_id": "text",
    "security_id_type": "text",
    "asset_type": "text",
    "quantity": "numeric",
    "unit_price": "numeric",
    "multiplier": "numeric",
    "commission": "numeric",
    "fees": "numeric",
    "original_amount": "numeric",
    "original_currency": "text",
    "fx_rate": "numeric",
    "counterparty": "text",
    "check_number": "text",
    "category_hint": "text",
    "memo": "text",
}
_INCOMING = StagingTable("incoming_transactions", {"id": "uuid", "account_id": "uuid", **_CONTENT})
_INCOMING_NEW = StagingTable(
    "incoming_new_transactions",
    {
        **_INCOMING.columns,
        "source_id": "uuid",
        "key": "text",
        "provider_transaction_id": "text",
        "fingerprint": "bytea",
        "content_hash": "bytea",
        "raw": "jsonb",
    },
)
_CONTENT_LIST = sql.SQL(", ").join(map(sql.Identifier, _CONTENT))

_FEED: LiteralString = """
    jsonb_build_object('account_id', {0}.account_id, 'status', {0}.status, 'amount', {0}.amount::text,
        'currency', {0}.currency, 'transaction_date', {0}.transaction_date, 'description', {0}.description)
"""


@dataclass(slots=True)
class RowWrite:
    """A row of the ledger as its source now tells it, under its id in the ledger."""

    transaction_id: UUID
    account_id: UUID
    row: ProviderTransactionData


@dataclass(slots=True)
class NewRow(RowWrite):
    """A row that the ledger does not hold yet, with the first word that a source has said about it."""

    source_id: UUID
    key: str
    """Not in use at the source yet."""
    fingerprint: bytes
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """What a bulk update really changed."""

    updated_count: int
    conflict_ids: list[UUID]
    """Settled rows whose amount or date was changed by the institution; both versions are in the change feed."""
    refused_ids: list[UUID]
    """Rows whose status may not go back to what the source says; all else was taken over."""


_INSERT = StagedStatement(
    _INCOMING_NEW,
    """
    WITH incoming AS {incoming}, added AS (
        INSERT INTO transactions (tenant_id, id, account_id, {content}, settled_seen_at, created_at, updated_at)
        SELECT %(tenant_id)s, id, account_id, {content}, CASE WHEN status = 'settled' THEN %(at)s END,
            %(at)s, %(at)s
        FROM incoming
    ), told AS (
        INSERT INTO outbox (tenant_id, type, subject_id, sync_run_id, occurred_at, data)
        SELECT %(tenant_id)s, 'transaction.created', t.id, %(sync_run_id)s, %(at)s,
            jsonb_build_object('after', {feed})
        FROM incoming t
    )
    INSERT INTO source_records (tenant_id, source_id, key, account_id, transaction_id, provider_transaction_id,
        fingerprint, content_hash, is_pending, booked_on, amount, first_seen_at, last_seen_at, raw)
    SELECT %(tenant_id)s, source_id, key, account_id, id, provider_transaction_id, fingerprint, content_hash,
        status = 'pending', transaction_date, amount, %(at)s, %(told_at)s, raw
    FROM incoming
    """,
    content=_CONTENT_LIST,
    feed=sql.SQL(_FEED).format(sql.SQL("t")),
)


async def insert_transactions(
    tx: Transaction,
    tenant_id: UUID,
    rows: Sequence[NewRow],
    *,
    sync_run_id: UUID | None,
    at: datetime,
    told_at: datetime,
) -> int:
    """Add new rows with their first evidence (true at `told_at`) and tell the change feed; return how many."""
    inserted = 0
    async with aclosing(stage_in_turns(tx, _INCOMING_NEW, rows, _new_values)) as parts:
        async for staged in parts:
            done = await staged.execute(
                _INSERT, {"tenant_id": tenant_id, "at": at, "told_at": told_at, "sync_run_id": sync_run_id}
            )
            inserted += done.rowcount
    return inserted


_BUT_STATUS = [name for name in _CONTENT if name != "status"]
_TEXTS = frozenset({"description", "counterparty", "memo", "check_number"})
"""What is forgotten by age, for ever: no source brings it back."""


def _told(name: str) -> sql.Composed:
    """What a row says of a column after an update: its source's word, or what it was for a text that was forgotten."""
    kept = "CASE WHEN t.texts_removed_at IS NULL THEN i.{0} ELSE t.{0} END" if name in _TEXTS else "i.{0}"
    return sql.SQL(kept).format(sql.Identifier(name))


_UPDATE = StagedStatement(
    _INCOMING,
    """
    WITH incoming AS {incoming}, before AS (
        SELECT t.*, CASE WHEN t.status = i.status OR t.removed_at IS NOT NULL OR t.status = 'pending'
                OR (t.status = 'settled' AND i.status = 'cancelled') THEN i.status ELSE t.status END
                AS next_status,
            i.status AS told_status
        FROM transactions t JOIN incoming i ON i.id = t.id
        WHERE t.tenant_id = %(tenant_id)s
    ), changed AS (
        UPDATE transactions t SET {assignments}, status = b.next_status, removed_at = NULL,
            settled_seen_at = CASE WHEN b.next_status = 'settled' THEN coalesce(t.settled_seen_at, %(at)s)
                ELSE t.settled_seen_at END,
            version = t.version + 1, updated_at = %(at)s
        FROM incoming i JOIN before b ON b.id = i.id
        WHERE t.tenant_id = %(tenant_id)s AND t.id = i.id
            AND (t.status <> b.next_status OR t.removed_at IS NOT NULL
                OR ({stored}) IS DISTINCT FROM ({told}))
        RETURNING t.*
    ), told AS (
        INSERT INTO outbox (tenant_id, type, subject_id, sync_run_id, occurred_at, data)
        SELECT %(tenant_id)s, CASE WHEN b.removed_at IS NULL THEN 'transaction.updated'
                ELSE 'transaction.created' END,
            t.id, %(sync_run_id)s, %(at)s, jsonb_build_object('before', {feed_before}, 'after', {feed_after})
        FROM changed t JOIN before b ON b.id = t.id
    )
    SELECT b.id, t.id IS NOT NULL,
        b.status = 'settled' AND b.removed_at IS NULL AND t.id IS NOT NULL
            AND (t.amount <> b.amount OR t.transaction_date <> b.transaction_date),
        b.next_status <> b.told_status
    FROM before b LEFT JOIN changed t ON t.id = b.id
    """,
    assignments=sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), _told(name)) for name in _BUT_STATUS
    ),
    stored=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in _BUT_STATUS),
    told=sql.SQL(", ").join(_told(name) for name in _BUT_STATUS),
    feed_before=sql.SQL(_FEED).format(sql.SQL("b")),
    feed_after=sql.SQL(_FEED).format(sql.SQL("t")),
)


async def update_transactions(
    tx: Transaction, tenant_id: UUID, writes: Iterable[RowWrite], *, sync_run_id: UUID | None, at: datetime
) -> UpdateOutcome:
    """Write what differs, row by row of the feed but in one statement; unchanged rows are not touched.

    A removed row that its source lists again comes back under its id. A status moves only along its machine.
    """
    staged = await stage(tx, _INCOMING, map(_values, writes))
    found = await staged.execute(_UPDATE, {"tenant_id": tenant_id, "at": at, "sync_run_id": sync_run_id})
    rows = await found.fetchall()
    return UpdateOutcome(
        updated_count=sum(1 for row in rows if row[1]),
        conflict_ids=[row[0] for row in rows if row[2]],
        refused_ids=[row[0] for row in rows if row[3]],
    )


async def cancel_transactions(
    tx: Transaction, tenant_id: UUID, transaction_ids: Sequence[UUID], *, sync_run_id: UUID | None, at: datetime
) -> int:
    """Mark rows as cancelled by their institution; return how many were not so before."""
    done = await tx.execute(
        sql.SQL(
            """
            WITH changed AS (
                UPDATE transactions SET status = 'cancelled', version = version + 1, updated_at = %(at)s
                WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s) AND status <> 'cancelled' AND removed_at IS NULL
                RETURNING *
            )
            INSERT INTO outbox (tenant_id, type, subject_id, sync_run_id, occurred_at, data)
            SELECT %(tenant_id)s, 'transaction.updated', t.id, %(sync_run_id)s, %(at)s,
                jsonb_build_object('before', {before}, 'after', {after})
            FROM changed t JOIN transactions b ON b.tenant_id = %(tenant_id)s AND b.id = t.id
            """
        ).format(before=sql.SQL(_FEED).format(sql.SQL("b")), after=sql.SQL(_FEED).format(sql.SQL("t"))),
        {"tenant_id": tenant_id, "ids": list(transaction_ids), "at": at, "sync_run_id": sync_run_id},
    )
    return done.rowcount


async def remove_transactions(
    tx: Transaction,
    tenant_id: UUID,
    transaction_ids: Sequence[UUID],
    *,
    sync_run_id: UUID | None,
    at: datetime,
    is_merged: bool = False,
) -> int:
    """Take rows out of every list and sum and leave a tombstone of each; their ids still resolve. Return how many.

    `is_merged` says that each turned out to be another row of the ledger, and not that its source took it back.
    """
    done = await tx.execute(
        sql.SQL(
            """
            WITH removed AS (
                UPDATE transactions SET removed_at = %(at)s, version = version + 1, updated_at = %(at)s
                WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s) AND removed_at IS NULL
                RETURNING *
            ), buried AS (
                INSERT INTO tombstones (tenant_id, transaction_id, account_id, removed_at, reason, sync_run_id,
                    last_content)
                SELECT %(tenant_id)s, t.id, t.account_id, %(at)s,
                    CASE WHEN %(is_merged)s THEN 'merged' WHEN t.status = 'pending' THEN 'pending_vanished'
                        ELSE 'removed_by_source' END,
                    %(sync_run_id)s, {feed}
                FROM removed t
            )
            INSERT INTO outbox (tenant_id, type, subject_id, sync_run_id, occurred_at, data)
            SELECT %(tenant_id)s, 'transaction.removed', t.id, %(sync_run_id)s, %(at)s,
                jsonb_build_object('before', {feed})
            FROM removed t
            """
        ).format(feed=sql.SQL(_FEED).format(sql.SQL("t"))),
        {
            "tenant_id": tenant_id,
            "ids": list(transaction_ids),
            "at": at,
            "sync_run_id": sync_run_id,
            "is_merged": is_merged,
        },
    )
    return done.rowcount


def _values(write: RowWrite) -> Sequence[Value]:
    row = write.row
    return (
        write.transaction_id,
        write.account_id,
        row.transaction_type,
        row.subtype,
        row.status,
        row.amount,
        row.currency,
        row.description[:MAX_DESCRIPTION],
        row.transaction_date,
        row.settlement_date,
        row.occurred_at,
        row.symbol,
        row.security_name,
        row.security_id,
        row.security_id_type,
        row.asset_type,
        row.quantity,
        row.unit_price,
        row.multiplier,
        row.commission,
        row.fees,
        row.original_amount,
        row.original_currency,
        row.fx_rate,
        row.counterparty,
        row.check_number,
        row.category_hint,
        row.memo,
    )


def _new_values(new: NewRow) -> Sequence[Value]:
    raw = new.row.raw_data
    return (
        *_values(new),
        new.source_id,
        new.key,
        new.row.provider_transaction_id,
        new.fingerprint,
        new.content_hash,
        None if raw is None else msgspec.Raw(msgspec.json.encode(raw)),
    )
