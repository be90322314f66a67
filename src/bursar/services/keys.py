"""How does a use case open and seal what belongs to a tenant?"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from bursar.ports.provider import Credentials
from bursar.security.failures import UnknownKeyError
from bursar.security.keys import DataKey, KeyContext, MasterKeys, new_data_key
from bursar.security.vault import (
    SealContext,
    identity_hash,
    open_mapping,
    open_sealed,
    seal,
    seal_mapping,
    sealed_key_id,
)
from bursar.storage import connections, tenants
from bursar.storage.unit_of_work import Database, Transaction


class KeyService:
    """The tenants' data keys, opened for one call and never kept."""

    def __init__(self, master_keys: MasterKeys) -> None:
        self._master_keys = master_keys

    async def seal_credentials(
        self,
        tx: Transaction,
        tenant_id: UUID,
        connection_id: UUID,
        *,
        provider_slug: str,
        credential_type: str,
        values: Mapping[str, str],
        at: datetime,
    ) -> None:
        """Store credentials in place of the connection's present ones, bound to this row."""
        key = await self._key(tx, tenant_id, "data", at)
        sealed = seal_mapping(values, key=key, context=_context(tenant_id, connection_id, provider_slug))
        await connections.store_credentials(
            tx, tenant_id, connection_id, key_id=key.id, sealed=sealed, credential_type=credential_type, at=at
        )

    async def open_credentials(
        self, tx: Transaction, tenant_id: UUID, connection_id: UUID, *, provider_slug: str
    ) -> Credentials | None:
        """Return a connection's credentials for one use; None when there are none.

        Raises:
            VaultError: the keys do not open them; the text says what the operator does.
        """
        stored = await connections.find_credentials(tx, tenant_id, connection_id)
        if stored is None:
            return None
        _, sealed = stored
        key = await self._stored_key(tx, tenant_id, "data", sealed_key_id(sealed))
        if key is None:
            return None
        return Credentials(open_mapping(sealed, key=key, context=_context(tenant_id, connection_id, provider_slug)))

    async def seal_answer(self, tx: Transaction, tenant_id: UUID, place: str, answer: bytes, at: datetime) -> bytes:
        """Return an answer that is kept for a repeated request, sealed and bound to that request."""
        key = await self._key(tx, tenant_id, "data", at)
        return seal(answer, key=key, context=_answer_context(tenant_id, place))

    async def open_answer(self, tx: Transaction, tenant_id: UUID, place: str, sealed: bytes) -> bytes:
        """Return a kept answer.

        Raises:
            VaultError: the keys do not open it; the text says what the operator does.
        """
        key = await self._stored_key(tx, tenant_id, "data", sealed_key_id(sealed))
        if key is None:
            raise UnknownKeyError(sealed_key_id(sealed), "the tenant has no such data key")
        return open_sealed(sealed, key=key, context=_answer_context(tenant_id, place))

    async def seal_owners(
        self, tx: Transaction, tenant_id: UUID, account_id: UUID, told: bytes, at: datetime
    ) -> tuple[str, bytes]:
        """Return the id of the key and what is known of an account's owners, sealed for the row of that account."""
        key = await self._key(tx, tenant_id, "data", at)
        return key.id, seal(told, key=key, context=_owners_context(tenant_id, account_id))

    async def open_owners(self, tx: Transaction, tenant_id: UUID, account_id: UUID, sealed: bytes) -> bytes:
        """Return what is known of an account's owners.

        Raises:
            VaultError: the keys do not open it; the text says what the operator does.
        """
        key = await self._stored_key(tx, tenant_id, "data", sealed_key_id(sealed))
        if key is None:
            raise UnknownKeyError(sealed_key_id(sealed), "the tenant has no such data key")
        return open_sealed(sealed, key=key, context=_owners_context(tenant_id, account_id))

    async def hasher(self, tx: Transaction, tenant_id: UUID, at: datetime) -> "IdentityHasher":
        """Return what turns account numbers into the tenant's keyed hashes."""
        return IdentityHasher(await self._key(tx, tenant_id, "identity", at))

    async def open_for_reading(
        self, tx: Transaction, tenant_id: UUID, connection_id: UUID, *, provider_slug: str, at: datetime
    ) -> "tuple[Credentials | None, IdentityHasher]":
        """Return what a run needs, in one look: the credentials as of `open_credentials`, and the `hasher`.

        Raises:
            VaultError: the keys do not open them; the text says what the operator does.
        """
        sealed, keys = await tenants.find_keys(tx, tenant_id, connection_id)
        stored = {(purpose, key_id): wrapped for purpose, key_id, wrapped in keys}
        credentials = None
        if sealed is not None:
            wrapped = stored.get(("data", sealed_key_id(sealed)))
            if wrapped is not None:
                key = self._unwrap(tenant_id, "data", sealed_key_id(sealed), wrapped)
                context = _context(tenant_id, connection_id, provider_slug)
                credentials = Credentials(open_mapping(sealed, key=key, context=context))
        newest = next(((key_id, wrapped) for purpose, key_id, wrapped in keys if purpose == "identity"), None)
        if newest is None:
            return credentials, await self.hasher(tx, tenant_id, at)
        return credentials, IdentityHasher(self._unwrap(tenant_id, "identity", *newest))

    async def rewrap_keys(self, tx: Transaction, tenant_id: UUID) -> int:
        """Put every key of the tenant under the current master key; return how many were under another one."""
        rewrapped = 0
        for purpose in ("data", "identity"):
            context = KeyContext(tenant_id=tenant_id, purpose=purpose)
            for key_id, wrapped, master_key_id in await tenants.list_keys(tx, tenant_id, purpose=purpose):
                if master_key_id != self._master_keys.current_id:
                    fresh = self._master_keys.rewrap(wrapped, key_id=key_id, context=context)
                    await tenants.rewrap_key(
                        tx, tenant_id, key_id, wrapped_key=fresh, master_key_id=self._master_keys.current_id
                    )
                    rewrapped += 1
        return rewrapped

    async def rewrap_every_tenant(self, database: Database) -> int:
        """Do the same for every tenant, each in its own transaction; safe to break off and to run again."""
        async with database.transaction_across_tenants() as tx:
            tenant_ids = await tenants.list_tenant_ids(tx)
        rewrapped = 0
        for tenant_id in tenant_ids:
            async with database.transaction(tenant_id) as tx:
                rewrapped += await self.rewrap_keys(tx, tenant_id)
        return rewrapped

    async def prove(self, tx: Transaction, tenant_id: UUID) -> None:
        """Return when every key of the tenant opens.

        Raises:
            VaultError: a master key is missing or another one; the text says which.
        """
        for purpose in ("data", "identity"):
            for key_id, wrapped, _ in await tenants.list_keys(tx, tenant_id, purpose=purpose):
                self._master_keys.unwrap(
                    wrapped, key_id=key_id, context=KeyContext(tenant_id=tenant_id, purpose=purpose)
                )

    async def _key(self, tx: Transaction, tenant_id: UUID, purpose: str, at: datetime) -> DataKey:
        """Return the tenant's newest key of a purpose, making the first one when there is none."""
        found = await self._stored_key(tx, tenant_id, purpose, None)
        if found is not None:
            return found
        await tenants.lock_keys(tx, tenant_id)
        found = await self._stored_key(tx, tenant_id, purpose, None)
        if found is not None:
            return found
        key = new_data_key()
        wrapped = self._master_keys.wrap(key, context=KeyContext(tenant_id=tenant_id, purpose=purpose))
        await tenants.insert_key(
            tx,
            tenant_id,
            key.id,
            purpose=purpose,
            wrapped_key=wrapped,
            master_key_id=self._master_keys.current_id,
            at=at,
        )
        return key

    async def _stored_key(self, tx: Transaction, tenant_id: UUID, purpose: str, key_id: str | None) -> DataKey | None:
        found = await tenants.find_key(tx, tenant_id, purpose=purpose, key_id=key_id)
        if found is None:
            return None
        return self._unwrap(tenant_id, purpose, *found)

    def _unwrap(self, tenant_id: UUID, purpose: str, key_id: str, wrapped: bytes) -> DataKey:
        return self._master_keys.unwrap(
            wrapped, key_id=key_id, context=KeyContext(tenant_id=tenant_id, purpose=purpose)
        )


class IdentityHasher:
    """Turns an account number into the tenant's keyed hash of it."""

    def __init__(self, key: DataKey) -> None:
        self._key = key

    def __call__(self, text: str) -> str:
        """Return 64 hexadecimal digits, equal for equal numbers of this tenant."""
        return identity_hash(self._key.reveal(), text)


def _context(tenant_id: UUID, connection_id: UUID, provider_slug: str) -> SealContext:
    return SealContext(
        tenant_id=tenant_id,
        table="connection_credentials",
        column="sealed",
        row_id=connection_id,
        provider_slug=provider_slug,
    )


def _owners_context(tenant_id: UUID, account_id: UUID) -> SealContext:
    return SealContext(tenant_id=tenant_id, table="account_owners", column="sealed", row_id=account_id)


def _answer_context(tenant_id: UUID, place: str) -> SealContext:
    return SealContext(tenant_id=tenant_id, table="idempotency_keys", column="body", row_id=place)
