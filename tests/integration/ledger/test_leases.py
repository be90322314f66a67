"""May two runs of one connection write at the same time, or one that was believed dead?"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bursar.domain.failures import Conflict, LeaseLost
from bursar.domain.result import Failure, Success
from bursar.domain.sync import SyncStatus
from bursar.services.sync import LEASE
from bursar.testing.loopback import Answer

CHECKING = "hudson-first-river-checking"


class SlowOnce:
    """Holds back the first page of rows, and nothing after it."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.has_begun = asyncio.Event()

    def __call__(self, answer: Answer) -> Answer:
        if self.has_begun.is_set() or not answer.path.endswith("/transactions/sync"):
            return answer
        self.has_begun.set()
        return replace(answer, delay_s=self.delay_s)


async def begin_slow_run(bank, connection, delay_s: float):
    slow = SlowOnce(delay_s)
    bank.wire.tamper = slow
    run = asyncio.create_task(bank.platform.sync.sync_now(bank.tenant_id, connection.id))
    await slow.has_begun.wait()
    return run


async def test_second_run_of_a_connection_that_is_being_read_is_refused(bank, connection) -> None:
    first = await begin_slow_run(bank, connection, 0.8)
    second = await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    assert isinstance(second, Failure)
    assert isinstance(second.error, Conflict)
    assert second.error.code == "run_in_progress"
    outcome = await first
    assert isinstance(outcome, Success)
    assert outcome.value.status is SyncStatus.SUCCEEDED
    await bank.sync(connection)


async def test_run_that_was_believed_dead_writes_nothing_when_it_wakes(bank, connection) -> None:
    ghost = bank.world.script.add_settled(CHECKING, Decimal("-1.00"), "TOLD TO THE FIRST RUN ONLY")
    zombie = await begin_slow_run(bank, connection, 1.5)
    bank.world.script.remove(ghost)
    bank.world.advance(LEASE + timedelta(seconds=1))
    living = await bank.sync(connection)
    assert living.status is SyncStatus.SUCCEEDED
    before = bank.versions()
    outcome = await zombie
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, LeaseLost)
    assert bank.versions() == before
    runs = await bank.platform.sync.list_runs(bank.tenant_id, connection.id)
    assert [run.status for run in runs if run.id == living.id] == [SyncStatus.SUCCEEDED]
    assert (await bank.connection(connection)).last_sync_status == "succeeded"
    assert all(run.finished_at is not None for run in runs if run.status is not SyncStatus.QUEUED)
    await bank.assert_equal_truth()


async def test_finished_run_is_not_carried_out_again(bank, connection) -> None:
    run = await bank.sync(connection)
    bank.world.script.add_settled(CHECKING, Decimal("-1.00"), "AFTER THE RUN")
    again = await bank.platform.sync.run(bank.tenant_id, connection.id, run.id)
    assert isinstance(again, Success)
    assert again.value == run
    assert "AFTER THE RUN" not in {row.description for row in await bank.rows()}


async def test_asking_twice_enqueues_one_run(bank, connection) -> None:
    first = await bank.platform.sync.request_sync(bank.tenant_id, connection.id)
    second = await bank.platform.sync.request_sync(bank.tenant_id, connection.id)
    assert isinstance(first, Success)
    assert isinstance(second, Success)
    assert first.value.id == second.value.id
    jobs = bank.query("SELECT args FROM procrastinate_jobs")
    assert [job["args"].keys() for job in jobs] == [{"tenant_id", "connection_id", "run_id"}] * len(jobs)
    assert len([job for job in jobs if job["args"]["run_id"] == str(first.value.id)]) == 1
