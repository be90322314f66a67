"""Who owns an account, and who has asked, and why?

Nothing reads owners by itself: no sync and no schedule. Each request to the provider and each answer that is shown is
an audit event, in the transaction that opens what is sealed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from bursar.domain.audit import AuditEventType, check_reason
from bursar.domain.connections import Connection, ProviderCapability
from bursar.domain.failures import Conflict, Invalid, NotFound, ProviderFailed, ServiceFailure
from bursar.domain.owners import AccountOwners, OwnersTold, keep_owners
from bursar.domain.result import Failure, Result, Success
from bursar.domain.time import Clock
from bursar.ports.errors import ProviderError, ProviderInvalidResponseError, ProviderUnsupportedError
from bursar.ports.identity import IdentityAdapter
from bursar.ports.provider import Credentials
from bursar.registry import Registry
from bursar.services.keys import KeyService
from bursar.services.provider_calls import ProviderPool, to_failure
from bursar.services.sync_requests import refuse_sync
from bursar.storage import account_sources, accounts, audit, connections, leases, owners
from bursar.storage.unit_of_work import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersRefreshed:
    """What came of asking a provider for an account's owners; the owners themselves are shown by `read` only."""

    account_id: UUID
    connection_id: UUID
    owner_count: int
    unreadable_count: int
    withheld_count: int
    is_changed: bool
    """False: the provider told what was known already, and nothing was written."""
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    connection: Connection
    provider_account_id: str
    adapter: IdentityAdapter
    credentials: Credentials


class OwnerService:
    """Owners of accounts: refreshed when a user asks, read with a reason."""

    def __init__(
        self, database: Database, registry: Registry, providers: ProviderPool, keys: KeyService, clock: Clock
    ) -> None:
        self._database = database
        self._registry = registry
        self._providers = providers
        self._keys = keys
        self._clock = clock

    async def read(
        self, tenant_id: UUID, user_id: UUID, account_id: UUID, *, reason: str | None
    ) -> Result[AccountOwners, ServiceFailure]:
        """Return what is known of an account's owners, and keep who looked and why.

        `told` is None when nobody has asked the provider yet, or when it was deleted since: that is not the same as
        nobody on file.
        """
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            refused = await self._refuse(tx, tenant_id, account_id, reason)
            if refused is not None:
                return Failure(refused)
            known = await self._open(tx, tenant_id, account_id)
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.OWNERS_READ,
                subject_id=account_id,
                actor_user_id=user_id,
                data={"reason": (reason or "").strip()}
                | ({} if known.told is None else {"owner_count": len(known.told.owners)}),
                at=now,
            )
        return Success(known)

    async def refresh(
        self, tenant_id: UUID, user_id: UUID, account_id: UUID, *, reason: str | None
    ) -> Result[OwnersRefreshed, ServiceFailure]:
        """Ask the account's provider who owns it and keep the answer; one that is known already writes nothing.

        A provider that does not tell owners is a ProviderFailed with the code `unsupported_capability`. One whose
        answer has nothing readable changes nothing of what is known.
        """
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            refused = await self._refuse(tx, tenant_id, account_id, reason)
            if refused is not None:
                return Failure(refused)
            chosen = await self._choose(tx, tenant_id, account_id, now)
            if isinstance(chosen, Failure):
                return chosen
            question = chosen.value
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.OWNERS_REQUESTED,
                subject_id=account_id,
                actor_user_id=user_id,
                data={"reason": (reason or "").strip()} | _through(question.connection),
                at=now,
            )
        try:
            batch = await question.adapter.fetch_owners(question.credentials, question.provider_account_id)
            told = keep_owners(batch, unreadable_count=len(batch.rejected))
            if told.unreadable_count and not told.owners:
                raise ProviderInvalidResponseError(
                    "The provider named owners that cannot be read.", provider=question.connection.provider_slug
                )
        except ProviderError as error:
            failed = to_failure(error, question.connection.provider_slug, self._clock.now())
            await self._record_failure(tenant_id, user_id, account_id, question.connection, failed)
            return Failure(failed)
        return await self._store(tenant_id, user_id, account_id, question.connection, told)

    async def _refuse(
        self, tx: Transaction, tenant_id: UUID, account_id: UUID, reason: str | None
    ) -> ServiceFailure | None:
        # Whose account it is comes first: another tenant's must look like one that never was, whatever else is wrong.
        if await accounts.find_account(tx, tenant_id, account_id) is None:
            return NotFound(what="account")
        wrong = check_reason(reason)
        if wrong is None:
            return None
        return Invalid(field="reason", message=wrong, code="format" if (reason or "").strip() else "required")

    async def _choose(
        self, tx: Transaction, tenant_id: UUID, account_id: UUID, now: datetime
    ) -> Result[_Question, ServiceFailure]:
        """Return the first living connection of the account that may be asked, with its credentials opened."""
        sources = await account_sources.list_sources_of_accounts(tx, tenant_id, [account_id])
        living = [source for source in sources if source.valid_until is None and not source.is_file]
        if not living:
            return Failure(_NO_CONNECTION)
        refused: ServiceFailure | None = None
        for source in living:
            spec = self._registry.providers.get(source.provider_slug)
            if spec is None or ProviderCapability.IDENTITY not in spec.capabilities:
                continue
            connection = await connections.find_connection(tx, tenant_id, source.connection_id, for_update=True)
            this = refuse_sync(connection, now, spec.quota) or self._providers.refuse(source.provider_slug)
            if connection is None or this is not None:
                refused = refused or this
                continue
            credentials = await self._keys.open_credentials(
                tx, tenant_id, connection.id, provider_slug=source.provider_slug
            )
            adapter = self._providers.get_provider(source.provider_slug)
            if credentials is None or not isinstance(adapter, IdentityAdapter):
                continue
            if spec.quota is not None:
                attempts = [*spec.quota.spent(connection.read_at, now), now]
                await leases.record_attempt(
                    tx, tenant_id, connection.id, read_at=attempts, quota_free_at=spec.quota.free_at(attempts, now)
                )
            return Success(
                _Question(
                    connection=connection,
                    provider_account_id=source.provider_account_id,
                    adapter=adapter,
                    credentials=credentials,
                )
            )
        return Failure(refused or self._unsupported(living[0].provider_slug, now))

    def _unsupported(self, slug: str, now: datetime) -> ProviderFailed:
        spec = self._registry.providers.get(slug)
        name = spec.display_name if spec is not None else slug
        return to_failure(
            ProviderUnsupportedError(f"{name} does not tell who owns an account.", provider=slug), slug, now
        )

    async def _open(self, tx: Transaction, tenant_id: UUID, account_id: UUID) -> AccountOwners:
        stored = await owners.find_owners(tx, tenant_id, account_id)
        if stored is None:
            return AccountOwners(account_id=account_id, told=None)
        opened = await self._keys.open_owners(tx, tenant_id, account_id, stored.sealed)
        return AccountOwners(
            account_id=account_id,
            told=msgspec.json.decode(opened, type=OwnersTold),
            connection_id=stored.connection_id,
            stored_at=stored.stored_at,
        )

    async def _store(
        self, tenant_id: UUID, user_id: UUID, account_id: UUID, connection: Connection, told: OwnersTold
    ) -> Result[OwnersRefreshed, ServiceFailure]:
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            # The provider took its time: the account, or its tenant, may be gone. The lock lets one writer at a time
            # compare with what is known.
            await accounts.lock_accounts(tx, tenant_id, [account_id])
            if await accounts.find_account(tx, tenant_id, account_id) is None:
                return Failure(NotFound(what="account"))
            known = await self._open(tx, tenant_id, account_id)
            is_changed = known.told != told or known.connection_id != connection.id or known.stored_at is None
            if is_changed:
                key_id, sealed = await self._keys.seal_owners(tx, tenant_id, account_id, msgspec.json.encode(told), now)
                await owners.store_owners(
                    tx, tenant_id, account_id, connection_id=connection.id, key_id=key_id, sealed=sealed, at=now
                )
                known = replace(known, told=told, connection_id=connection.id, stored_at=now)
            refreshed = OwnersRefreshed(
                account_id=account_id,
                connection_id=connection.id,
                owner_count=len(told.owners),
                unreadable_count=told.unreadable_count,
                withheld_count=told.withheld_count,
                is_changed=is_changed,
                stored_at=known.stored_at or now,
            )
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.OWNERS_STORED,
                subject_id=account_id,
                actor_user_id=user_id,
                data=_through(connection)
                | {
                    "owner_count": refreshed.owner_count,
                    "unreadable_count": refreshed.unreadable_count,
                    "withheld_count": refreshed.withheld_count,
                    "is_changed": is_changed,
                },
                at=now,
            )
        return Success(refreshed)

    async def _record_failure(
        self, tenant_id: UUID, user_id: UUID, account_id: UUID, connection: Connection, failed: ProviderFailed
    ) -> None:
        async with self._database.transaction(tenant_id) as tx:
            if await accounts.find_account(tx, tenant_id, account_id) is None:
                return
            await audit.insert_event(
                tx,
                tenant_id,
                AuditEventType.OWNERS_NOT_OBTAINED,
                subject_id=account_id,
                actor_user_id=user_id,
                data=_through(connection) | {"code": failed.code},
                at=self._clock.now(),
            )


def _through(connection: Connection) -> dict[str, object]:
    return {"connection_id": str(connection.id), "provider": connection.provider_slug}


_NO_CONNECTION = Conflict(
    code="invalid_transition", message="No connection reads this account: there is nobody to ask who owns it."
)
