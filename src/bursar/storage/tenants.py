"""Who are the tenants, their users, their keys and their tokens?"""

from datetime import datetime
from uuid import UUID

from bursar.domain.tenants import Principal, UserRole
from bursar.storage.unit_of_work import Transaction


async def insert_tenant(tx: Transaction, tenant_id: UUID, name: str, at: datetime) -> bool:
    """Create a tenant; False when it is there already."""
    done = await tx.execute(
        "INSERT INTO tenants (tenant_id, name, created_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [tenant_id, name, at],
    )
    return done.rowcount == 1


async def list_tenant_ids(tx: Transaction) -> list[UUID]:
    """Return every tenant's id, and nothing else of them (for work that goes through all tenants, one by one)."""
    found = await tx.execute("SELECT tenant_id FROM tenants ORDER BY tenant_id")
    return [tenant_id for (tenant_id,) in await found.fetchall()]


async def erase_tenant(tx: Transaction, tenant_id: UUID) -> dict[str, int] | None:
    """Delete every row of the tenant that the transaction is bound to, its keys included.

    Returns how many rows that were, by table; None when there was no such tenant.

    Waits for the transactions of runs under way; what they write later finds neither connection nor tenant.
    """
    found = await tx.execute("SELECT erase_tenant(%s)", [tenant_id])
    row = await found.fetchone()
    return None if row is None or row[0] is None else {str(table): int(count) for table, count in row[0].items()}


async def insert_user(tx: Transaction, tenant_id: UUID, user_id: UUID, *, name: str, role: str, at: datetime) -> None:
    """Create a user of the tenant; nothing happens when it is there already."""
    await tx.execute(
        """
        INSERT INTO users (tenant_id, id, name, role, created_at) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (tenant_id, id) DO NOTHING
        """,
        [tenant_id, user_id, name, role, at],
    )


async def insert_key(
    tx: Transaction,
    tenant_id: UUID,
    key_id: str,
    *,
    purpose: str,
    wrapped_key: bytes,
    master_key_id: str,
    at: datetime,
) -> bool:
    """Keep a wrapped key; False when the tenant already has one of this id."""
    done = await tx.execute(
        """
        INSERT INTO tenant_keys (tenant_id, key_id, purpose, wrapped_key, master_key_id, created_at)
        VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        [tenant_id, key_id, purpose, wrapped_key, master_key_id, at],
    )
    return done.rowcount == 1


async def find_key(
    tx: Transaction, tenant_id: UUID, *, purpose: str, key_id: str | None = None
) -> tuple[str, bytes] | None:
    """Return the id and the wrapped bytes of a key: the one named, else the newest of the purpose."""
    found = await tx.execute(
        """
        SELECT key_id, wrapped_key FROM tenant_keys
        WHERE tenant_id = %(tenant_id)s AND purpose = %(purpose)s AND (%(key_id)s::text IS NULL OR key_id = %(key_id)s)
        ORDER BY created_at DESC, key_id DESC LIMIT 1
        """,
        {"tenant_id": tenant_id, "purpose": purpose, "key_id": key_id},
    )
    row = await found.fetchone()
    return (str(row[0]), bytes(row[1])) if row else None


async def find_keys(
    tx: Transaction, tenant_id: UUID, connection_id: UUID
) -> tuple[bytes | None, list[tuple[str, str, bytes]]]:
    """Return a connection's sealed credentials and the keys that may open them.

    The first is None when there are none (any more); then (purpose, key id, wrapped key) of every key of the tenant,
    the newest first.
    """
    found = await tx.execute(
        """
        SELECT k.purpose, k.key_id, k.wrapped_key, c.sealed
        FROM tenant_keys k LEFT JOIN connection_credentials c
            ON c.tenant_id = k.tenant_id AND c.connection_id = %(connection_id)s
        WHERE k.tenant_id = %(tenant_id)s
        ORDER BY k.created_at DESC, k.key_id DESC
        """,
        {"tenant_id": tenant_id, "connection_id": connection_id},
    )
    rows = await found.fetchall()
    sealed = rows[0][3] if rows else None
    keys = [(str(purpose), str(key_id), bytes(wrapped)) for purpose, key_id, wrapped, _ in rows]
    return (bytes(sealed) if sealed is not None else None), keys


async def lock_keys(tx: Transaction, tenant_id: UUID) -> None:
    """Let one transaction at a time make a key for the tenant; until commit."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('tenant_keys/' || %s, 0))", [str(tenant_id)])


async def list_keys(tx: Transaction, tenant_id: UUID, *, purpose: str) -> list[tuple[str, bytes, str]]:
    """Return (key id, wrapped key, master key id) of every key of a purpose, locked for a re-wrap."""
    found = await tx.execute(
        """
        SELECT key_id, wrapped_key, master_key_id FROM tenant_keys
        WHERE tenant_id = %s AND purpose = %s ORDER BY key_id FOR UPDATE
        """,
        [tenant_id, purpose],
    )
    return [(str(key_id), bytes(wrapped), str(master)) for key_id, wrapped, master in await found.fetchall()]


async def rewrap_key(tx: Transaction, tenant_id: UUID, key_id: str, *, wrapped_key: bytes, master_key_id: str) -> None:
    """Replace the wrapping of a key; the key inside, and all that it sealed, stays."""
    await tx.execute(
        "UPDATE tenant_keys SET wrapped_key = %s, master_key_id = %s WHERE tenant_id = %s AND key_id = %s",
        [wrapped_key, master_key_id, tenant_id, key_id],
    )


async def insert_token(
    tx: Transaction, tenant_id: UUID, token_id: UUID, *, user_id: UUID, name: str, digest: bytes, at: datetime
) -> None:
    """Keep the digest of a new token; the token itself is shown once and never stored."""
    await tx.execute(
        """
        INSERT INTO api_tokens (tenant_id, id, user_id, name, digest, created_at) VALUES (%s, %s, %s, %s, %s, %s)
        """,
        [tenant_id, token_id, user_id, name, digest, at],
    )


async def count_tokens(tx: Transaction, tenant_id: UUID) -> int:
    """Return how many usable tokens the tenant has."""
    found = await tx.execute("SELECT count(*) FROM api_tokens WHERE tenant_id = %s AND revoked_at IS NULL", [tenant_id])
    row = await found.fetchone()
    return int(row[0]) if row else 0


async def revoke_tokens(tx: Transaction, tenant_id: UUID, *, name: str, at: datetime) -> int:
    """Revoke the tokens of a name; return how many."""
    done = await tx.execute(
        "UPDATE api_tokens SET revoked_at = %s WHERE tenant_id = %s AND name = %s AND revoked_at IS NULL",
        [at, tenant_id, name],
    )
    return done.rowcount


async def find_principal(tx: Transaction, digest: bytes, at: datetime) -> Principal | None:
    """Return who presents the token of this digest; None when it is unknown, revoked or expired.

    Two steps, because the user's row is visible only once the token has named its tenant.
    """
    found = await tx.execute(
        """
        SELECT tenant_id, id, user_id FROM api_tokens
        WHERE digest = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)
        """,
        [digest, at],
    )
    token = await found.fetchone()
    if token is None:
        return None
    await tx.execute("SELECT set_config('app.tenant_id', %s, true)", [str(token[0])])
    found = await tx.execute(
        "SELECT role FROM users WHERE tenant_id = %s AND id = %s AND is_active", [token[0], token[2]]
    )
    user = await found.fetchone()
    if user is None:
        return None
    return Principal(tenant_id=token[0], user_id=token[2], role=UserRole(user[0]), token_id=token[1])
