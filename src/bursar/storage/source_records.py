"""What has each source said about the rows of the ledger?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg import sql
from psycopg.rows import tuple_row

from bursar.domain.evidence import Evidence, EvidenceOrigin
from bursar.storage.staging import StagingTable, Value, stage
from bursar.storage.unit_of_work import Transaction

_INCOMING = StagingTable(
    "incoming_evidence",
    {
        "source_id": "uuid",
        "key": "text",
        "account_id": "uuid",
        "transaction_id": "uuid",
        "provider_transaction_id": "text",
        "fingerprint": "bytea",
        "content_hash": "bytea",
        "is_pending": "boolean",
        "replaces_key": "text",
        "raw": "jsonb",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceQuery:
    """Which evidence may concern the rows of one reading."""

    account_ids: Sequence[UUID]
    source_ids: Sequence[UUID]
    """The sources that are read now; all other sources of the accounts are ended or other ones."""
    ids: Sequence[str]
    fingerprints: Sequence[bytes]
    """Empty when ids alone decide."""
    with_pending: bool
    """True to include all live pending evidence of the accounts."""
    with_ended: bool = False
    """True to include what ended sources of the accounts have left over: living, and not taken over by a newer one."""


_EVIDENCE: LiteralString = """
    SELECT e.account_id, e.source_id, e.key, e.provider_transaction_id, e.fingerprint, e.content_hash,
        e.transaction_id, t.amount, t.transaction_date, e.is_pending, e.withdrawn_at IS NOT NULL,
        e.superseded_at IS NOT NULL,
        CASE WHEN e.source_id = ANY(%(source_ids)s) THEN 'own'
            WHEN (SELECT s.valid_until IS NOT NULL FROM account_sources s
                WHERE s.tenant_id = %(tenant_id)s AND s.id = e.source_id) THEN 'ended' ELSE 'other' END
    FROM source_records e JOIN transactions t ON t.tenant_id = %(tenant_id)s AND t.id = e.transaction_id
    WHERE e.tenant_id = %(tenant_id)s AND
"""
_BY_KEY: LiteralString = "e.source_id = ANY(%(source_ids)s) AND e.key = ANY(%(ids)s)"
_BY_REUSED_ID: LiteralString = """
    e.source_id = ANY(%(source_ids)s) AND e.provider_transaction_id = ANY(%(ids)s)
    AND e.key <> e.provider_transaction_id
"""
_BY_CONTENT: LiteralString = "e.account_id = ANY(%(account_ids)s) AND e.fingerprint = ANY(%(fingerprints)s)"
_PENDING: LiteralString = (
    "e.account_id = ANY(%(account_ids)s) AND e.is_pending AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL"
)
_LEFT_OVER: LiteralString = """
    e.account_id = ANY(%(account_ids)s) AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL
    AND e.source_id IN (SELECT s.id FROM account_sources s WHERE s.tenant_id = %(tenant_id)s
        AND s.account_id = ANY(%(account_ids)s) AND s.valid_until IS NOT NULL)
"""


async def list_evidence(tx: Transaction, tenant_id: UUID, query: EvidenceQuery) -> dict[UUID, list[Evidence]]:
    """Return the evidence that may concern a reading, by account, in the order of its keys.

    One statement, each part of it on an index of its own; what two parts find is taken once.
    """
    if not query.account_ids:
        return {}
    parts: list[LiteralString] = [_BY_KEY, _BY_REUSED_ID] if query.ids else []
    if query.fingerprints:
        parts.append(_BY_CONTENT)
    if query.with_pending:
        parts.append(_PENDING)
    if query.with_ended:
        parts.append(_LEFT_OVER)
    if not parts:
        return {}
    statement = sql.SQL(" UNION ALL ").join(sql.SQL(_EVIDENCE) + sql.SQL(part) for part in parts)
    found: dict[tuple[UUID, str], tuple[UUID, Evidence]] = {}
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            statement,
            {
                "tenant_id": tenant_id,
                "account_ids": list(query.account_ids),
                "source_ids": list(query.source_ids),
                "ids": list(query.ids),
                "fingerprints": list(query.fingerprints),
            },
            binary=True,
        )
        for row in await cursor.fetchall():
            found[row[1], row[2]] = (
                row[0],
                Evidence(
                    key=row[2],
                    provider_transaction_id=row[3],
                    fingerprint=row[4],
                    content_hash=row[5],
                    transaction_id=row[6],
                    amount=row[7],
                    transaction_date=row[8],
                    is_pending=row[9],
                    is_withdrawn=row[10],
                    is_superseded=row[11],
                    origin=_ORIGINS[row[12]],
                ),
            )
    by_account: dict[UUID, list[Evidence]] = {}
    for source_and_key in sorted(found):
        account_id, evidence = found[source_and_key]
        by_account.setdefault(account_id, []).append(evidence)
    return by_account


_ORIGINS = {origin.value: origin for origin in EvidenceOrigin}


@dataclass(slots=True, kw_only=True)
class EvidenceWrite:
    """Evidence to keep: new, or in the place of what the key said before."""

    source_id: UUID
    key: str
    account_id: UUID
    transaction_id: UUID
    provider_transaction_id: str | None
    fingerprint: bytes | None
    content_hash: bytes
    is_pending: bool
    supersedes_key: str | None = None
    """Key of the evidence of the same account that this one replaces; None when it replaces none."""
    raw: Mapping[str, object] | None = None


async def upsert_evidence(tx: Transaction, tenant_id: UUID, writes: Iterable[EvidenceWrite], *, at: datetime) -> None:
    """Keep evidence of rows that the ledger holds; what it supersedes stays and is marked."""
    await stage(tx, _INCOMING, (_values(write) for write in writes))
    arguments = {"tenant_id": tenant_id, "at": at}
    await tx.execute(
        """
        UPDATE source_records e SET superseded_at = %(at)s
        FROM pg_temp.incoming_evidence i
        WHERE e.tenant_id = %(tenant_id)s AND e.account_id = i.account_id AND e.transaction_id = i.transaction_id
            AND e.key = i.replaces_key AND e.superseded_at IS NULL AND (e.source_id, e.key) <> (i.source_id, i.key)
        """,
        arguments,
    )
    await tx.execute(
        """
        INSERT INTO source_records AS e (tenant_id, source_id, key, account_id, transaction_id,
            provider_transaction_id, fingerprint, content_hash, is_pending, first_seen_at, last_seen_at, raw)
        SELECT %(tenant_id)s, source_id, key, account_id, transaction_id, provider_transaction_id, fingerprint,
            content_hash, is_pending, %(at)s, %(at)s, raw
        FROM pg_temp.incoming_evidence
        ON CONFLICT (tenant_id, source_id, key) DO UPDATE SET transaction_id = excluded.transaction_id,
            provider_transaction_id = excluded.provider_transaction_id, fingerprint = excluded.fingerprint,
            content_hash = excluded.content_hash, is_pending = excluded.is_pending,
            last_seen_at = excluded.last_seen_at, withdrawn_at = NULL, raw = excluded.raw
        """,
        arguments,
    )


def _values(write: EvidenceWrite) -> Sequence[Value]:
    return (
        write.source_id,
        write.key,
        write.account_id,
        write.transaction_id,
        write.provider_transaction_id,
        write.fingerprint,
        write.content_hash,
        write.is_pending,
        write.supersedes_key,
        None if write.raw is None else msgspec.json.encode(write.raw).decode(),
    )


async def withdraw_evidence(
    tx: Transaction, tenant_id: UUID, *, source_ids: Sequence[UUID], keys: Sequence[str], at: datetime
) -> list[UUID]:
    """Mark evidence as taken back by its source; return the rows of the ledger that nothing vouches for any more."""
    found = await tx.execute(
        """
        WITH withdrawn AS (
            UPDATE source_records SET withdrawn_at = %(at)s
            WHERE tenant_id = %(tenant_id)s AND source_id = ANY(%(source_ids)s) AND key = ANY(%(keys)s)
                AND withdrawn_at IS NULL
            RETURNING source_id, key, transaction_id
        )
        SELECT DISTINCT w.transaction_id FROM withdrawn w
        WHERE NOT EXISTS (
            SELECT FROM source_records e
            WHERE e.tenant_id = %(tenant_id)s AND e.transaction_id = w.transaction_id
                AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL
                AND (e.source_id, e.key) NOT IN (SELECT source_id, key FROM withdrawn))
        """,
        {"tenant_id": tenant_id, "source_ids": list(source_ids), "keys": list(keys), "at": at},
    )
    return [transaction_id for (transaction_id,) in await found.fetchall()]


async def list_unlisted_keys(
    tx: Transaction, tenant_id: UUID, *, account_id: UUID, source_id: UUID, listed: Sequence[str], since: date
) -> list[tuple[UUID, str]]:
    """Return (source, key) of living evidence, for rows since a day, that a complete listing of a source lacks.

    Evidence of ended sources of the same connection counts as lacking: what the new source knew of it was taken over.
    """
    found = await tx.execute(
        """
        SELECT e.source_id, e.key FROM source_records e
        JOIN transactions t ON t.tenant_id = e.tenant_id AND t.id = e.transaction_id
        JOIN account_sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
        WHERE e.tenant_id = %(tenant_id)s AND e.account_id = %(account_id)s
            AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL AND t.transaction_date >= %(since)s
            AND (e.source_id = %(source_id)s AND e.key <> ALL(%(listed)s)
                OR s.valid_until IS NOT NULL AND s.connection_id = (
                    SELECT connection_id FROM account_sources
                    WHERE tenant_id = %(tenant_id)s AND id = %(source_id)s))
        """,
        {
            "tenant_id": tenant_id,
            "account_id": account_id,
            "source_id": source_id,
            "listed": list(listed),
            "since": since,
        },
    )
    return [(source_id, str(key)) for source_id, key in await found.fetchall()]


async def list_stranded_keys(
    tx: Transaction, tenant_id: UUID, *, account_ids: Sequence[UUID]
) -> list[tuple[UUID, str]]:
    """Return (source, key) of pending rows that only an ended source has told of: it will never settle them."""
    found = await tx.execute(
        """
        SELECT e.source_id, e.key FROM source_records e
        JOIN account_sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
        WHERE e.tenant_id = %s AND e.account_id = ANY(%s) AND s.valid_until IS NOT NULL
            AND e.is_pending AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL
        """,
        [tenant_id, list(account_ids)],
    )
    return [(source_id, str(key)) for source_id, key in await found.fetchall()]
