"""What has each source said about the rows of the ledger?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
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


async def list_evidence(tx: Transaction, tenant_id: UUID, query: EvidenceQuery) -> dict[UUID, list[Evidence]]:
    """Return the evidence that may concern a reading, by account."""
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            """
            WITH concerned AS (
                SELECT source_id, key FROM source_records
                WHERE tenant_id = %(tenant_id)s AND source_id = ANY(%(source_ids)s) AND key = ANY(%(ids)s)
                UNION
                SELECT source_id, key FROM source_records
                WHERE tenant_id = %(tenant_id)s AND source_id = ANY(%(source_ids)s)
                    AND provider_transaction_id = ANY(%(ids)s) AND key <> provider_transaction_id
                UNION
                SELECT source_id, key FROM source_records
                WHERE tenant_id = %(tenant_id)s AND account_id = ANY(%(account_ids)s)
                    AND fingerprint = ANY(%(fingerprints)s)
                UNION
                SELECT source_id, key FROM source_records
                WHERE tenant_id = %(tenant_id)s AND account_id = ANY(%(account_ids)s)
                    AND is_pending AND withdrawn_at IS NULL AND superseded_at IS NULL AND %(with_pending)s
            )
            SELECT e.account_id, e.key, e.provider_transaction_id, e.fingerprint, e.content_hash, e.transaction_id,
                t.amount, t.transaction_date, e.is_pending, e.withdrawn_at IS NOT NULL, e.superseded_at IS NOT NULL,
                CASE WHEN e.source_id = ANY(%(source_ids)s) THEN 'own'
                    WHEN s.valid_until IS NOT NULL THEN 'ended' ELSE 'other' END
            FROM concerned JOIN source_records e
                ON e.tenant_id = %(tenant_id)s AND e.source_id = concerned.source_id AND e.key = concerned.key
            JOIN transactions t ON t.tenant_id = e.tenant_id AND t.id = e.transaction_id
            JOIN account_sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
            ORDER BY e.first_seen_at, e.source_id, e.key
            """,
            {
                "tenant_id": tenant_id,
                "account_ids": list(query.account_ids),
                "source_ids": list(query.source_ids),
                "ids": list(query.ids),
                "fingerprints": list(query.fingerprints),
                "with_pending": query.with_pending,
            },
            binary=True,
        )
        by_account: dict[UUID, list[Evidence]] = {}
        async for row in cursor:
            by_account.setdefault(row[0], []).append(
                Evidence(
                    key=row[1],
                    provider_transaction_id=row[2],
                    fingerprint=row[3],
                    content_hash=row[4],
                    transaction_id=row[5],
                    amount=row[6],
                    transaction_date=row[7],
                    is_pending=row[8],
                    is_withdrawn=row[9],
                    is_superseded=row[10],
                    origin=EvidenceOrigin(row[11]),
                )
            )
        return by_account


@dataclass(frozen=True, slots=True, kw_only=True)
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


async def upsert_evidence(tx: Transaction, tenant_id: UUID, writes: Iterable[EvidenceWrite], at: datetime) -> None:
    """Keep evidence; what it supersedes stays and is marked."""
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
