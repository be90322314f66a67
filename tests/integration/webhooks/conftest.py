"""A server on a real port, a simulated Plaid on another that sends it signed webhooks, and the bank's own truth."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from bursar.bootstrap import Platform
from bursar.domain.connections import Connection
from bursar.domain.result import Success
from bursar.domain.sync import SyncRun, SyncStatus
from bursar.domain.transactions import TransactionFilter
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.sandbox.app import SandboxApp, create_app
from bursar.sandbox.faces import WebhookDelivery
from bursar.sandbox.world import World
from bursar.server.run import serve
from bursar.settings import Settings
from bursar.testing.loopback import LoopbackServer, Tampering
from bursar.worker.app import WorkerPlan, working
from bursar.worker.retry import RetrySchedule

BANK = "first_river"
ENDED = {SyncStatus.SUCCEEDED, SyncStatus.PARTIAL, SyncStatus.FAILED, SyncStatus.CANCELLED}
PLAN = WorkerPlan(
    heartbeat_s=0.5,
    stalled_after_s=5.0,
    poll_s=0.1,
    graceful_s=2.0,
    retries=RetrySchedule(first=timedelta(milliseconds=50), longest=timedelta(milliseconds=200)),
)


@dataclass
class Stage:
    """All of it; webhooks arrive at `hooks`."""

    platform: Platform
    database_url: str
    world: World
    app: SandboxApp
    wire: Tampering
    hooks: str
    http: httpx2.AsyncClient
    control: httpx2.AsyncClient
    tenant_id: UUID
    user_id: UUID

    async def steer(self, path: str, **body: Any) -> dict[str, Any]:
        """Ask the simulator's control plane, which sends what is due before it answers."""
        answer = await self.control.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    async def advance(self, **step: float) -> None:
        await self.steer("/control/clock", **step)

    async def link(self, link_token: str) -> dict[str, str]:
        asked = {"link_token": link_token, "institution_id": "ins_109508"}
        return await self.steer("/control/faces/plaid/complete_link", **asked)

    async def connect(self) -> Connection:
        """Connect a bank as a user does; its first run waits."""
        begun = await self.platform.connect.begin(self.tenant_id, self.user_id, provider_slug="plaid")
        assert isinstance(begun, Success), begun
        finished = await self.link(str(begun.value.start.link_token))
        done = await self.platform.connect.complete(
            self.tenant_id, begun.value.connection.id, {"public_token": finished["public_token"]}
        )
        assert isinstance(done, Success), done
        return done.value

    async def connect_and_read(self) -> Connection:
        """Connect a bank, and read it without a worker; what was announced meanwhile counts as followed."""
        connection = await self.connect()
        (run,) = await self.runs(connection)
        read = await self.platform.sync.run(self.tenant_id, connection.id, run.id)
        assert isinstance(read, Success), read
        told = await self.platform.webhooks.list_open()
        await self.platform.webhooks.close(told.counts)
        return connection

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Have a worker; once in a test."""
        async with working(self.platform, PLAN):
            yield

    async def wait_for(self, condition: Callable[[], Awaitable[bool]], *, within_s: float = 30) -> None:
        deadline = time.monotonic() + within_s
        while not await condition():
            assert time.monotonic() < deadline, "it never came to this"
            await asyncio.sleep(0.03)

    async def until_idle(self, connection: Connection, runs: int) -> list[SyncRun]:
        """Wait until so many runs have ended, every notice was followed, and nothing waits; return the runs."""

        async def is_idle() -> bool:
            listed = await self.runs(connection)
            return (
                len(listed) >= runs
                and all(run.status in ENDED for run in listed)
                and self.query("SELECT count(*) FROM webhook_notices WHERE followed_at IS NULL") == [(0,)]
                and self.query("SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')") == [(0,)]
            )

        await self.wait_for(is_idle)
        return await self.runs(connection)

    async def runs(self, connection: Connection) -> list[SyncRun]:
        """Newest first."""
        return await self.platform.sync.list_runs(self.tenant_id, connection.id)

    async def present(self, connection: Connection) -> Connection:
        found = await self.platform.connect.get_connection(self.tenant_id, connection.id)
        assert isinstance(found, Success)
        return found.value

    def make_delivery(self, connection: Connection) -> WebhookDelivery:
        """A delivery about the connection's login as Plaid would send it now."""
        return self.app.faces["plaid"].make_delivery(str(connection.external_login_id))

    async def deliver(self, delivery: WebhookDelivery) -> httpx2.Response:
        return await self.http.post(self.hooks, content=delivery.body, headers=dict(delivery.headers))

    def query(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as raw:
            return raw.execute(statement, arguments).fetchall()

    def change_bank(self, amount: str = "-12.34", text: str = "SOMETHING NEW") -> None:
        self.world.script.add_settled("hudson-first-river-checking", Decimal(amount), text)

    async def assert_equal_truth(self) -> None:
        """The ledger has each row of the bank once, and each balance."""
        login = self.world.find_login(BANK, "user_good")
        assert login is not None
        truths = {account: self.world.truth(account.account_id) for account in login.accounts}
        expected = Counter(
            (account.name, row.booked_on, row.amount, row.state.value)
            for account, truth in truths.items()
            for row in truth.rows
        )
        page = await self.platform.queries.list_transactions(self.tenant_id, TransactionFilter(), limit=10_000)
        told = Counter((row.account_name, row.transaction_date, row.amount, row.status) for row in page.rows)
        assert told == expected
        assert expected


@pytest.fixture
def port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    return settings.model_copy(update={"public_url": f"http://127.0.0.1:{port}/", "webhook_delay_s": 0})


@pytest.fixture
async def stage(open_test_platform: Any, database_url: str, port: int) -> AsyncIterator[Stage]:
    face = PlaidFace(rate_limits=False)
    world = World(11, start=date(2026, 3, 2), history_days=40, families=1)
    app = create_app(world, control_token="t", faces=[face])
    wire = Tampering(app)
    async with AsyncExitStack() as stack:
        simulator = stack.enter_context(LoopbackServer(wire))
        platform = await open_test_platform(
            clock=world.clock,
            extra_settings={
                "plaid_client_id": face.client_id,
                "plaid_secret": face.secret,
                "plaid_base_url": f"{simulator.url}/plaid",
            },
        )
        local = await platform.access.ensure_local_user(with_token=False)
        stop, listening = asyncio.Event(), asyncio.Event()
        server = asyncio.create_task(
            serve(platform, port=port, on_listening=lambda _host, _port: listening.set(), stop=stop)
        )
        await asyncio.wait_for(listening.wait(), 10)
        http = await stack.enter_async_context(httpx2.AsyncClient(verify=False))
        control = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=simulator.url, headers={"Authorization": "Bearer t"}, verify=False, timeout=30)
        )
        try:
            yield Stage(
                platform,
                database_url,
                world,
                app,
                wire,
                f"http://127.0.0.1:{port}/api/v1/webhooks/plaid",
                http,
                control,
                local.tenant_id,
                local.user_id,
            )
        finally:
            stop.set()
            await asyncio.wait_for(server, 15)
