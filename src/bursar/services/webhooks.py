"""How does what a provider tells unasked become a reading, once, and only of what it is about?

Two steps. `receive` proves the sender, keeps each notice once, and enqueues a job in the same transaction: all that the
provider waits for. `list_open`, `follow` and `close` are that job's: a notice is a hint to read, never a fact, so that
doubled, reordered, delayed and lost ones change nothing but the moment of a reading.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from bursar.domain.connections import ConnectionStatus, ProviderCapability
from bursar.domain.failures import Conflict, NotFound, ProviderFailed
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import SyncTrigger
from bursar.domain.time import Clock
from bursar.domain.webhooks import NoticeKind, WebhookReceipt, WebhookRefused
from bursar.observability.logging import get_logger
from bursar.observability.metrics import Metrics
from bursar.ports.errors import ProviderError
from bursar.ports.provider import Credentials
from bursar.ports.webhooks import WebhookAdapter, WebhookRefusedError
from bursar.registry import Registry
from bursar.services.keys import KeyService
from bursar.services.provider_calls import ProviderPool, to_failure
from bursar.services.sync_requests import enqueue_run, refuse_sync
from bursar.storage import connections, webhook_notices
from bursar.storage.queue import JobQueue
from bursar.storage.unit_of_work import Database

PROOF_S = 5
"""How long a proof may take: a key that has to be fetched must not hold up the provider's delivery."""
BATCH = 500
"""How many notices are followed at a time."""

_IDLE = frozenset({NoticeKind.OTHER, NoticeKind.ACCOUNTS_AVAILABLE})
"""Kinds that a reading does not answer: they are kept, counted and, where the user can act, shown."""
_WAITS = frozenset({"too_early", "quota_exhausted"})
"""Refusals that end by themselves: the run is enqueued, and the worker waits with it."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldConnection:
    """A connection, and what notices that nobody has followed say about it."""

    tenant_id: UUID
    connection_id: UUID
    kinds: frozenset[NoticeKind]
    accounts_told_at: datetime | None
    """When the last notice came that tells of accounts to be added; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNotices:
    """Notices to be followed, by connection."""

    connections: tuple[ToldConnection, ...]
    counts: tuple[tuple[UUID, int], ...]
    """Each notice, and how many connections have its login; 0 for a login that nobody here has."""
    is_last: bool


class WebhookService:
    """Notices: received, followed, forgotten."""

    def __init__(
        self,
        database: Database,
        queue: JobQueue,
        registry: Registry,
        providers: ProviderPool,
        keys: KeyService,
        clock: Clock,
        metrics: Metrics,
        *,
        delay: timedelta,
        keep: timedelta,
    ) -> None:
        """Serve the webhooks of every provider that sends some.

        Args:
            database: where notices are kept.
            queue: gets the job that follows them.
            registry: which providers there are.
            providers: their adapters.
            keys: opens credentials, to try a login that is said to work again.
            clock: now.
            metrics: counts deliveries.
            delay: how long after a notice it is followed, so that several about one change make one run.
            keep: how long notices are kept.
        """
        self._database = database
        self._queue = queue
        self._registry = registry
        self._providers = providers
        self._keys = keys
        self._clock = clock
        self._metrics = metrics
        self._delay = delay
        self._keep = keep

    async def receive(  # lint: allow tenant-first - whose login it is about is not known when it comes
        self, provider_slug: str, headers: Mapping[str, str], body: bytes
    ) -> Result[WebhookReceipt, WebhookRefused | NotFound | ProviderFailed]:
        """Take a delivery: prove it, keep what is new of it, and enqueue that it is followed."""
        spec = self._registry.providers.get(provider_slug)
        if spec is None or ProviderCapability.WEBHOOKS not in spec.capabilities:
            return Failure(NotFound(what="provider"))
        unusable = self._providers.refuse(provider_slug)
        if unusable is not None:
            self._count(provider_slug, "not_configured")
            return Failure(unusable)
        adapter = self._providers.get_provider(provider_slug)
        if not isinstance(adapter, WebhookAdapter):
            return Failure(NotFound(what="provider"))
        try:
            async with asyncio.timeout(PROOF_S):
                notices = await adapter.read_webhook(headers, body)
        except WebhookRefusedError as error:
            self._count(provider_slug, "refused")
            _log.warning("webhook refused", provider=provider_slug, reason=error.message)
            return Failure(WebhookRefused(message=error.message))
        except TimeoutError:
            self._count(provider_slug, "unproven")
            return Failure(_too_slow(provider_slug))
        except ProviderError as error:
            self._count(provider_slug, "unproven")
            _log.warning("webhook cannot be proven", provider=provider_slug, code=error.code)
            return Failure(to_failure(error, provider_slug, self._clock.now()))
        async with self._database.transaction_across_tenants() as tx:
            fresh = await webhook_notices.insert_notices(tx, provider_slug, notices, self._clock.now())
            if fresh:
                await self._queue.enqueue_notices(tx, after=self._delay)
        self._count(provider_slug, "taken" if fresh else "repeated")
        receipt = WebhookReceipt(new_count=len(fresh), repeated_count=len(notices) - len(fresh))
        _log.info(
            "webhook received",
            provider=provider_slug,
            codes=sorted({notice.code for notice in notices}),
            new=receipt.new_count,
            repeated=receipt.repeated_count,
        )
        return Success(receipt)

    async def list_open(self) -> OpenNotices:  # lint: allow tenant-first - over all tenants; the work goes one by one
        """Return the notices that nobody has followed, oldest first, by the connections they are about."""
        async with self._database.transaction_across_tenants() as tx:
            listed = await webhook_notices.list_open(tx, limit=BATCH)
        kinds: dict[tuple[UUID, UUID], set[NoticeKind]] = {}
        told_at: dict[tuple[UUID, UUID], datetime] = {}
        counts: dict[UUID, int] = {}
        for notice in listed:
            counts.setdefault(notice.id, 0)
            if notice.tenant_id is None or notice.connection_id is None:
                continue
            counts[notice.id] += 1
            whose = (notice.tenant_id, notice.connection_id)
            kinds.setdefault(whose, set()).add(notice.kind)
            if notice.kind is NoticeKind.ACCOUNTS_AVAILABLE:
                told_at[whose] = notice.received_at  # they come in the order of these instants
        return OpenNotices(
            connections=tuple(
                ToldConnection(
                    tenant_id=whose[0],
                    connection_id=whose[1],
                    kinds=frozenset(told),
                    accounts_told_at=told_at.get(whose),
                )
                for whose, told in kinds.items()
            ),
            counts=tuple(counts.items()),
            is_last=len(counts) < BATCH,
        )

    async def follow(
        self,
        tenant_id: UUID,
        connection_id: UUID,
        kinds: frozenset[NoticeKind],
        *,
        accounts_told_at: datetime | None = None,
    ) -> bool:
        """Do what notices ask for: one run, however many there are; True when one waits now.

        Nothing is taken from what they say. A login that is said to be lost is read, and the run finds out; one that is
        said to work again is tried with one cheap call first, because nobody reads a connection that needs its user.
        Accounts to be added are shown at the connection: no reading finds them before the user has chosen them.
        """
        if accounts_told_at is not None:
            await self._note_accounts(tenant_id, connection_id, accounts_told_at)
        if not kinds - _IDLE:
            return False
        if NoticeKind.LOGIN_RESTORED in kinds:
            await self._try_login(tenant_id, connection_id)
        now = self._clock.now()
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
            spec = self._registry.providers.get(connection.provider_slug) if connection is not None else None
            refused = refuse_sync(connection, now, spec.quota if spec is not None else None)
            if refused is not None and not (isinstance(refused, Conflict) and refused.code in _WAITS):
                return False
            trigger = SyncTrigger.WEBHOOK
            await enqueue_run(tx, tenant_id, connection_id, queue=self._queue, trigger=trigger, at=now)
        return True

    async def close(  # lint: allow tenant-first - a notice belongs to no tenant
        self, counts: Sequence[tuple[UUID, int]]
    ) -> None:
        """Record that notices were followed."""
        unknown = sum(1 for _, count in counts if not count)
        if unknown:
            _log.info("webhooks about logins that nobody has", count=unknown)
        async with self._database.transaction_across_tenants() as tx:
            await webhook_notices.close_notices(tx, counts, self._clock.now())

    async def forget_old(self) -> int:  # lint: allow tenant-first - a notice belongs to no tenant
        """Delete notices that were kept long enough; return how many."""
        async with self._database.transaction_across_tenants() as tx:
            return await webhook_notices.delete_old(tx, before=self._clock.now() - self._keep)

    async def _try_login(self, tenant_id: UUID, connection_id: UUID) -> None:
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id)
            if connection is None or connection.status is not ConnectionStatus.EXPIRED:
                return
            slug = connection.provider_slug
            credentials = await self._keys.open_credentials(tx, tenant_id, connection_id, provider_slug=slug)
        if self._providers.refuse(slug) is not None:
            return
        try:
            await self._providers.get_provider(slug).validate(credentials or Credentials({}))
        except ProviderError as error:
            _log.info("login is not restored", provider=slug, code=error.code)
            return
        async with self._database.transaction(tenant_id) as tx:
            present = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
            if present is None or present.status is not ConnectionStatus.EXPIRED:
                return
            now = self._clock.now()
            await connections.set_status(tx, tenant_id, connection_id, ConnectionStatus.ACTIVE, at=now)
            await connections.forget_failure(tx, tenant_id, connection_id)

    async def _note_accounts(self, tenant_id: UUID, connection_id: UUID, told_at: datetime) -> None:
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id)
            spec = self._registry.providers.get(connection.provider_slug) if connection is not None else None
            # Where nobody can choose, there is nothing to be done about it.
            if spec is not None and ProviderCapability.ACCOUNT_SELECTION in spec.capabilities:
                await connections.note_accounts_available(
                    tx, tenant_id, connection_id, told_at=told_at, at=self._clock.now()
                )

    def _count(self, provider_slug: str, outcome: str) -> None:
        self._metrics.webhooks.add(provider=provider_slug, outcome=outcome)


def _too_slow(provider_slug: str) -> ProviderFailed:
    return ProviderFailed(
        code="proof_timeout",
        message="The proof of this webhook could not be checked in time; send it again.",
        provider=provider_slug,
        action="wait",
        retryable=True,
    )
