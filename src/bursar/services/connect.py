"""How does a user connect a bank, renew the consent, and leave again?"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from bursar.domain.connections import Connection, ConnectionStatus, ProviderCapability
from bursar.domain.failures import Conflict, Invalid, NotFound, ProviderFailed, ServiceFailure
from bursar.domain.health import ConnectionHealth, health_of
from bursar.domain.ids import new_id
from bursar.domain.reading import PAUSED, survives_renewal
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import SyncTrigger
from bursar.domain.time import Clock
from bursar.faultpoints import FaultPoint, reach
from bursar.ports.errors import ProviderError
from bursar.ports.links import refuse_other_user
from bursar.ports.provider import ConnectCompletion, ConnectRequest, ConnectStart, Credentials, EstablishedConnection
from bursar.registry import Registry
from bursar.security.failures import VaultError
from bursar.services.keys import KeyService
from bursar.services.leaving import Left, record_left
from bursar.services.provider_calls import ProviderPool, to_failure, unreadable_credentials
from bursar.services.sync_requests import enqueue_run
from bursar.storage import connections, sync_runs
from bursar.storage.connections import ConnectionFacts
from bursar.storage.queue import JobQueue
from bursar.storage.unit_of_work import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStarted:
    """A connection that waits for its user, and what the user's browser or program needs to go on."""

    connection: Connection
    start: ConnectStart


class ConnectService:
    """Connections: begin, complete, renew, look at, leave."""

    def __init__(
        self,
        database: Database,
        queue: JobQueue,
        registry: Registry,
        providers: ProviderPool,
        keys: KeyService,
        clock: Clock,
        *,
        webhook_urls: Mapping[str, str] | None = None,
    ) -> None:
        """`webhook_urls` are the addresses, by provider, that webhooks are asked for at."""
        self._webhook_urls = dict(webhook_urls or {})
        self._database = database
        self._queue = queue
        self._registry = registry
        self._providers = providers
        self._keys = keys
        self._clock = clock

    async def begin(
        self,
        tenant_id: UUID,
        user_id: UUID,
        *,
        provider_slug: str,
        alias: str | None = None,
        institution_id: str | None = None,
        redirect_uri: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Result[ConnectionStarted, ServiceFailure]:
        """Start a new connection: it is `pending` until `complete`."""
        refused = self._refuse(provider_slug, alias)
        if refused is not None:
            return Failure(refused)
        connection_id = new_id()
        try:
            start = await self._providers.get_provider(provider_slug).begin(
                ConnectRequest(
                    connection_id=str(connection_id),
                    user_reference=str(user_id),
                    redirect_uri=redirect_uri,
                    webhook_url=self._webhook_urls.get(provider_slug),
                    institution_id=institution_id,
                    options=options or {},
                )
            )
        except ProviderError as error:
            return Failure(to_failure(error, provider_slug, self._clock.now()))
        async with self._database.transaction(tenant_id) as tx:
            await connections.insert_connection(
                tx,
                tenant_id,
                connection_id,
                user_id=user_id,
                provider_slug=provider_slug,
                alias=alias,
                institution_id=institution_id,
                institution_name=None,
                external_login_id=None,
                at=self._clock.now(),
            )
            connection = await connections.find_connection(tx, tenant_id, connection_id)
        if connection is None:
            return Failure(NotFound(what="connection"))
        return Success(ConnectionStarted(connection=connection, start=start))

    async def renew(
        self,
        tenant_id: UUID,
        connection_id: UUID,
        *,
        redirect_uri: str | None = None,
        selects_accounts: bool = False,
    ) -> Result[ConnectionStarted, ServiceFailure]:
        """Start to renew the consent of a connection; giving up leaves the old consent as it is.

        With `selects_accounts` the user may add accounts of the login and take others away, where the provider has
        that; what was taken away stays in the ledger as an account that is no longer read.
        """
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id)
            if connection is None:
                return Failure(NotFound(what="connection"))
            if connection.status is ConnectionStatus.DISCONNECTED:
                return Failure(_DISCONNECTED)
            credentials = await self._keys.open_credentials(
                tx, tenant_id, connection_id, provider_slug=connection.provider_slug
            )
        refused = self._refuse(connection.provider_slug, None)
        if refused is None and selects_accounts and not self._can_select_accounts(connection.provider_slug):
            refused = Invalid(
                field="account_selection",
                message="This provider does not let users choose accounts anew: leave it out, or connect again.",
                code="unsupported",
            )
        if refused is not None:
            return Failure(refused)
        try:
            start = await self._providers.get_provider(connection.provider_slug).begin(
                ConnectRequest(
                    connection_id=str(connection_id),
                    user_reference=str(connection.user_id),
                    redirect_uri=redirect_uri,
                    webhook_url=self._webhook_urls.get(connection.provider_slug),
                    institution_id=connection.institution_id,
                    renew=credentials,
                    external_login_id=connection.external_login_id,
                    selects_accounts=selects_accounts,
                )
            )
        except ProviderError as error:
            return Failure(to_failure(error, connection.provider_slug, self._clock.now()))
        return Success(ConnectionStarted(connection=connection, start=start))

    async def complete(
        self,
        tenant_id: UUID,
        connection_id: UUID,
        values: Mapping[str, str],
        *,
        redirect_uri: str | None = None,
        user_id: UUID | None = None,
    ) -> Result[Connection, ServiceFailure]:
        """Finish to connect or to renew with what came back from the user, and enqueue the first sync.

        Credentials, status and job are stored in one transaction. A login that the user already has a connection to
        renews that connection: the pending one is closed and the older one, with its accounts, is returned.

        A new connection is finished by the user who began it; `user_id` is who asks, None for the platform's own hand.
        """
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id)
            if connection is None:
                return Failure(NotFound(what="connection"))
            if connection.status is ConnectionStatus.DISCONNECTED:
                return Failure(_DISCONNECTED)
            if connection.connected_at is None and user_id not in (None, connection.user_id):
                error = refuse_other_user(connection.provider_slug)
                return Failure(to_failure(error, connection.provider_slug, self._clock.now()))
            renewed = None
            if connection.connected_at is not None and not values:
                renewed = await self._keys.open_credentials(
                    tx, tenant_id, connection_id, provider_slug=connection.provider_slug
                )
        slug = connection.provider_slug
        refused = self._refuse(slug, None)
        if refused is not None:
            return Failure(refused)
        try:
            established = await self._providers.get_provider(slug).complete(
                ConnectCompletion(
                    values=values,
                    connection_id=str(connection_id),
                    user_reference=str(connection.user_id),
                    redirect_uri=redirect_uri,
                    renew=renewed,
                )
            )
        except ProviderError as error:
            return Failure(to_failure(error, slug, self._clock.now()))
        async with self._database.transaction(tenant_id) as tx:
            connected = await self._establish(tx, tenant_id, connection, established)
            await reach(FaultPoint.CONNECT_BEFORE_COMMIT)
        await reach(FaultPoint.CONNECT_AFTER_COMMIT)
        return connected

    async def _establish(
        self, tx: Transaction, tenant_id: UUID, connection: Connection, established: EstablishedConnection
    ) -> Result[Connection, ServiceFailure]:
        now = self._clock.now()
        # The provider took its time: meanwhile the user may have left, or the tenant may be gone.
        present = await connections.find_connection(tx, tenant_id, connection.id, for_update=True)
        if present is None:
            return Failure(NotFound(what="connection"))
        if present.status is ConnectionStatus.DISCONNECTED:
            return Failure(_DISCONNECTED)
        connection = target = present
        if established.external_login_id and connection.connected_at is None:
            known = await connections.find_connection_by_login(
                tx,
                tenant_id,
                user_id=connection.user_id,
                provider_slug=connection.provider_slug,
                external_login_id=established.external_login_id,
                environment=established.environment,
            )
            if known is not None and known.id != connection.id:
                await connections.leave_connection(
                    tx,
                    tenant_id,
                    connection.id,
                    error_code="renewed_other",
                    error_message="This login was connected before; that connection was renewed.",
                    at=now,
                )
                target = known
        await self._keys.seal_credentials(
            tx,
            tenant_id,
            target.id,
            provider_slug=target.provider_slug,
            credential_type=self._registry.get_provider_metadata(target.provider_slug).credential_type.value,
            values=established.credentials,
            at=now,
        )
        await connections.activate_connection(
            tx,
            tenant_id,
            target.id,
            ConnectionFacts(
                environment=established.environment,
                external_login_id=established.external_login_id,
                institution_id=established.institution_id,
                institution_name=established.institution_name,
                scopes=established.scopes,
                expires_at=established.dates.expires_at,
                refresh_expires_at=established.dates.refresh_expires_at,
            ),
            now,
        )
        is_other_login = target.external_login_id not in (None, established.external_login_id)
        if is_other_login:
            # Another login of the same user at the same connection: its feed starts anew.
            await connections.forget_cursor(tx, tenant_id, target.id)
        if is_other_login or not survives_renewal(target.last_error_cause):
            await connections.forget_failure(tx, tenant_id, target.id)
        trigger = SyncTrigger.INITIAL if target.last_success_at is None else SyncTrigger.MANUAL
        if target.paused_at is None:
            await enqueue_run(tx, tenant_id, target.id, queue=self._queue, trigger=trigger, at=now)
        connected = await connections.find_connection(tx, tenant_id, target.id)
        return Success(connected) if connected is not None else Failure(NotFound(what="connection"))

    async def list_connections(
        self, tenant_id: UUID, *, limit: int, offset: int, statuses: tuple[str, ...] = ()
    ) -> tuple[list[Connection], int]:
        """Return a page of connections, the newest first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            return await connections.list_connections(tx, tenant_id, limit=limit, offset=offset, statuses=statuses)

    async def get_connection(self, tenant_id: UUID, connection_id: UUID) -> Result[Connection, NotFound]:
        """Return one connection."""
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id)
        return Success(connection) if connection is not None else Failure(NotFound(what="connection"))

    def health_of(self, connection: Connection) -> ConnectionHealth:
        """Return how a connection is now, whose turn it is, and when we try next."""
        is_fed_by_files = connection.provider_slug not in self._registry.providers
        return health_of(connection, self._clock.now(), is_fed_by_files=is_fed_by_files)

    async def disconnect(
        self, tenant_id: UUID, connection_id: UUID, *, user_id: UUID | None = None
    ) -> Result[Left, ServiceFailure]:
        """Leave: withdraw the access at the provider where it answers, destroy the credentials, keep the history."""
        failed: ProviderFailed | None = None
        credentials: Credentials | None = None
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
            if connection is None or connection.status is ConnectionStatus.DISCONNECTED:
                return Failure(NotFound(what="connection"))
            try:
                credentials = await self._keys.open_credentials(
                    tx, tenant_id, connection_id, provider_slug=connection.provider_slug
                )
            except VaultError:
                # Whoever has lost the key can leave all the same; the provider cannot be told.
                failed = unreadable_credentials(connection.provider_slug)
        if credentials is not None and connection.provider_slug in self._registry.providers:
            # The user's wish does not wait for a provider that is down or no longer set up: our copy of the key is
            # destroyed below, and the connection says that the provider does not know.
            failed = self._providers.refuse(connection.provider_slug)
            if failed is None:
                try:
                    await self._providers.get_provider(connection.provider_slug).revoke(credentials)
                except ProviderError as error:
                    failed = to_failure(error, connection.provider_slug, self._clock.now())
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            # The provider took its time: meanwhile somebody else may have left, or the tenant may be gone.
            present = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
            if present is None or present.status is ConnectionStatus.DISCONNECTED:
                return Failure(NotFound(what="connection"))
            left = await record_left(
                tx, tenant_id, present, had_access=credentials is not None, failed=failed, user_id=user_id, at=now
            )
        return Success(left)

    async def pause(self, tenant_id: UUID, connection_id: UUID) -> Result[Connection, ServiceFailure]:
        """Let a connection rest until `resume`: nothing reads it, and a run that waits is called off.

        A run under way is let finish. Pausing twice is pausing once.
        """
        return await self._set_paused(tenant_id, connection_id, is_paused=True)

    async def resume(self, tenant_id: UUID, connection_id: UUID) -> Result[Connection, ServiceFailure]:
        """End a pause; the scheduler reads the connection when it is due. Nothing happens when it is not paused."""
        return await self._set_paused(tenant_id, connection_id, is_paused=False)

    async def _set_paused(
        self, tenant_id: UUID, connection_id: UUID, *, is_paused: bool
    ) -> Result[Connection, ServiceFailure]:
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
            if connection is None:
                return Failure(NotFound(what="connection"))
            if connection.status is ConnectionStatus.DISCONNECTED:
                return Failure(_DISCONNECTED)
            if connection.provider_slug not in self._registry.providers:
                return Failure(
                    Conflict(code="invalid_transition", message="This connection is fed by files: nobody reads it.")
                )
            if (connection.paused_at is not None) is is_paused:
                return Success(connection)
            await connections.set_paused(tx, tenant_id, connection_id, since=now if is_paused else None, at=now)
            if is_paused:
                message = "The connection was paused before the run began."
                await sync_runs.cancel_runs(
                    tx, tenant_id, connection_id, with_running=False, code=PAUSED, message=message, at=now
                )
            return Success(await connections.get_connection(tx, tenant_id, connection_id))

    def _can_select_accounts(self, provider_slug: str) -> bool:
        return ProviderCapability.ACCOUNT_SELECTION in self._registry.providers[provider_slug].capabilities

    def _refuse(self, provider_slug: str, alias: str | None) -> ServiceFailure | None:
        """Return why this provider cannot be connected here, before anything is asked of it."""
        if provider_slug not in self._registry.entries:
            return NotFound(
                what="provider", hint=f"Supported providers: {', '.join(self._registry.get_all_provider_slugs())}"
            )
        if provider_slug not in self._registry.providers:
            return Invalid(
                field="provider", message=f"{provider_slug} is fed by files: import one.", code="file_provider"
            )
        if alias is not None and len(alias) > 100:
            return Invalid(field="alias", message="At most 100 characters.", code="length")
        return self._providers.refuse(provider_slug)


_DISCONNECTED = Conflict(
    code="invalid_transition", message="This connection was disconnected for good; connect the account anew."
)
