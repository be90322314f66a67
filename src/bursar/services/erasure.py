"""How does a tenant, or one bank of it, go for good: at the providers first, then here, with a proof of it?"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from bursar.domain.audit import AuditEventType
from bursar.domain.connections import ConnectionStatus
from bursar.domain.erasure import NOT_REVOKED, ConnectionErasureProof, ErasureProof, NotRevoked
from bursar.domain.failures import Conflict, NotFound, ServiceFailure
from bursar.domain.ids import new_id
from bursar.domain.result import Failure, Result, Success
from bursar.domain.time import Clock
from bursar.ports.fanout import ask_each
from bursar.registry import Registry
from bursar.services.connect import ConnectService
from bursar.storage import accounts, audit, connections, erasure, tenants
from bursar.storage.erasure import Access
from bursar.storage.unit_of_work import Database

_ROUNDS = 3
"""How often to look again for what was connected meanwhile, before it counts as not revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionErased:
    """What went with a connection."""

    account_count: int
    transaction_count: int


class ErasureService:
    """Erasure of a tenant, and of the data of one connection."""

    def __init__(self, database: Database, registry: Registry, connect: ConnectService, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._connect = connect
        self._clock = clock

    async def erase_tenant(self, tenant_id: UUID, user_id: UUID | None = None) -> Result[ErasureProof, NotFound]:
        """Withdraw each access at its provider, destroy all credentials, delete every row and key; leave a proof.

        Nothing waits for a provider that is down: what could not be withdrawn there is told in `not_revoked`, and the
        user withdraws it at the provider. Broken off in the middle it can be called again and goes on.
        """
        codes: dict[UUID, str] = {}
        for _ in range(_ROUNDS):
            async with self._database.transaction(tenant_id) as tx:
                accesses = await erasure.list_accesses(tx, tenant_id)
            living = [access.connection_id for access in accesses if not access.is_disconnected]
            if not living:
                break
            codes |= await self._leave(tenant_id, user_id, living)
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            accesses = await erasure.lock_accesses(tx, tenant_id)
            revoked_count, not_revoked = self._judge(accesses, codes)
            length, head = await audit.find_head(tx, tenant_id)
            counts = await tenants.erase_tenant(tx, tenant_id)
            if counts is None:
                return Failure(NotFound(what="tenant"))
            proof = ErasureProof(
                id=new_id(),
                erased_at=now,
                row_counts=counts,
                revoked_count=revoked_count,
                not_revoked=not_revoked,
                audit_length=length,
                audit_hash=head.hex() if head is not None else None,
            )
            await erasure.insert_proof(tx, tenant_id, proof)
        return Success(proof)

    async def list_proofs(self, tenant_id: UUID) -> list[ErasureProof]:
        """Return the proofs that a tenant of this id was erased, the newest first; whoever asks has to know the id."""
        async with self._database.transaction_across_tenants() as tx:
            return await erasure.list_proofs(tx, tenant_id)

    async def list_every_proof(  # lint: allow tenant-first - the tenants are gone; the operator asks
        self, *, limit: int
    ) -> list[ErasureProof]:
        """Return the proofs of every tenant that was erased, the newest first; for whoever runs the installation."""
        async with self._database.transaction_across_tenants() as tx:
            return await erasure.list_every_proof(tx, limit=limit)

    async def list_connection_proofs(
        self, tenant_id: UUID, *, connection_id: UUID | None = None, limit: int, offset: int = 0
    ) -> tuple[list[ConnectionErasureProof], int]:
        """Return a page of what of a living tenant was erased, by connection, the newest first, and how many."""
        async with self._database.transaction(tenant_id) as tx:
            return await erasure.list_connection_proofs(
                tx, tenant_id, connection_id=connection_id, limit=limit, offset=offset
            )

    async def get_connection_proof(self, tenant_id: UUID, proof_id: UUID) -> Result[ConnectionErasureProof, NotFound]:
        """Return the proof that a connection was erased."""
        async with self._database.transaction(tenant_id) as tx:
            listed, _ = await erasure.list_connection_proofs(tx, tenant_id, proof_id=proof_id, limit=1)
        return Success(listed[0]) if listed else Failure(NotFound(what="erasure"))

    async def erase_connection(
        self, tenant_id: UUID, user_id: UUID, connection_id: UUID
    ) -> Result[ConnectionErased, ServiceFailure]:
        """Disconnect, if that was not done, and delete what only this connection has told of.

        An account that another connection or a file feeds, too, stays with what that one has told. Refused while a
        transfer is open: its outcome could not be looked up any more.
        """
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id)
            if connection is None:
                return Failure(NotFound(what="connection"))
            if await erasure.count_open_transfers(tx, tenant_id, connection_id):
                return Failure(_OPEN_TRANSFERS)
        if connection.status is not ConnectionStatus.DISCONNECTED:
            left = await self._connect.disconnect(tenant_id, connection_id, user_id=user_id)
            if isinstance(left, Failure):
                return left
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            if await connections.find_connection(tx, tenant_id, connection_id, for_update=True) is None:
                return Failure(NotFound(what="connection"))
            if await erasure.count_open_transfers(tx, tenant_id, connection_id):
                return Failure(_OPEN_TRANSFERS)
            await accounts.lock_accounts(tx, tenant_id, await erasure.list_fed_accounts(tx, tenant_id, connection_id))
            counts = await erasure.erase_connection(tx, tenant_id, connection_id, at=now)
            if counts is None:
                return Failure(NotFound(what="connection"))
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.CONNECTION_ERASED,
                subject_id=connection_id,
                actor_user_id=user_id,
                data={"provider": connection.provider_slug} | counts,
                at=now,
            )
        return Success(ConnectionErased(account_count=counts["accounts"], transaction_count=counts["transactions"]))

    async def _leave(self, tenant_id: UUID, user_id: UUID | None, living: list[UUID]) -> dict[UUID, str]:
        """Disconnect connections, a few at a time; return why a provider was not told, by connection."""

        async def leave(connection_id: UUID) -> str | None:
            left = await self._connect.disconnect(tenant_id, connection_id, user_id=user_id)
            return left.value.not_revoked_code if isinstance(left, Success) else None

        codes = await ask_each(living, leave)
        return {each: code for each, code in zip(living, codes, strict=True) if code is not None}

    def _judge(self, accesses: list[Access], codes: Mapping[UUID, str]) -> tuple[int, tuple[NotRevoked, ...]]:
        """Return how many accesses their providers have withdrawn, and those that may still exist there."""
        revoked_count = 0
        not_revoked: list[NotRevoked] = []
        for access in accesses:
            # A provider that was taken out of this installation is none that reads files: nobody can tell it.
            is_file = access.provider_slug in self._registry.importers
            if is_file or not (access.was_connected or access.has_credentials):
                continue
            if access.is_disconnected and access.error_code != NOT_REVOKED:
                revoked_count += 1
                continue
            code = codes.get(access.connection_id, NOT_REVOKED)
            not_revoked.append(NotRevoked(provider=access.provider_slug, code=code))
        return revoked_count, tuple(not_revoked)


_OPEN_TRANSFERS = Conflict(
    code="invalid_transition",
    message="A transfer through this connection is open: confirm it, call it off, or wait until its outcome is known.",
)
