"""What is erased for good, and what proves it afterwards?"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from bursar.domain.erasure import ConnectionErasureProof, ErasureProof, NotRevoked, tenant_mark
from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What is known of one connection's access at its provider."""

    connection_id: UUID
    provider_slug: str
    is_disconnected: bool
    was_connected: bool
    has_credentials: bool
    error_code: str | None


async def lock_accesses(tx: Transaction, tenant_id: UUID) -> list[Access]:
    """Return every access that a tenant has or had, and let nothing be added or changed until commit.

    The locks are those of `erase_tenant`, in its order.
    """
    lock = "SELECT id FROM connections WHERE tenant_id = %s ORDER BY id FOR UPDATE"
    await tx.execute(lock, [tenant_id])
    await tx.execute("SELECT id FROM users WHERE tenant_id = %s ORDER BY id FOR UPDATE", [tenant_id])
    await tx.execute(lock, [tenant_id])
    return await list_accesses(tx, tenant_id)


async def list_accesses(tx: Transaction, tenant_id: UUID) -> list[Access]:
    """Return every access that a tenant has or had, in the order of the connections."""
    async with tx.cursor(row_factory=class_row(Access)) as cursor:
        await cursor.execute(
            """
            SELECT c.id AS connection_id, c.provider_slug, c.status = 'disconnected' AS is_disconnected,
                c.connected_at IS NOT NULL AS was_connected, s.connection_id IS NOT NULL AS has_credentials,
                c.last_error_code AS error_code
            FROM connections c
            LEFT JOIN connection_credentials s ON s.tenant_id = c.tenant_id AND s.connection_id = c.id
            WHERE c.tenant_id = %s ORDER BY c.id
            """,
            [tenant_id],
        )
        return await cursor.fetchall()


async def insert_proof(tx: Transaction, tenant_id: UUID, proof: ErasureProof) -> None:
    """Leave the proof of an erasure, in its transaction."""
    await tx.execute(
        """
        -- Without tenant_id: the proof outlives its tenant and knows a digest of the id only.
        INSERT INTO erasure_proofs (id, tenant_mark, erased_at, row_counts, revoked_count, not_revoked, audit_length,
            audit_hash)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            proof.id,
            tenant_mark(tenant_id),
            proof.erased_at,
            Jsonb(dict(proof.row_counts)),
            proof.revoked_count,
            Jsonb([{"provider": each.provider, "code": each.code} for each in proof.not_revoked]),
            proof.audit_length,
            bytes.fromhex(proof.audit_hash) if proof.audit_hash is not None else None,
        ],
    )


async def list_proofs(tx: Transaction, tenant_id: UUID) -> list[ErasureProof]:
    """Return the proofs that a tenant was erased, the newest first; for the scheduler's transaction."""
    return await _read_proofs(tx, mark=tenant_mark(tenant_id))


async def list_every_proof(  # lint: allow tenant-first - what is left of tenants that are gone, for the operator
    tx: Transaction, *, limit: int
) -> list[ErasureProof]:
    """Return the proofs of every erased tenant, the newest first; for the scheduler's transaction."""
    return await _read_proofs(tx, mark=None, limit=limit)


async def _read_proofs(tx: Transaction, *, mark: bytes | None, limit: int | None = None) -> list[ErasureProof]:
    found = await tx.execute(
        """
        -- Without tenant_id: a proof knows a digest of the id only.
        SELECT id, erased_at, row_counts, revoked_count, not_revoked, audit_length, encode(audit_hash, 'hex')
        FROM erasure_proofs WHERE %(mark)s::bytea IS NULL OR tenant_mark = %(mark)s ORDER BY id DESC LIMIT %(limit)s
        """,
        {"mark": mark, "limit": limit},
    )
    return [
        ErasureProof(
            id=proof_id,
            erased_at=erased_at,
            row_counts={str(table): int(count) for table, count in counts.items()},
            revoked_count=revoked,
            not_revoked=tuple(NotRevoked(provider=each["provider"], code=each["code"]) for each in not_revoked),
            audit_length=length,
            audit_hash=head,
        )
        for proof_id, erased_at, counts, revoked, not_revoked, length, head in await found.fetchall()
    ]


_ERASED_CONNECTIONS = sql.SQL(
    """
    tenant_id = %(tenant_id)s AND event_type = 'connection.erased'
    AND (%(connection_id)s::uuid IS NULL OR subject_id = %(connection_id)s)
    AND (%(proof_id)s::uuid IS NULL OR id = %(proof_id)s)
    """
)
_CONNECTION_PROOFS = sql.SQL(
    """
    SELECT e.id, e.subject_id AS connection_id, e.data ->> 'provider' AS provider, e.occurred_at AS erased_at,
        e.actor_user_id, (e.data ->> 'accounts')::int AS account_count,
        (e.data ->> 'transactions')::int AS transaction_count, gone.data ->> 'revoked_upstream' AS revoked_upstream,
        gone.data ->> 'code' AS not_revoked_code, l.position AS audit_position, encode(l.hash, 'hex') AS audit_hash
    FROM (SELECT * FROM audit_events WHERE {} ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s) e
    LEFT JOIN audit_links l ON l.tenant_id = e.tenant_id AND l.event_id = e.id
    LEFT JOIN LATERAL (
        SELECT data FROM audit_events a
        WHERE a.tenant_id = e.tenant_id AND a.subject_id = e.subject_id AND a.event_type = 'connection.left'
        ORDER BY a.id DESC LIMIT 1
    ) gone ON true
    WHERE e.tenant_id = %(tenant_id)s ORDER BY e.id DESC
    """
).format(_ERASED_CONNECTIONS)
_COUNT_CONNECTION_PROOFS = sql.SQL("SELECT count(*) FROM audit_events WHERE {} AND tenant_id = %(tenant_id)s").format(
    _ERASED_CONNECTIONS
)


async def list_connection_proofs(
    tx: Transaction,
    tenant_id: UUID,
    *,
    connection_id: UUID | None = None,
    proof_id: UUID | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[ConnectionErasureProof], int]:
    """Return a page of the proofs that connections of a tenant were erased, the newest first, and how many there are.

    Args:
        tx: of the tenant.
        tenant_id: whose.
        connection_id: of this connection only.
        proof_id: this one only.
        limit: rows of the page.
        offset: rows before it.
    """
    wanted = {"tenant_id": tenant_id, "connection_id": connection_id, "proof_id": proof_id}
    async with tx.cursor(row_factory=class_row(ConnectionErasureProof)) as cursor:
        await cursor.execute(_CONNECTION_PROOFS, wanted | {"limit": limit, "offset": offset})
        listed = await cursor.fetchall()
    counted = await (await tx.execute(_COUNT_CONNECTION_PROOFS, wanted)).fetchone()
    return listed, int(counted[0]) if counted else 0


async def count_open_transfers(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> int:
    """Return how many transfers of a connection may still move money, or have moved it without anybody knowing."""
    found = await tx.execute(
        """
        SELECT count(*) FROM transfers
        WHERE tenant_id = %s AND connection_id = %s AND status IN ('awaiting_confirmation', 'sending', 'unknown')
        """,
        [tenant_id, connection_id],
    )
    row = await found.fetchone()
    return int(row[0]) if row else 0


async def list_fed_accounts(tx: Transaction, tenant_id: UUID, connection_id: UUID) -> list[UUID]:
    """Return the accounts that are or were read through a connection, in the order in which they are locked."""
    found = await tx.execute(
        """
        SELECT DISTINCT account_id FROM account_sources WHERE tenant_id = %s AND connection_id = %s ORDER BY 1
        """,
        [tenant_id, connection_id],
    )
    return [account_id for (account_id,) in await found.fetchall()]


async def erase_connection(
    tx: Transaction, tenant_id: UUID, connection_id: UUID, *, at: datetime
) -> dict[str, int] | None:
    """Delete what only this disconnected connection has told of; return how many accounts and transactions that was.

    None: there is no such connection, it is not disconnected, or it was erased before.
    """
    found = await tx.execute("SELECT erase_connection(%s, %s, %s)", [tenant_id, connection_id, at])
    row = await found.fetchone()
    return None if row is None or row[0] is None else {str(name): int(count) for name, count in row[0].items()}
