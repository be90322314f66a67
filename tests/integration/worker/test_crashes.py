"""Workers die, databases restart, jobs come twice: the ledger still equals the truth."""

import asyncio

import pytest

from bursar.bootstrap import open_platform
from bursar.domain.sync import SyncStatus
from bursar.domain.transactions import TransactionFilter
from bursar.sandbox.faults import FaultKind
from bursar.settings import Settings


@pytest.fixture
async def platform(open_test_platform, simulator):
    return await open_test_platform(extra_settings=simulator.settings)


async def test_worker_carries_out_what_was_enqueued_before_it_started(platform, stage, start_worker, database_url):
    connected = await stage.connect(platform)
    worker = start_worker(database_url)
    run = await stage.ended_run(platform, connected)
    assert run.status is SyncStatus.SUCCEEDED, worker.log
    assert await stage.ledger(platform, connected) == stage.truth()
    assert worker.stop() == 0
    assert "Traceback" not in worker.log


@pytest.mark.parametrize(
    ("slow_path", "with_rows"),
    [("/plaid/transactions/sync", False), ("/plaid/investments/transactions/get", True)],
    ids=["before the first batch", "between two batches"],
)
async def test_run_of_a_killed_worker_is_finished_by_another(
    platform, stage, start_worker, database_url, slow_path, with_rows
):
    connected = await stage.connect(platform)
    stage.world.faults.add(FaultKind.SLOW, path=slow_path, delay_s=30.0, times=1)
    victim = start_worker(database_url)

    async def is_in_the_middle() -> bool:
        run = await stage.get_run(platform, connected)
        page = await platform.queries.list_transactions(connected.tenant_id, TransactionFilter(), limit=1)
        return run.status is SyncStatus.RUNNING and bool(page.rows) == with_rows and not stage.world.faults.list_all()

    await stage.wait_for(is_in_the_middle)
    victim.kill()
    assert (await stage.get_run(platform, connected)).status is SyncStatus.RUNNING
    heir = start_worker(database_url)
    run = await stage.ended_run(platform, connected)
    assert run.status is SyncStatus.SUCCEEDED, heir.log
    assert "job of a dead worker found" in heir.log
    assert await stage.ledger(platform, connected) == stage.truth()
    changes = await platform.queries.list_changes(connected.tenant_id, limit=100)
    assert changes == []


async def test_the_same_job_delivered_again_writes_nothing(platform, stage, start_worker, database_url):
    connected = await stage.connect(platform)
    worker = start_worker(database_url)
    first = await stage.ended_run(platform, connected)
    page = await platform.queries.list_transactions(connected.tenant_id, TransactionFilter(), limit=10_000)
    asked = len(stage.world.requests.list_all())
    async with platform.database.transaction(connected.tenant_id) as tx:
        await platform.queue.enqueue_sync(tx, connected.tenant_id, connected.connection_id, connected.run_id)
    await stage.wait_for(lambda: _has_logged(worker, "sync finished", 2))
    again = await platform.queries.list_transactions(connected.tenant_id, TransactionFilter(), limit=10_000)
    assert list(again.rows) == list(page.rows)
    assert await stage.get_run(platform, connected) == first
    assert len(stage.world.requests.list_all()) == asked


async def test_two_workers_at_the_same_jobs_apply_each_once(platform, stage, start_worker, database_url):
    first, second = [await stage.connect(platform) for _ in range(2)]
    for _ in range(2):
        start_worker(database_url)
    statuses = [(await stage.ended_run(platform, each)).status for each in (first, second)]
    assert statuses == [SyncStatus.SUCCEEDED, SyncStatus.SUCCEEDED]


async def test_stopping_worker_lets_its_run_finish(platform, stage, start_worker, database_url):
    connected = await stage.connect(platform)
    stage.world.faults.add(FaultKind.SLOW, path="/plaid/transactions/sync", delay_s=2.0, times=1)
    worker = start_worker(database_url)

    async def is_running() -> bool:
        run = await stage.get_run(platform, connected)
        return run.status is SyncStatus.RUNNING and not stage.world.faults.list_all()

    await stage.wait_for(is_running)
    assert await asyncio.to_thread(worker.stop) == 0
    assert (await stage.get_run(platform, connected)).status is SyncStatus.SUCCEEDED
    assert await stage.ledger(platform, connected) == stage.truth()


async def test_run_that_a_stopping_worker_let_go_of_is_taken_up_at_once(platform, stage, start_worker, database_url):
    connected = await stage.connect(platform)
    stage.world.faults.add(FaultKind.SLOW, path="/plaid/transactions/sync", delay_s=30.0, times=1)
    worker = start_worker(database_url, grace="0")

    async def is_running() -> bool:
        run = await stage.get_run(platform, connected)
        return run.status is SyncStatus.RUNNING and not stage.world.faults.list_all()

    await stage.wait_for(is_running)
    assert await asyncio.to_thread(worker.stop) == 0
    start_worker(database_url)
    assert (await stage.ended_run(platform, connected)).status is SyncStatus.SUCCEEDED
    assert await stage.ledger(platform, connected) == stage.truth()


async def test_restart_of_the_database_in_the_middle_converges(own_postgres, simulator, stage, start_worker, tmp_path):
    url, restart = own_postgres
    settings = Settings(database_url=url, home=tmp_path / "home")
    async with open_platform(settings, extra_settings=simulator.settings) as platform:
        connected = await stage.connect(platform)
        stage.world.faults.add(FaultKind.SLOW, path="/plaid/transactions/sync", delay_s=2.0, times=1)
        worker = start_worker(url)

        async def is_running() -> bool:
            run = await stage.get_run(platform, connected)
            return run.status is SyncStatus.RUNNING and not stage.world.faults.list_all()

        await stage.wait_for(is_running)
        await asyncio.to_thread(restart)
        run = await stage.ended_run(platform, connected)
        assert run.status is SyncStatus.SUCCEEDED, worker.log
        assert await stage.ledger(platform, connected) == stage.truth()
        # The same process works on: it has reconnected, also for what comes later.
        later = await platform.sync.request_sync(connected.tenant_id, connected.connection_id)
        connected.run_id = later.value.id
        assert (await stage.ended_run(platform, connected)).status is SyncStatus.SUCCEEDED
        assert worker.stop() == 0


async def _has_logged(worker, text: str, times: int) -> bool:
    return worker.log.count(text) >= times
