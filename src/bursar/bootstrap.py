"""How are the rooms put together into a running platform? (The only reader of settings.)."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bursar.domain.connections import ProviderCapability
from bursar.domain.time import Clock, SystemClock
from bursar.domain.transfers import TransferRules
from bursar.observability.metrics import Metrics
from bursar.ports.importer import ImportLimits
from bursar.registry import Registry
from bursar.security.keys import MasterKeys
from bursar.services.access import AccessService
from bursar.services.audit import AuditService
from bursar.services.catalogue import CatalogueService
from bursar.services.connect import ConnectService
from bursar.services.erasure import ErasureService
from bursar.services.idempotency import IdempotencyService
from bursar.services.imports import ImportService
from bursar.services.keys import KeyService
from bursar.services.owners import OwnerService
from bursar.services.proof import ProofService
from bursar.services.provider_calls import ProviderPool
from bursar.services.queries import QueryService
from bursar.services.retention import RetentionService
from bursar.services.sync import SyncService
from bursar.services.transfer_outcomes import TransferReconciler
from bursar.services.transfers import TransferService
from bursar.services.webhooks import WebhookService
from bursar.settings import Settings, provider_settings
from bursar.storage.queue import JobQueue
from bursar.storage.schema import current_revision, migrate_async, newest_revision
from bursar.storage.unit_of_work import Database, Transaction
from bursar.transport.timing import SYSTEM_TIMING, Timing

if TYPE_CHECKING:
    from bursar.storage.embedded import EmbeddedPostgres

WEBHOOKS_PATH = "/api/v1/webhooks"
"""Where the server takes webhooks, below its public address; the provider's slug follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything that a door needs."""

    settings: Settings
    registry: Registry
    clock: Clock
    database: Database
    queue: JobQueue
    keys: KeyService
    cursor_key: bytes = field(repr=False)
    """Signs page cursors; derived from the current master key."""
    providers: ProviderPool
    access: AccessService
    catalogue: CatalogueService
    connect: ConnectService
    sync: SyncService
    imports: ImportService
    proof: ProofService
    queries: QueryService
    audit: AuditService
    owners: OwnerService
    erasure: ErasureService
    retention: RetentionService
    idempotency: IdempotencyService
    webhooks: WebhookService
    metrics: Metrics
    transfers: TransferService
    reconciler: TransferReconciler
    """Looks after transfers that were left open, also while transfers are switched off."""


class DatabaseServer:
    """The database of this installation: the one that was named, or an embedded one that starts with us."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._embedded: EmbeddedPostgres | None = None

    @property
    def is_embedded(self) -> bool:
        """True when no database was named."""
        return self._settings.database_url is None

    def start(self) -> str:
        """Return the database's URL, starting the embedded server when there is no other."""
        if self._settings.database_url is not None:
            return self._settings.database_url.get_secret_value()
        from bursar.storage.embedded import EmbeddedPostgres

        self._settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._embedded = EmbeddedPostgres.start(self._settings.data_directory)
        return self._embedded.url()

    def stop(self) -> None:
        """Leave the embedded server, which stops when nobody else uses it."""
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None


def read_settings(**instead: object) -> Settings:
    """Return the operator's settings from the environment; what is given here, by field, wins."""
    return Settings(**instead)  # pyright: ignore[reportArgumentType] - checked at run time, as the environment is


def transfer_rules(settings: Settings) -> TransferRules | None:
    """Return what the operator allows to be moved; None while transfers are switched off, which is so by default."""
    if not settings.transfers_enabled:
        return None
    return TransferRules(
        max_amount=settings.transfers_max_amount,
        max_per_day=settings.transfers_max_per_day,
        always_confirm=settings.transfers_always_confirm,
    )


def webhook_urls(settings: Settings, registry: Registry) -> dict[str, str]:
    """Return by provider the address that it is told to send webhooks to; empty where no public address is set."""
    if settings.public_url is None:
        return {}
    base = settings.public_url.rstrip("/")
    return {
        slug: f"{base}{WEBHOOKS_PATH}/{slug}"
        for slug, spec in registry.providers.items()
        if ProviderCapability.WEBHOOKS in spec.capabilities
    }


def is_database_lost(error: BaseException) -> bool:
    """True when an error means that the database cannot be reached, was restarted, or undid the transaction."""
    return Database.is_lost(error)


def load_master_keys(settings: Settings) -> MasterKeys:
    """Return the master keys: from the setting, else from the key file, which is made at the first start."""
    if settings.master_keys is not None:
        return MasterKeys.from_text(settings.master_keys.get_secret_value())
    return MasterKeys.from_file(settings.key_file, may_create=True)


async def prepare_database(url: str) -> str:
    """Bring the schema up to date when it is not; return its revision."""
    revision = await current_revision(url)
    if revision is not None and revision == newest_revision():
        return revision
    return await migrate_async(url)


@asynccontextmanager
async def open_platform(
    settings: Settings | None = None,
    *,
    database_url: str | None = None,
    registry: Registry | None = None,
    clock: Clock | None = None,
    extra_settings: Mapping[str, str] | None = None,
    http_clients: Mapping[str, object] | None = None,
    timing: Timing = SYSTEM_TIMING,
    connection_class: type[Transaction] | None = None,
) -> AsyncGenerator[Platform]:
    """Put the platform together and take it apart again.

    Args:
        settings: the operator's; read from the environment when None.
        database_url: of a database that runs already; started by the settings when None.
        registry: discovered when None.
        clock: the machine's when None.
        extra_settings: settings of providers that win over the environment, by lower-case name.
        http_clients: by provider slug, HTTP clients to use instead of own ones (tests, proxies).
        timing: how the SDKs of providers wait between attempts.
        connection_class: how the platform's connections wait for the database; the driver's own when None.
    """
    settings = settings or Settings()
    registry = registry or Registry.discover()
    clock = clock or SystemClock()
    master_keys = load_master_keys(settings)
    names = {
        name for spec in registry.providers.values() for name in (*spec.required_settings, *spec.optional_settings)
    }
    # Whatever fails on the way, what was opened before it is closed again, the embedded database included.
    async with AsyncExitStack() as opened:
        server = DatabaseServer(settings)
        opened.callback(server.stop)
        url = database_url or server.start()
        await prepare_database(url)
        database = Database(
            url,
            max_size=settings.database_pool_size,
            prepares=settings.database_prepares,
            connection_class=connection_class,
        )
        opened.push_async_callback(database.close)
        await database.open()
        queue = JobQueue(url)
        opened.push_async_callback(queue.close)
        await queue.open()
        providers = ProviderPool(
            registry, provider_settings(names) | dict(extra_settings or {}), clock, http_clients, timing
        )
        opened.push_async_callback(providers.aclose)
        keys = KeyService(master_keys)
        metrics = Metrics()
        connect = ConnectService(
            database, queue, registry, providers, keys, clock, webhook_urls=webhook_urls(settings, registry)
        )
        platform = Platform(
            settings=settings,
            registry=registry,
            clock=clock,
            database=database,
            queue=queue,
            keys=keys,
            cursor_key=master_keys.derive(b"page cursors"),
            access=AccessService(database, clock),
            providers=providers,
            catalogue=CatalogueService(database, registry, providers, clock),
            connect=connect,
            erasure=ErasureService(database, registry, connect, clock),
            retention=RetentionService(database, clock),
            sync=SyncService(database, queue, registry, providers, keys, clock),
            imports=ImportService(database, registry, keys, clock, ImportLimits(max_bytes=settings.import_max_bytes)),
            proof=ProofService(database),
            queries=QueryService(database),
            audit=AuditService(database),
            owners=OwnerService(database, registry, providers, keys, clock),
            idempotency=IdempotencyService(database, keys, clock),
            webhooks=WebhookService(
                database,
                queue,
                registry,
                providers,
                keys,
                clock,
                metrics,
                delay=timedelta(seconds=settings.webhook_delay_s),
                keep=timedelta(days=settings.webhook_keep_days),
            ),
            metrics=metrics,
            transfers=TransferService(database, registry, providers, keys, clock, transfer_rules(settings)),
            reconciler=TransferReconciler(database, providers, keys, clock),
        )
        await platform.catalogue.publish()
        yield platform
