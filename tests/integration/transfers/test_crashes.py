"""What becomes of a transfer whose server, worker or database dies on the way?"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from bursar.bootstrap import open_platform
from bursar.domain.transfers import TransferStatus
from bursar.worker.schedule import look_after_transfers, register_schedules


class LaterClock:
    """The machine's clock, so much ahead."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


class ServerProcess:
    """A real `bursar serve`, without a worker."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        while (found := re.search(r"http://\S+", process.stdout.readline())) is None:
            assert process.poll() is None, "the server did not start"
        self.url = found.group()

    def kill(self) -> None:
        """Kill it as the operating system would: nothing of it runs any more."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)


@pytest.fixture
def options(simulator: Any) -> dict[str, Any]:
    """Platform and simulator live by the machine's clock, because the server process does."""
    simulator.clock.set(datetime.now(UTC))
    simulator.clock.run(1.0)
    return {
        "clock": LaterClock(),
        "extra_settings": {"sequence_base_url": simulator.origins.app, "sequence_pause_s": "0"},
    }


@pytest.fixture
def start_server(settings: Any, options: dict[str, Any]) -> Iterator[Callable[[], ServerProcess]]:
    with ExitStack() as stack:

        def start() -> ServerProcess:
            environment = {
                **os.environ,
                "BURSAR_DATABASE_URL": settings.database_url.get_secret_value(),
                "BURSAR_HOME": str(settings.home),
                "BURSAR_TRANSFERS_ENABLED": "true",
                **{name.upper(): value for name, value in options["extra_settings"].items()},
            }
            command = [str(Path(sys.executable).with_name("bursar")), "serve", "--no-worker", "--port", "0"]
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait, 10)
            stack.callback(process.kill)
            if process.stdout is not None:
                stack.callback(process.stdout.close)
            return ServerProcess(process)

        yield start


async def at(settings: Any, options: dict[str, Any], ahead: timedelta, tenant_id: UUID, transfer_id: UUID) -> Any:
    """Look after a transfer from another process's platform, so much later."""
    async with open_platform(settings, **(options | {"clock": LaterClock(ahead)})) as later:
        return await later.reconciler.look_after(tenant_id, transfer_id)


async def wait_until(condition: Callable[[], bool], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to this"
        await asyncio.sleep(0.02)


async def killed_while(start_server: Any, alice: Any, bank: Any, operation: str, key: str) -> Any:
    """Have a server die while it waits for the provider's answer; return the transfer as the database has it."""
    server = start_server()
    bank.fault("delay", operation, delay_s=2.0)
    before = len(bank.asked(operation))
    async with httpx2.AsyncClient(base_url=server.url, verify=False, timeout=30) as http:
        headers = {"Authorization": f"Bearer {alice.token}", "Idempotency-Key": key}
        sending = asyncio.create_task(http.post("/api/v1/transfers", json=alice.body("10"), headers=headers))
        await wait_until(lambda: len(bank.asked(operation)) > before)
        server.kill()
        with pytest.raises(httpx2.HTTPError):
            await sending
    (left,) = await alice.get("/transfers")
    assert left["status"] == "sending"
    return left


async def test_server_killed_while_money_moves_is_found_out_and_nothing_is_sent_again(
    settings, options, platform, start_server, alice, bank, used, events
) -> None:
    left = await killed_while(start_server, alice, bank, "CreatePayment", "rent")
    await wait_until(lambda: bank.payments() == 1)
    assert (await used(alice)).reserved == Decimal(10)
    transfer_id = UUID(left["id"])
    # Nobody looks while the one who sends it may still be alive.
    assert (await platform.reconciler.look_after(alice.tenant_id, transfer_id)).status is TransferStatus.SENDING
    found = await at(settings, options, timedelta(minutes=4), alice.tenant_id, transfer_id)
    assert found.status is TransferStatus.COMPLETED
    assert ((await used(alice)).committed, (await used(alice)).reserved) == (Decimal(10), Decimal(0))
    assert await events(alice, left["id"]) == ["requested", "outcome_unknown", "found"]
    # The client that got no answer asks again with its key, at a new server; the first one's use of it is dead.
    async with platform.database.transaction(alice.tenant_id) as tx:
        await tx.execute("UPDATE idempotency_keys SET created_at = created_at - interval '6 minutes'")
    again = await alice.ask("10", key="rent")
    assert (again.status_code, again.json()["data"]["id"]) == (201, left["id"])
    assert bank.payments() == 1


async def test_server_killed_before_the_order_went_out_is_released_in_the_end(
    settings, options, start_server, alice, bank, used, events
) -> None:
    left = await killed_while(start_server, alice, bank, "SelectSourceAndDestination", "rent")
    transfer_id = UUID(left["id"])
    assert (await used(alice)).reserved == Decimal(10)
    early = await at(settings, options, timedelta(minutes=4), alice.tenant_id, transfer_id)
    assert early.status is TransferStatus.UNKNOWN
    assert (await used(alice)).reserved == Decimal(10)
    late = await at(settings, options, timedelta(minutes=16), alice.tenant_id, transfer_id)
    assert (late.status, late.failure_code) == (TransferStatus.FAILED, "not_carried_out")
    assert (await used(alice)).used == 0
    assert await events(alice, left["id"]) == ["requested", "outcome_unknown", "not_found"]
    assert bank.payments() == 0
    assert bank.asked("CreatePayment") == []


@pytest.mark.parametrize("rules", [{"transfers_max_per_day": Decimal(15)}])
async def test_reservation_of_a_dead_server_goes_on_counting(start_server, alice, bank) -> None:
    await killed_while(start_server, alice, bank, "SelectSourceAndDestination", "rent")
    refused = await alice.ask("10")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "daily_limit_exceeded")
    assert "5.00 USD left" in refused.json()["error"]["message"]
    assert bank.payments() == 0


async def test_request_that_is_cancelled_is_looked_up_like_one_that_died(
    settings, options, platform, alice, bank, used
) -> None:
    bank.fault("delay", delay_s=1.0)
    sending = asyncio.create_task(alice.ask("10", key="rent"))
    await wait_until(lambda: len(bank.asked("CreatePayment")) == 1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await wait_until(lambda: bank.payments() == 1)
    (left,) = await alice.get("/transfers")
    assert left["status"] == "sending"
    again = await alice.ask("10", key="rent")
    assert (again.status_code, again.json()["data"]["id"]) == (201, left["id"])
    found = await at(settings, options, timedelta(minutes=4), alice.tenant_id, UUID(left["id"]))
    assert found.status is TransferStatus.COMPLETED
    assert (await used(alice)).committed == Decimal(10)
    assert bank.payments() == 1


async def test_workers_that_look_at_once_record_one_outcome(settings, options, platform, alice, bank, events) -> None:
    bank.fault("drop_after")
    sent = await alice.send("10", key=str(uuid4()))
    async with open_platform(settings, **options) as other:
        await asyncio.gather(
            *(one.reconciler.look_after(alice.tenant_id, UUID(sent["id"])) for one in (platform, other) * 3)
        )
    assert await events(alice, sent["id"]) == ["requested", "outcome_unknown", "found"]


async def test_workers_turn_looks_after_all_that_is_due_and_no_more(platform, alice, bank, new_user) -> None:
    bank.fault("drop_after")
    lost = await alice.send("10")
    done, staged = await alice.send("11"), await alice.send("12", confirm=True)
    assert await look_after_transfers(platform) == 2
    assert (await alice.get(f"/transfers/{lost['id']}"))["status"] == "completed"
    assert (await alice.get(f"/transfers/{done['id']}"))["provider_transfer_id"] is not None
    assert (await alice.get(f"/transfers/{staged['id']}"))["status"] == "awaiting_confirmation"
    assert await look_after_transfers(platform) == 0
    register_schedules(platform)
    turns = {task.name for (task, _) in _periodic(platform)}
    assert "bursar.look_after_transfers" in turns


def _periodic(platform: Any) -> list[tuple[Any, Any]]:
    return [(one.task, one.cron) for one in platform.queue.app.periodic_registry.periodic_tasks.values()]


async def test_provider_that_is_down_stops_no_other_transfer_and_is_asked_later(platform, alice, bank) -> None:
    bank.fault("drop_after", times=2)
    first, second = await alice.send("10"), await alice.send("11")
    bank.fault("status", "SelectSourceAndDestination", status=503, times=3)
    assert await look_after_transfers(platform) == 2
    statuses = {(await alice.get(f"/transfers/{one['id']}"))["status"] for one in (first, second)}
    assert statuses == {"unknown", "completed"}
    assert bank.payments() == 2


async def test_open_transfers_are_looked_up_also_when_transfers_were_switched_off(
    settings, options, alice, bank
) -> None:
    bank.fault("drop_after")
    sent = await alice.send("10")
    off = settings.model_copy(update={"transfers_enabled": False})
    async with open_platform(off, **options) as later:
        found = await later.reconciler.look_after(alice.tenant_id, UUID(sent["id"]))
    assert found is not None
    assert found.status is TransferStatus.COMPLETED


async def test_erased_tenant_takes_its_transfers_and_their_record_along(platform, alice, bank) -> None:
    await alice.send("10")
    assert await platform.access.erase_tenant(alice.tenant_id)
    assert await platform.reconciler.list_due() == []
    for table in ("transfers", "transfer_days", "audit_events"):
        async with platform.database.transaction(alice.tenant_id) as tx:
            found = await tx.execute(f"SELECT count(*) FROM {table}")
            assert await found.fetchone() == (0,)
