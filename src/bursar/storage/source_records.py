"""What has each source said about the rows of the ledger?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg import sql
from psycopg.rows import tuple_row

from bursar.domain.evidence import Evidence, EvidenceOrigin
from bursar.storage.staging import StagedStatement, StagingTable, Value, stage
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
        "booked_on": "date",
        "amount": "numeric",
        "replaces_source": "uuid",
        "replaces_key": "text",
        "raw": "jsonb",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDays:
    """Days of an account of which a reading holds every row."""

    account_id: UUID
    since: date
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceQuery:
    """Which evidence may concern the rows of one reading."""

    account_ids: Sequence[UUID]
    source_ids: Sequence[UUID]
    """The sources that are read now."""
    origins: Mapping[UUID, EvidenceOrigin]
    """The other sources of the accounts, and what each is to the reading."""
    ids: Sequence[str]
    days: Sequence[date]
    """Booking days of the rows whose content decides; empty when ids alone do."""
    listed: Sequence[ListedDays]
    with_pending: bool
    """True to include all live pending evidence of the accounts."""
    shared_account_ids: Sequence[UUID] = ()
    """The accounts with several living sources: all that is said about a row of theirs counts together."""

    @property
    def ended_ids(self) -> list[UUID]:
        """The sources that have ended; what they have left over (living, not taken over) is included."""
        return [source_id for source_id, origin in self.origins.items() if origin is EvidenceOrigin.ENDED]


_EVIDENCE: LiteralString = """
    SELECT e.account_id, e.source_id, e.key, e.provider_transaction_id, e.fingerprint, e.content_hash,
        e.transaction_id, e.amount, e.booked_on, e.is_pending, e.withdrawn_at IS NOT NULL,
        e.superseded_at IS NOT NULL, e.last_seen_at, coalesce(e.withdrawn_at, e.superseded_at),
        t.status <> 'pending' AND t.removed_at IS NULL
    FROM source_records e JOIN transactions t ON t.tenant_id = %(tenant_id)s AND t.id = e.transaction_id
    WHERE e.tenant_id = %(tenant_id)s AND
"""
_BY_KEY: LiteralString = "e.source_id = ANY(%(source_ids)s) AND e.key = ANY(%(ids)s)"
_BY_REUSED_ID: LiteralString = """
    e.source_id = ANY(%(source_ids)s) AND e.provider_transaction_id = ANY(%(ids)s)
    AND e.key <> e.provider_transaction_id
"""
_BY_DAY: LiteralString = "e.account_id = ANY(%(account_ids)s) AND e.booked_on = ANY(%(days)s)"
_LISTED: LiteralString = """
    e.withdrawn_at IS NULL AND e.superseded_at IS NULL AND EXISTS (
        SELECT FROM unnest(%(listed_ids)s::uuid[], %(listed_since)s::date[], %(listed_until)s::date[])
            AS l (account_id, since, until)
        WHERE l.account_id = e.account_id AND e.booked_on >= l.since AND (l.until IS NULL OR e.booked_on <= l.until))
    AND e.account_id = ANY(%(listed_ids)s) AND e.booked_on >= %(listed_first)s
"""
_PENDING: LiteralString = (
    "e.account_id = ANY(%(account_ids)s) AND e.is_pending AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL"
)
_LEFT_OVER: LiteralString = """
    e.account_id = ANY(%(account_ids)s) AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL
    AND e.source_id = ANY(%(ended_ids)s)
"""
_SAME_ROWS: LiteralString = "e.transaction_id = ANY(%(transaction_ids)s)"

_Found = dict[tuple[UUID, str], tuple[UUID, Evidence]]


async def list_evidence(tx: Transaction, tenant_id: UUID, query: EvidenceQuery) -> dict[UUID, list[Evidence]]:
    """Return the evidence that may concern a reading, by account, in the order of its keys.

    One statement, each part of it on an index of its own; what two parts find is taken once. Only accounts with several
    living sources need a second one, for what others say about the rows that were found; and where a row has moved to
    another day a third, for what it was equal to before.
    """
    if not query.account_ids:
        return {}
    parts: list[LiteralString] = [_BY_KEY, _BY_REUSED_ID] if query.ids else []
    if query.days:
        parts.append(_BY_DAY)
    if query.listed:
        parts.append(_LISTED)
    if query.with_pending:
        parts.append(_PENDING)
    if query.ended_ids:
        parts.append(_LEFT_OVER)
    found: _Found = {}
    if parts:
        await _read(tx, tenant_id, query, parts, [], found)
    shared = set(query.shared_account_ids)
    days = _days_before(query, [one for account_id, one in found.values() if account_id in shared])
    if days:
        await _read(tx, tenant_id, replace(query, days=days), [_BY_DAY], [], found)
    rows = list({one.transaction_id for account_id, one in found.values() if account_id in shared})
    if rows:
        await _read(tx, tenant_id, query, [_SAME_ROWS], rows, found)
    by_account: dict[UUID, list[Evidence]] = {}
    for source_and_key in sorted(found):
        account_id, evidence = found[source_and_key]
        by_account.setdefault(account_id, []).append(evidence)
    return by_account


async def _read(
    tx: Transaction,
    tenant_id: UUID,
    query: EvidenceQuery,
    parts: Sequence[LiteralString],
    transaction_ids: Sequence[UUID],
    found: _Found,
) -> None:
    statement = sql.SQL(" UNION ALL ").join(sql.SQL(_EVIDENCE) + sql.SQL(part) for part in parts)
    own = set(query.source_ids)
    async with tx.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            statement,
            {
                "tenant_id": tenant_id,
                "account_ids": list(query.account_ids),
                "source_ids": list(query.source_ids),
                "ended_ids": query.ended_ids,
                "ids": list(query.ids),
                "days": list(query.days),
                "listed_ids": [one.account_id for one in query.listed],
                "listed_since": [one.since for one in query.listed],
                "listed_until": [one.until for one in query.listed],
                "listed_first": min((one.since for one in query.listed), default=None),
                "transaction_ids": list(transaction_ids),
            },
            binary=True,
        )
        for row in await cursor.fetchall():
            source_id = row[1]
            found[source_id, row[2]] = (
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
                    origin=_OWN if source_id in own else query.origins.get(source_id, EvidenceOrigin.OTHER),
                    source=source_id,
                    told_at=row[12],
                    ended_at=row[13],
                    row_is_settled=row[14],
                ),
            )


_OWN = EvidenceOrigin.OWN


def _days_before(query: EvidenceQuery, found: Sequence[Evidence]) -> list[date]:
    """Return the days from which settled rows of the reading have moved to others."""
    ids = set(query.ids) if found else set[str]()
    told = {
        one.transaction_date
        for one in found
        if one.origin is _OWN and one.is_living and not one.is_pending and one.provider_transaction_id in ids
    }
    return sorted(told.difference(query.days))


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
    booked_on: date
    amount: Decimal
    supersedes: tuple[UUID, str] | None = None
    """Source and key of the evidence that this one replaces; None when it replaces none."""
    raw: Mapping[str, object] | None = None


_SUPERSEDE = StagedStatement(
    _INCOMING,
    """
    WITH incoming AS {incoming}
    UPDATE source_records e SET superseded_at = %(at)s
    FROM incoming i
    WHERE e.tenant_id = %(tenant_id)s AND e.source_id = i.replaces_source AND e.key = i.replaces_key
        AND e.superseded_at IS NULL AND (e.source_id, e.key) <> (i.source_id, i.key)
    """,
)
_UPSERT = StagedStatement(
    _INCOMING,
    """
    WITH incoming AS {incoming}
    INSERT INTO source_records AS e (tenant_id, source_id, key, account_id, transaction_id,
        provider_transaction_id, fingerprint, content_hash, is_pending, booked_on, amount, first_seen_at,
        last_seen_at, raw)
    SELECT %(tenant_id)s, i.source_id, i.key, i.account_id, i.transaction_id, i.provider_transaction_id,
        i.fingerprint, i.content_hash, i.is_pending, i.booked_on, i.amount, %(at)s, %(told_at)s,
        -- Of a row whose texts were forgotten no words are kept again.
        CASE WHEN t.texts_removed_at IS NULL THEN i.raw END
    FROM incoming i LEFT JOIN transactions t ON t.tenant_id = %(tenant_id)s AND t.id = i.transaction_id
    ON CONFLICT (tenant_id, source_id, key) DO UPDATE SET transaction_id = excluded.transaction_id,
        provider_transaction_id = excluded.provider_transaction_id, fingerprint = excluded.fingerprint,
        content_hash = excluded.content_hash, is_pending = excluded.is_pending, booked_on = excluded.booked_on,
        amount = excluded.amount, last_seen_at = excluded.last_seen_at, withdrawn_at = NULL, raw = excluded.raw
    """,
)


async def upsert_evidence(
    tx: Transaction, tenant_id: UUID, writes: Iterable[EvidenceWrite], *, at: datetime, told_at: datetime
) -> None:
    """Keep evidence of rows that the ledger holds; what it supersedes stays and is marked.

    Args:
        tx: the transaction.
        tenant_id: whose evidence.
        writes: at most one for each source and key.
        at: now.
        told_at: when the words were true.
    """
    staged = await stage(tx, _INCOMING, map(_values, writes))
    arguments = {"tenant_id": tenant_id, "at": at, "told_at": told_at}
    await staged.execute(_SUPERSEDE, arguments)
    await staged.execute(_UPSERT, arguments)


def _values(write: EvidenceWrite) -> Sequence[Value]:
    source_id, key = write.supersedes or (None, None)
    return (
        write.source_id,
        write.key,
        write.account_id,
        write.transaction_id,
        write.provider_transaction_id,
        write.fingerprint,
        write.content_hash,
        write.is_pending,
        write.booked_on,
        write.amount,
        source_id,
        key,
        None if write.raw is None else msgspec.Raw(msgspec.json.encode(write.raw)),
    )


async def list_words(
    tx: Transaction, tenant_id: UUID, *, source_ids: Sequence[UUID], ids: Sequence[str]
) -> list[tuple[UUID, str, str | None]]:
    """Return (source, key, the source's own id) of what has not been withdrawn and goes by one of some ids."""
    found = await tx.execute(
        """
        SELECT source_id, key, provider_transaction_id FROM source_records
        WHERE tenant_id = %(tenant_id)s AND source_id = ANY(%(source_ids)s) AND key = ANY(%(ids)s)
            AND withdrawn_at IS NULL
        UNION ALL
        SELECT source_id, key, provider_transaction_id FROM source_records
        WHERE tenant_id = %(tenant_id)s AND source_id = ANY(%(source_ids)s)
            AND provider_transaction_id = ANY(%(ids)s) AND key <> provider_transaction_id AND withdrawn_at IS NULL
        """,
        {"tenant_id": tenant_id, "source_ids": list(source_ids), "ids": list(ids)},
    )
    return [(source_id, str(key), name) for source_id, key, name in await found.fetchall()]


async def withdraw_evidence(
    tx: Transaction, tenant_id: UUID, words: Sequence[tuple[UUID, str]], *, overrules: bool, at: datetime
) -> list[UUID]:
    """Mark evidence, by (source, key), as taken back; return the rows of the ledger that nothing holds any more.

    Args:
        tx: the transaction.
        tenant_id: whose evidence.
        words: what is taken back.
        overrules: True when an API takes back: what files and ended sources said before holds a row no longer (and is
            withdrawn with it), unless a row that is settled there was only announced here. False: any word holds.
        at: now.
    """
    arguments = {
        "tenant_id": tenant_id,
        "source_ids": [source_id for source_id, _ in words],
        "keys": [key for _, key in words],
        "overrules": overrules,
        "at": at,
    }
    found = await tx.execute(
        """
        WITH withdrawn AS (
            UPDATE source_records e SET withdrawn_at = %(at)s
            FROM unnest(%(source_ids)s::uuid[], %(keys)s::text[]) AS w (source_id, key)
            WHERE e.tenant_id = %(tenant_id)s AND e.source_id = w.source_id AND e.key = w.key
                AND e.withdrawn_at IS NULL
            RETURNING e.source_id, e.key, e.transaction_id, e.is_pending, e.superseded_at
        ), touched AS (
            SELECT transaction_id, bool_or(NOT is_pending) AS was_settled FROM withdrawn
            WHERE superseded_at IS NULL GROUP BY transaction_id
        )
        SELECT w.transaction_id FROM touched w
        WHERE NOT EXISTS (
            SELECT FROM source_records e
            JOIN account_sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
            JOIN providers p ON p.slug = s.provider_slug
            WHERE e.tenant_id = %(tenant_id)s AND e.transaction_id = w.transaction_id
                AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL
                AND (e.source_id, e.key) NOT IN (SELECT source_id, key FROM withdrawn)
                AND (NOT %(overrules)s OR (s.valid_until IS NULL AND p.credential_type <> 'file_import')
                    OR NOT (w.was_settled OR e.is_pending)))
        """,
        arguments,
    )
    unheld = [transaction_id for (transaction_id,) in await found.fetchall()]
    if unheld and overrules:
        await tx.execute(
            """
            UPDATE source_records SET withdrawn_at = %s
            WHERE tenant_id = %s AND transaction_id = ANY(%s) AND withdrawn_at IS NULL AND superseded_at IS NULL
            """,
            [at, tenant_id, unheld],
        )
    return unheld


async def list_stranded_keys(
    tx: Transaction, tenant_id: UUID, *, account_ids: Sequence[UUID]
) -> list[tuple[UUID, str]]:
    """Return (source, key) of what ended sources have left behind and living ones know better.

    Pending rows: nobody would ever settle them. Settled rows that a living source has told, too, and taken back since:
    while the ended source lived its word held them, and it would hold them for ever.
    """
    found = await tx.execute(
        """
        SELECT e.source_id, e.key FROM source_records e
        JOIN account_sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
        WHERE e.tenant_id = %(tenant_id)s AND e.account_id = ANY(%(account_ids)s) AND s.valid_until IS NOT NULL
            AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL
            AND (e.is_pending OR (
                EXISTS (
                    SELECT FROM source_records w
                    JOIN account_sources o ON o.tenant_id = w.tenant_id AND o.id = w.source_id
                    WHERE w.tenant_id = %(tenant_id)s AND w.transaction_id = e.transaction_id
                        AND o.valid_until IS NULL AND w.withdrawn_at > e.last_seen_at AND NOT w.is_pending
                        AND w.superseded_at IS NULL)
                AND NOT EXISTS (
                    SELECT FROM source_records w
                    JOIN account_sources o ON o.tenant_id = w.tenant_id AND o.id = w.source_id
                    WHERE w.tenant_id = %(tenant_id)s AND w.transaction_id = e.transaction_id
                        AND o.valid_until IS NULL AND w.withdrawn_at IS NULL AND w.superseded_at IS NULL)))
        """,
        {"tenant_id": tenant_id, "account_ids": list(account_ids)},
    )
    return [(source_id, str(key)) for source_id, key in await found.fetchall()]
