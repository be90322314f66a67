"""How is a connection read into the ledger, once, whoever asks and whatever dies meanwhile?"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from bursar.domain.balances import SnapshotSource
from bursar.domain.connections import Connection, FailureCause
from bursar.domain.failures import Conflict, LeaseLost, NotFound, ProviderFailed, ServiceFailure
from bursar.domain.ids import new_id
from bursar.domain.reading import is_due, status_after
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import SyncCursor, SyncReport, SyncRun, SyncStatus, SyncTrigger
from bursar.domain.time import Clock
from bursar.faultpoints import FaultPoint, reach
from bursar.ports.errors import ProviderError
from bursar.ports.provider import Credentials
from bursar.registry import Registry
from bursar.services.ingest import apply_batch
from bursar.services.ingest_target import IngestTarget
from bursar.services.keys import KeyService
from bursar.services.proof import gap_warnings
from bursar.services.provider_calls import ProviderPool, cause_of, to_failure
from bursar.services.sync_requests import end_run, enqueue_run, finish_run, refuse_run, refuse_sync
from bursar.storage import connections, leases, sync_runs
from bursar.storage.queue import JobQueue
from bursar.storage.unit_of_work import Database, Transaction

LEASE = timedelta(seconds=60)
"""How long a silent worker keeps a connection to itself; it renews its lease three times in that span."""

_BROKEN = ("internal_error", "Bursar itself failed while it read this connection; the last step was not kept.")
_BROKEN_OFF = ("interrupted", "The run was broken off; the next one goes on from the last complete step.")

Progress = Callable[[SyncReport], Awaitable[None]]

_SOURCES = {
    SyncTrigger.INITIAL: SnapshotSource.INITIAL_CONNECTION,
    SyncTrigger.MANUAL: SnapshotSource.MANUAL_SYNC,
    SyncTrigger.SCHEDULED: SnapshotSource.SCHEDULED_SYNC,
    SyncTrigger.WEBHOOK: SnapshotSource.ACCOUNT_SYNC,
    SyncTrigger.IMPORT: SnapshotSource.ACCOUNT_SYNC,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenRun:
    """A run that holds the lease of its connection."""

    run: SyncRun
    connection: Connection
    credentials: Credentials
    lease: UUID
    target: IngestTarget

    @property
    def cursor(self) -> SyncCursor | None:
        return self.connection.sync_cursor


class SyncService:
    """Runs: asked for, carried out, looked at."""

    def __init__(
        self,
        database: Database,
        queue: JobQueue,
        registry: Registry,
        providers: ProviderPool,
        keys: KeyService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._registry = registry
        self._providers = providers
        self._keys = keys
        self._clock = clock

    async def request_sync(
        self, tenant_id: UUID, connection_id: UUID, *, trigger: SyncTrigger = SyncTrigger.MANUAL
    ) -> Result[SyncRun, ServiceFailure]:
        """Enqueue a run for the worker; asking again while one waits returns the one that waits.

        Refused while it is paused, and before the provider may be asked again: the Conflict says in how many seconds.
        """
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
            refused = self._refuse(connection)
            if refused is not None:
                return Failure(refused)
            run = await enqueue_run(
                tx, tenant_id, connection_id, queue=self._queue, trigger=trigger, at=self._clock.now()
            )
        return Success(run)

    async def sync_now(
        self,
        tenant_id: UUID,
        connection_id: UUID,
        *,
        trigger: SyncTrigger = SyncTrigger.MANUAL,
        on_progress: Progress | None = None,
    ) -> Result[SyncRun, ServiceFailure]:
        """Carry a run out in this process, without a worker."""
        run_id = new_id()
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id)
            refused = self._refuse(connection)
            if refused is not None:
                return Failure(refused)
            await sync_runs.insert_run(
                tx,
                tenant_id,
                run_id,
                connection_id=connection_id,
                trigger=trigger,
                at=self._clock.now(),
                status=SyncStatus.RUNNING,
            )
        is_over = False
        try:
            outcome = await self.run(tenant_id, connection_id, run_id, on_progress=on_progress)
            is_over = True
        finally:
            if not is_over:
                is_fault = isinstance(sys.exception(), Exception)
                code, message = _BROKEN if is_fault else _BROKEN_OFF
                await self.give_up(tenant_id, run_id, code=code, message=message)
        if isinstance(outcome, Failure) and isinstance(outcome.error, Conflict):
            await self.give_up(tenant_id, run_id, code=outcome.error.code, message=outcome.error.message)
        return outcome

    async def run(
        self,
        tenant_id: UUID,
        connection_id: UUID,
        run_id: UUID,
        *,
        will_retry: bool = False,
        on_progress: Progress | None = None,
    ) -> Result[SyncRun, ServiceFailure]:
        """Carry out a run: open, fetch, upsert, prove, close. Safe to call again for the same run at any time.

        Args:
            tenant_id: the tenant.
            connection_id: the connection to read.
            run_id: the run, as it was enqueued.
            will_retry: True when the caller tries again after a failure that waiting may cure; the run is then
                queued again instead of failed.
            on_progress: called after each batch is stored, with the sum so far.
        """
        opened = await self._open(tenant_id, connection_id, run_id)
        if isinstance(opened, Failure):
            return opened
        run = opened.value
        if isinstance(run, SyncRun):
            return Success(run)
        total = SyncReport()
        failure: ProviderFailed | LeaseLost | None = None
        cause: FailureCause | None = None
        async with self._keeping_lease(tenant_id, run):
            try:
                await reach(FaultPoint.SYNC_OPENED)
                adapter = self._providers.get_provider(run.connection.provider_slug)
                # One moment for all of a reading: which of two answers came first says nothing about the bank.
                read_at = self._clock.now()
                may_advance = True
                async for told in adapter.sync(run.credentials, run.cursor):
                    await reach(FaultPoint.SYNC_FETCHED)
                    # A cursor stands for the batches before as well: after one that has to be read again none is kept.
                    batch = told if may_advance else replace(told, cursor=None)
                    async with self._database.transaction(tenant_id) as tx:
                        if not await self._hold(tx, tenant_id, run):
                            return Failure(LeaseLost())
                        report = await apply_batch(tx, tenant_id, run.target, batch, read_at)
                        await reach(FaultPoint.SYNC_BEFORE_COMMIT)
                    may_advance = may_advance and (batch.cursor is None or not report.rejected)
                    total.add(report)
                    await reach(FaultPoint.SYNC_AFTER_COMMIT)
                    if on_progress is not None:
                        await on_progress(total)
            except ProviderError as error:
                failure = to_failure(error, run.connection.provider_slug, self._clock.now())
                cause = cause_of(error)
            await reach(FaultPoint.SYNC_BEFORE_CLOSE)
            closed = await self._close(tenant_id, run, total, failure, cause, will_retry=will_retry)
        if closed is None:
            return Failure(LeaseLost())
        await reach(FaultPoint.SYNC_CLOSED)
        return Failure(failure) if failure is not None else Success(closed)

    async def give_up(self, tenant_id: UUID, run_id: UUID, *, code: str, message: str) -> bool:
        """End a run that did not end by itself, and give its lease back; False when there is none that is open."""
        async with self._database.transaction(tenant_id) as tx:
            return await end_run(tx, tenant_id, run_id, code=code, message=message, at=self._clock.now())

    async def list_runs(self, tenant_id: UUID, connection_id: UUID, *, limit: int = 20) -> list[SyncRun]:
        """Return the newest runs of a connection."""
        async with self._database.transaction(tenant_id) as tx:
            return await sync_runs.list_runs(tx, tenant_id, connection_id, limit=limit)

    async def page_runs(
        self, tenant_id: UUID, connection_id: UUID, *, limit: int, offset: int
    ) -> Result[tuple[list[SyncRun], int], NotFound]:
        """Return a page of a connection's runs, the newest first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            if await connections.find_connection(tx, tenant_id, connection_id) is None:
                return Failure(NotFound(what="connection"))
            runs = await sync_runs.list_runs(tx, tenant_id, connection_id, limit=limit, offset=offset)
            return Success((runs, await sync_runs.count_runs(tx, tenant_id, connection_id)))

    async def get_run(self, tenant_id: UUID, run_id: UUID) -> Result[SyncRun, NotFound]:
        """Return one run."""
        async with self._database.transaction(tenant_id) as tx:
            run = await sync_runs.find_run(tx, tenant_id, run_id)
        return Success(run) if run is not None else Failure(NotFound(what="run"))

    async def schedule_due(self, *, every: timedelta, slots: int = 1, up_to_slot: int = 0) -> int:
        """Enqueue a run of each connection, of every tenant, that was not read for so long; return how many.

        Args:
            every: how long ago the last reading must be.
            slots: into how many parts the connections are divided, each for ever in one, so that a caller who comes
                back `slots` times spreads the load.
            up_to_slot: the last part whose turn it is, from 0; the parts before it are not forgotten when a turn was
                missed.
        """
        now = self._clock.now()
        async with self._database.transaction_across_tenants() as tx:
            due = await connections.list_due(
                tx, provider_slugs=list(self._registry.providers), synced_before=now - every, now=now
            )
        due = [
            (tenant_id, connection_id) for tenant_id, connection_id in due if connection_id.int % slots <= up_to_slot
        ]
        enqueued = 0
        for tenant_id, connection_id in due:
            async with self._database.transaction(tenant_id) as tx:
                # Judged again: somebody may have begun, or ended, a reading since the list was made.
                connection = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
                if connection is None or not is_due(connection, now, every=every):
                    continue
                await enqueue_run(
                    tx, tenant_id, connection_id, queue=self._queue, trigger=SyncTrigger.SCHEDULED, at=now
                )
                enqueued += 1
        return enqueued

    async def _open(
        self, tenant_id: UUID, connection_id: UUID, run_id: UUID
    ) -> Result[_OpenRun | SyncRun, ServiceFailure]:
        """Take the lease and open the credentials; an ended run is returned as it is (a job delivered twice)."""
        now = self._clock.now()
        lease = uuid4()
        async with self._database.transaction(tenant_id) as tx:
            connection = await connections.find_connection(tx, tenant_id, connection_id, for_update=True)
            refused = self._refuse(connection)
            if refused is None and connection is not None:
                refused = self._providers.refuse(connection.provider_slug)
            run = None
            if connection is not None and refused is None:
                run = await leases.begin_run(
                    tx, tenant_id, connection_id, token=lease, run_id=run_id, now=now, until=now + LEASE
                )
            if connection is None or run is None:
                return await self._not_begun(tx, tenant_id, run_id, connection, refused, now)
            quota = self._registry.providers[connection.provider_slug].quota
            if quota is not None:
                # Committed before the provider is asked: an attempt that dies has been made all the same.
                attempts = [*quota.spent(connection.read_at, now), now]
                await leases.record_attempt(
                    tx, tenant_id, connection_id, read_at=attempts, quota_free_at=quota.free_at(attempts, now)
                )
            credentials, hasher = await self._keys.open_for_reading(
                tx, tenant_id, connection_id, provider_slug=connection.provider_slug, at=now
            )
        return Success(
            _OpenRun(
                run=run,
                connection=connection,
                credentials=credentials if credentials is not None else Credentials({}),
                lease=lease,
                target=IngestTarget(
                    connection_id=connection_id,
                    provider_slug=connection.provider_slug,
                    institution_name=connection.institution_name,
                    id_trust=self._registry.providers[connection.provider_slug].id_trust,
                    sync_run_id=run_id,
                    snapshot_source=_SOURCES[run.trigger],
                    hash_identity=hasher,
                ),
            )
        )

    async def _not_begun(
        self,
        tx: Transaction,
        tenant_id: UUID,
        run_id: UUID,
        connection: Connection | None,
        refused: ServiceFailure | None,
        now: datetime,
    ) -> Result[SyncRun, ServiceFailure]:
        """Return why a run did not begin, and record it where it never will."""
        run = await sync_runs.find_run(tx, tenant_id, run_id)
        if connection is None or run is None:
            return Failure(NotFound(what="connection" if connection is None else "run"))
        if run.status not in (SyncStatus.QUEUED, SyncStatus.RUNNING):
            return Success(run)
        if refused is not None:
            await refuse_run(tx, tenant_id, run, refused, now)
            return Failure(refused)
        wait_s = int(LEASE.total_seconds())
        message = "This connection is being read right now."
        return Failure(Conflict(code="run_in_progress", message=message, retry_after_s=wait_s))

    async def _close(
        self,
        tenant_id: UUID,
        run: _OpenRun,
        total: SyncReport,
        failure: ProviderFailed | None,
        cause: FailureCause | None,
        *,
        will_retry: bool,
    ) -> SyncRun | None:
        """Prove, record the run, give the lease back; None when somebody else has the lease by now."""
        now = self._clock.now()
        retried = failure is not None and failure.retryable and will_retry
        outcome = total.status() if failure is None else (SyncStatus.QUEUED if retried else SyncStatus.FAILED)
        async with self._database.transaction(tenant_id) as tx:
            is_ours = await leases.close_run(
                tx,
                tenant_id,
                run.connection.id,
                token=run.lease,
                status=outcome.value,
                succeeded=failure is None,
                error_code=failure.code if failure is not None else None,
                error_message=failure.message if failure is not None else None,
                cause=cause,
                next_attempt_at=failure.next_attempt_at if failure is not None else None,
                at=now,
            )
            if not is_ours:
                return None
            if failure is None:
                total.warnings.extend(
                    await gap_warnings(tx, tenant_id, run.connection.id, sync_run_id=run.run.id, at=now)
                )
            closed = await finish_run(
                tx, tenant_id, run.run.id, outcome, total, failure, now
            ) or await sync_runs.find_run(tx, tenant_id, run.run.id)
            before = run.connection.status
            status = status_after(before, cause) if cause is not None else before
            if status is not before:
                await connections.set_status(tx, tenant_id, run.connection.id, status, at=now)
            await reach(FaultPoint.SYNC_CLOSING)
            return closed

    def _refuse(self, connection: Connection | None) -> ServiceFailure | None:
        """Return why a connection is not read now; None when it may be."""
        spec = self._registry.providers.get(connection.provider_slug) if connection is not None else None
        refused = refuse_sync(connection, self._clock.now(), spec.quota if spec is not None else None)
        if refused is None and spec is None:
            return Conflict(code="invalid_transition", message="This connection is fed by files: import one.")
        return refused

    async def _hold(self, tx: Transaction, tenant_id: UUID, run: _OpenRun) -> bool:
        return await leases.hold_lease(
            tx, tenant_id, run.connection.id, token=run.lease, until=self._clock.now() + LEASE
        )

    @asynccontextmanager
    async def _keeping_lease(self, tenant_id: UUID, run: _OpenRun) -> AsyncGenerator[None]:
        """Renew the lease while the provider is slow; let go of it when the run ends in any other way than closing."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE.total_seconds() / 3)
                async with self._database.transaction(tenant_id) as tx:
                    if not await self._hold(tx, tenant_id, run):
                        return

        renewal = asyncio.create_task(renew(), name=f"lease {run.run.id}")
        try:
            yield
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal
