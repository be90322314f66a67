"""What becomes of a run that cannot be carried out, and of a job that has lost its worker."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from procrastinate.jobs import Job, Status

from bursar.domain.sync import SyncStatus
from bursar.sandbox.faults import FaultKind
from bursar.storage.queue import SYNC_QUEUE, SYNC_TASK
from bursar.worker import tasks
from bursar.worker.retry import RetrySchedule, TryAgain, TryAgainError
from bursar.worker.schedule import enqueue_nightly, rescue_once
from bursar.worker.tasks import carry_out


@pytest.fixture
async def platform(open_test_platform, simulator):
    return await open_test_platform(extra_settings=simulator.settings)


def test_worker_knows_jobs_by_the_names_they_are_enqueued_under():
    assert (tasks.SYNC_TASK, tasks.SYNC_QUEUE) == (SYNC_TASK, SYNC_QUEUE)


async def test_outage_of_the_provider_is_tried_again_until_it_is_over(platform, stage, start_worker, database_url):
    connected = await stage.connect(platform)
    stage.world.faults.add(FaultKind.INSTITUTION_DOWN, times=2)
    worker = start_worker(database_url)
    run = await stage.ended_run(platform, connected)
    assert run.status is SyncStatus.SUCCEEDED, worker.log
    assert not stage.world.faults.list_all()
    assert await stage.ledger(platform, connected) == stage.truth()


async def _told(platform, connected) -> tuple[str, str]:
    """What is said of the connection: its state, and why."""
    found = await platform.connect.get_connection(connected.tenant_id, connected.connection_id)
    health = platform.connect.health_of(found.value)
    assert found.value.last_error_code == health.reason
    return health.state.value, health.reason


async def test_last_attempt_ends_the_run(platform, stage):
    connected = await stage.connect(platform)
    stage.world.faults.add(FaultKind.INSTITUTION_DOWN, times=None)
    schedule = RetrySchedule(max_attempts=2)
    ids = (connected.tenant_id, connected.connection_id, connected.run_id)
    with pytest.raises(TryAgainError):
        await carry_out(platform, schedule, *ids, attempts_before=0)
    assert (await stage.get_run(platform, connected)).status is SyncStatus.QUEUED
    await carry_out(platform, schedule, *ids, attempts_before=1)
    run = await stage.get_run(platform, connected)
    assert run.status is SyncStatus.FAILED
    assert run.error_code


async def test_keys_that_do_not_open_the_credentials_fail_the_run_at_once(
    platform, stage, start_worker, database_url, tmp_path
):
    connected = await stage.connect(platform)
    (tmp_path / "home" / "master.keys").unlink()
    worker = start_worker(database_url)
    run = await stage.ended_run(platform, connected)
    assert (run.status, run.error_code) == (SyncStatus.FAILED, "internal_error")
    assert await _told(platform, connected) == ("error_internal", "internal_error")
    assert "sync failed" in worker.log


async def test_run_that_another_reading_keeps_out_waits_and_then_ends(platform, stage):
    connected = await stage.connect(platform)
    other = await stage.request(platform, connected)
    assert other.id == connected.run_id
    stage.world.faults.add(FaultKind.SLOW, path="/plaid/transactions/sync", delay_s=1.5, times=1)
    now = asyncio.create_task(platform.sync.sync_now(connected.tenant_id, connected.connection_id))

    async def is_being_read() -> bool:
        return not stage.world.faults.list_all()

    await stage.wait_for(is_being_read)
    ids = (connected.tenant_id, connected.connection_id, connected.run_id)
    with pytest.raises(TryAgainError, match="run_in_progress"):
        await carry_out(platform, RetrySchedule(), *ids, attempts_before=0)
    await carry_out(platform, RetrySchedule(max_attempts=1), *ids, attempts_before=0)
    run = await stage.get_run(platform, connected)
    assert (run.status, run.error_code) == (SyncStatus.FAILED, "run_in_progress")
    await now
    # The run that was given up does not stand in for the next one.
    assert (await stage.request(platform, connected)).id != connected.run_id


async def _abandon_job(platform) -> None:
    """Take the job as a worker that is never heard of again."""
    worker_id = await platform.queue.app.job_manager.register_worker()
    assert await platform.queue.app.job_manager.fetch_job(queues=None, worker_id=worker_id) is not None


async def test_job_of_a_silent_worker_is_requeued_by_one_rescuer_only(platform, stage):
    await stage.connect(platform)
    await _abandon_job(platform)
    schedule = RetrySchedule()
    assert await rescue_once(platform, schedule, stalled_after_s=60) == 0
    await asyncio.sleep(0.01)
    rescued = await asyncio.gather(*(rescue_once(platform, schedule, stalled_after_s=0) for _ in range(4)))
    assert sorted(rescued) == [0, 0, 0, 1]


async def _take_job(platform):
    jobs = platform.queue.app.job_manager
    return await jobs.fetch_job(queues=None, worker_id=await jobs.register_worker())


async def test_worker_that_was_silent_too_long_leaves_its_job_to_the_one_who_has_it_now(platform, stage):
    await stage.connect(platform)
    jobs = platform.queue.app.job_manager
    silent = await _take_job(platform)
    await asyncio.sleep(0.01)
    await rescue_once(platform, RetrySchedule(), stalled_after_s=0)
    heir = await _take_job(platform)
    assert (heir.id, heir.attempts) == (silent.id, silent.attempts + 1)

    async def state() -> tuple[object, ...] | None:
        async with platform.database.transaction_across_tenants() as tx:
            await tx.execute("RESET ROLE")
            found = await tx.execute(
                "SELECT status::text, worker_id FROM procrastinate_jobs WHERE id = %s", [silent.id]
            )
            return await found.fetchone()

    await jobs.finish_job(silent, Status.SUCCEEDED, True)
    await jobs.retry_job(silent, retry_at=datetime.now(UTC))
    assert await state() == ("doing", heir.worker_id)
    await jobs.retry_job(heir, retry_at=datetime.now(UTC))
    assert await state() == ("todo", heir.worker_id)
    again = await _take_job(platform)
    await jobs.finish_job(again, Status.SUCCEEDED, True)
    assert await state() is None


async def test_job_that_kills_every_worker_is_given_up(platform, stage):
    connected = await stage.connect(platform)
    await _abandon_job(platform)
    await asyncio.sleep(0.01)
    assert await rescue_once(platform, RetrySchedule(max_attempts=1), stalled_after_s=0) == 1
    run = await stage.get_run(platform, connected)
    assert (run.status, run.error_code) == (SyncStatus.FAILED, "worker_died")
    assert await _told(platform, connected) == ("error_internal", "worker_died")


async def test_connections_come_in_their_minute_of_the_night_and_once(platform, stage):
    connected = await stage.connect(platform)
    await carry_out(
        platform, RetrySchedule(), connected.tenant_id, connected.connection_id, connected.run_id, attempts_before=0
    )
    slot = connected.connection_id.int % 60
    assert await enqueue_nightly(platform, 59) == 0  # read a moment ago
    async with platform.database.transaction(connected.tenant_id) as tx:
        await tx.execute("UPDATE connections SET last_sync_at = last_sync_at - interval '1 day'")
    if slot:
        assert await enqueue_nightly(platform, slot - 1) == 0
    assert await enqueue_nightly(platform, slot) == 1
    assert await enqueue_nightly(platform, 59) == 1
    runs = await platform.sync.list_runs(connected.tenant_id, connected.connection_id)
    assert [run.status for run in runs] == [SyncStatus.QUEUED, SyncStatus.SUCCEEDED]


def test_waits_double_with_a_random_part_up_to_the_longest():
    schedule = RetrySchedule(first=timedelta(seconds=4), longest=timedelta(seconds=60))
    for attempts, whole in enumerate([4, 8, 16, 32, 60, 60]):
        waits = [schedule.wait(attempts, Random(seed)).total_seconds() for seed in range(50)]
        assert whole / 2 <= min(waits) < max(waits) <= whole
        assert len(set(waits)) > 40
    assert [schedule.has_another(attempts) for attempts in (0, 6, 7)] == [True, True, False]


@pytest.mark.parametrize(
    ("error", "least_s", "most_s"),
    [
        (TryAgainError("down"), 1.9, 4.1),
        (TryAgainError("limit", wait=timedelta(seconds=90)), 90.1, 91),
        (asyncio.CancelledError(), -1, 1),
    ],
    ids=["schedule", "what the provider said", "stopping worker"],
)
def test_engine_is_told_when_to_try_again(error, least_s, most_s):
    decision = TryAgain(RetrySchedule(first=timedelta(seconds=4))).get_retry_decision(exception=error, job=_job())
    assert least_s <= (decision.retry_at - datetime.now(UTC)).total_seconds() <= most_s


def test_fault_of_ours_is_not_tried_again():
    assert TryAgain(RetrySchedule()).get_retry_decision(exception=ValueError(), job=_job()) is None


def _job() -> Job:
    return Job(
        id=1, queue="sync", priority=0, lock=None, queueing_lock=None, task_name=SYNC_TASK, task_kwargs={}, attempts=0
    )
