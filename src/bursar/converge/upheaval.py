"""How does a seed live when the database itself restarts, changes its tables, and is restored from a backup?

Everything of the tier below happens, too. The copy that is restored is read again and judged like the original.
"""

import asyncio
import copy
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from bursar.converge import people, waiting
from bursar.converge.bridge import open_bridge
from bursar.converge.database import open_database
from bursar.converge.operations import grow_tables, restart_server, restore_database, save_database, shrink_tables
from bursar.converge.plan import Plan
from bursar.converge.processes import EXPECTED, ProcessRun, ProcessStage, open_process_stage, open_workers
from bursar.converge.seed import Action, FileTold, Happened, Link, Person, SeedRun
from bursar.converge.stage import open_stage
from bursar.observability.logging import configure_logging

_CHANCES = {"D3": 0.12, "D9": 0.15, "backup": 0.25}
"""How likely each strikes in a step with work."""
_WITHIN_S = 0.2
_COMES_BACK_WITHIN_S = 20.0

_LOST_DATABASE = (
    "psycopg.OperationalError",
    "psycopg.errors.AdminShutdown",
    "psycopg.errors.CrashShutdown",
    "psycopg.errors.CannotConnectNow",
    "psycopg_pool.PoolTimeout",
    "procrastinate.exceptions.ConnectorException",
    # A worker that has lost its job engine stops, and calls off what it was doing.
    "asyncio.exceptions.CancelledError",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A saved database, and what people knew when it was saved."""

    path: Path
    people: tuple[Person, ...]
    links: tuple[Link, ...]
    files: tuple[FileTold, ...]


@asynccontextmanager
async def open_upheaval_stage(database_url: str, home: Path) -> AsyncGenerator[ProcessStage]:
    """Open a stage with worker processes, on a server that may be restarted."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        # What has been acknowledged must outlive the restart.
        await connection.execute("ALTER SYSTEM SET synchronous_commit = on")
        await connection.execute("SELECT pg_reload_conf()")
    async with open_process_stage(database_url, home) as stage:
        try:
            yield stage
        finally:
            # The one it began with died with the first restart.
            await stage.witness.close()


class UpheavalRun(ProcessRun):
    """One seed on a database that nobody can rely on."""

    def __init__(self, stage: ProcessStage, plan: Plan) -> None:
        super().__init__(stage, plan)
        self._backup: Backup | None = None
        self._is_grown = False
        self._drawn_step = -1
        self._upsets: list[tuple[float, str]] = []

    # While workers work.

    async def _upset(self) -> None:
        if self._drawn_step != self._step:
            self._drawn_step = self._step
            self._upsets = self._draw_upsets()
        due = [what for moment, what in self._upsets if time.monotonic() >= moment]
        self._upsets = [(moment, what) for moment, what in self._upsets if what not in due]
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "D3": self._restart,
            "D9": self._change_tables,
            "backup": self._save,
        }
        for what in due:
            self.note(f"  {what}")
            await acts[what]()

    def _draw_upsets(self) -> list[tuple[float, str]]:
        if self.is_calm:
            return []
        drawn: list[tuple[float, str]] = []
        for what, chance in _CHANCES.items():
            rng = self.plan.rng(what, self._step)
            if what == "backup" and self._backup is not None:
                continue
            if (what == "backup" or self.plan.has(what)) and rng.random() < chance:
                drawn.append((time.monotonic() + rng.random() * _WITHIN_S, what))
        return drawn

    async def _restart(self) -> None:
        await restart_server(self.witness)
        await self.witness.close()
        self.expected = (*EXPECTED, *_LOST_DATABASE)
        self.happened.struck["D3", "", ""] += 1
        self.stage.witness = await _reconnect(self._workers.database_url)
        # Nobody knows yet whether the workers of before are alive; whoever is says so again at once.
        await self.witness.execute("UPDATE procrastinate_workers SET last_heartbeat = 'epoch'")

    async def _change_tables(self) -> None:
        """Change the tables beneath the workers, and let one that knows only the new ones join them, or the reverse."""
        await (shrink_tables if self._is_grown else grow_tables)(self._workers.database_url)
        self._is_grown = not self._is_grown
        self.happened.struck["D9", "", ""] += 1
        if len(self._workers.pool.working) > 1:
            self._kill(self._workers.pool.working[0])

    async def _save(self) -> None:
        path = self._workers.home / f"backup-{self.plan.seed}"
        self._backup = Backup(
            path=path,
            people=tuple(replace(person) for person in self.people),
            links=tuple(replace(link) for link in self.links),
            files=tuple(self.files),
        )
        await save_database(self.witness, self._workers.database_url, path)

    async def collect_jobs(self) -> None:
        """Wait until the workers have done what can be done now."""
        if self.is_calm and self._is_grown:
            await shrink_tables(self._workers.database_url)
            self._is_grown = False
        await super().collect_jobs()

    async def erase(self, person: Person) -> None:
        """The tenant leaves for good, and asks again when the database was away."""
        deadline = time.monotonic() + _COMES_BACK_WITHIN_S
        while True:
            try:
                await super().erase(person)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                person.is_erased = False
                await asyncio.sleep(0.1)
            else:
                return

    # The restored copy.

    @asynccontextmanager
    async def restored(self) -> AsyncGenerator[SeedRun | None]:
        """Give the same seed on the restored backup; None when none was made."""
        if self._backup is None:
            yield None
            return
        stage, name = self._workers, "copy-"
        with open_database(stage.database_url) as url:
            await restore_database(self.witness, self._backup.path, url)
            self._backup.path.unlink()
            try:
                async with (
                    open_stage(url, stage.home) as plain,
                    open_bridge(plain.wire, stage.home / f"{name}banks") as bridge,
                    open_workers(plain, bridge, url, stage.home, name) as second,
                ):
                    yield await self._on(second, self._backup)
            finally:
                (stage.home / f"{name}board").unlink(missing_ok=True)
                configure_logging(level="INFO", style="json", stream=stage.log)
                self.world.clock.on_advance(stage.board.set_time)

    async def _on(self, stage: ProcessStage, backup: Backup) -> "UpheavalRun":
        """Return this seed with the people of the backup before a restored database."""
        found = copy.copy(self)
        found.stage = found._workers = stage
        found.happened = Happened()
        found._backup = None
        found._agenda = []
        found._runs_before = 0
        found.is_calm = True
        found.files = list(backup.files)
        found.on_broken = _renewing(found)
        persons = {person.tenant_id: person for person in backup.people}
        found.people = list(persons.values())
        found.links = [replace(link, person=persons[link.person.tenant_id]) for link in backup.links]
        stage.clock.follow(self.world)
        stage.wire.connect(found._serve, self.world, found._interlude)
        stage.board.set_time(self.world.now)
        self.world.clock.on_advance(stage.board.set_time)
        stage.bridge.commands = {"/sleep": found._sleep, "/strike": found._strike}
        stage.pool.keep(1)
        await shrink_tables(stage.database_url)
        # What was to be done later when the backup was made is long due.
        await waiting.unpark_all(stage.witness)
        await found._catch_up(self)
        return found

    async def _catch_up(self, original: SeedRun) -> None:
        """Let people do again what the backup does not know that they did: leave, disconnect, consent."""
        for person in self.people:
            if any(one.tenant_id == person.tenant_id and one.is_erased for one in original.people):
                await self.erase(person)
        for link in self.links:
            now = original.find_link(link.connection_id)
            if now is None or link.is_ended or link.person.is_erased:
                continue
            if now.is_ended:
                link.is_ended = True
                await self.stage.platform.connect.disconnect(link.person.tenant_id, link.connection_id)
            elif now.external_id != link.external_id:
                link.is_broken = True
        await self.collect_jobs()


def _renewing(run: SeedRun) -> Callable[[Link], Action]:
    return lambda link: lambda: people.renew(run, link)


async def _reconnect(url: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
    deadline = time.monotonic() + _COMES_BACK_WITHIN_S
    while True:
        try:
            return await psycopg.AsyncConnection.connect(url, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
