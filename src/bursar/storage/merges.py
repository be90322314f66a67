"""Which rows of the ledger have turned out to be one?"""

from collections.abc import Sequence
from uuid import UUID

from bursar.storage.unit_of_work import Transaction


async def list_crossed(tx: Transaction, tenant_id: UUID, words: Sequence[tuple[UUID, str]]) -> list[tuple[UUID, UUID]]:
    """Return (row, equal row) where a source that has let go of the one holds the other, and others the other way.

    Of twins that two sources had told of, the institution took one back, and each source let go of another one. Counted
    against each other what is left is one row. What a file or an ended source told of both is older.
    """
    found = await tx.execute(
        """
        WITH gone AS (
            SELECT DISTINCT s.connection_id, e.transaction_id
            FROM source_records e
            JOIN account_sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
            JOIN unnest(%(source_ids)s::uuid[], %(keys)s::text[]) AS w (source_id, key)
                ON e.source_id = w.source_id AND e.key = w.key
            WHERE e.tenant_id = %(tenant_id)s
        ), living AS (
            SELECT s.connection_id, e.transaction_id FROM source_records e
            JOIN account_sources s ON s.tenant_id = e.tenant_id AND s.id = e.source_id
            JOIN providers p ON p.slug = s.provider_slug AND p.credential_type <> 'file_import'
            WHERE e.tenant_id = %(tenant_id)s AND e.withdrawn_at IS NULL AND e.superseded_at IS NULL
                AND s.valid_until IS NULL
                AND e.account_id IN (SELECT t.account_id FROM transactions t JOIN gone g ON g.transaction_id = t.id
                    WHERE t.tenant_id = %(tenant_id)s)
        )
        SELECT DISTINCT ON (y.id) x.id, y.id
        FROM gone g
        JOIN transactions x ON x.tenant_id = %(tenant_id)s AND x.id = g.transaction_id
        JOIN transactions y ON y.tenant_id = %(tenant_id)s AND y.account_id = x.account_id AND y.id <> x.id
            AND (y.transaction_date, y.amount, y.currency) = (x.transaction_date, x.amount, x.currency)
        WHERE x.removed_at IS NULL AND y.removed_at IS NULL AND x.status = 'settled' AND y.status = 'settled'
            AND EXISTS (SELECT FROM living l WHERE l.connection_id = g.connection_id AND l.transaction_id = y.id)
            AND EXISTS (SELECT FROM living l WHERE l.transaction_id = x.id)
            AND NOT EXISTS (SELECT FROM living a JOIN living b USING (connection_id)
                WHERE a.transaction_id = x.id AND b.transaction_id = y.id)
        ORDER BY y.id, x.id
        """,
        {
            "tenant_id": tenant_id,
            "source_ids": [source_id for source_id, _ in words],
            "keys": [key for _, key in words],
        },
    )
    pairs: dict[UUID, UUID] = {}
    for one, other in await found.fetchall():
        if one not in pairs:
            pairs[one] = other
    return list(pairs.items())


async def move_evidence(tx: Transaction, tenant_id: UUID, merges: Sequence[tuple[UUID, UUID]]) -> None:
    """Let what was said about one row of the ledger be said about another: (from, to), two rows that are one."""
    await tx.execute(
        """
        UPDATE source_records e SET transaction_id = m.target,
            raw = CASE WHEN t.texts_removed_at IS NULL THEN e.raw END
        FROM unnest(%(froms)s::uuid[], %(tos)s::uuid[]) AS m (origin, target)
        JOIN transactions t ON t.tenant_id = %(tenant_id)s AND t.id = m.target
        WHERE e.tenant_id = %(tenant_id)s AND e.transaction_id = m.origin
        """,
        {"tenant_id": tenant_id, "froms": [one for one, _ in merges], "tos": [other for _, other in merges]},
    )


async def move_words(tx: Transaction, tenant_id: UUID, moves: Sequence[tuple[UUID, str, UUID]]) -> None:
    """Let single words be about another row of the ledger: (source, key, row)."""
    await tx.execute(
        """
        UPDATE source_records e SET transaction_id = m.target,
            raw = CASE WHEN t.texts_removed_at IS NULL THEN e.raw END
        FROM unnest(%(sources)s::uuid[], %(keys)s::text[], %(targets)s::uuid[]) AS m (source_id, key, target)
        JOIN transactions t ON t.tenant_id = %(tenant_id)s AND t.id = m.target
        WHERE e.tenant_id = %(tenant_id)s AND e.source_id = m.source_id AND e.key = m.key
        """,
        {
            "tenant_id": tenant_id,
            "sources": [source_id for source_id, _, _ in moves],
            "keys": [key for _, key, _ in moves],
            "targets": [target for _, _, target in moves],
        },
    )
