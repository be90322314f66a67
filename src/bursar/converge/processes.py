"""How does a seed live when real processes do the work, and are killed?

People, banks, faults and oracle are those of tier 1. The job engine itself hands out the jobs, to workers that run at
the same time. A fault at a named place is drawn from the seed; which worker meets it first, and when a kill strikes
that waits for no place, is up to the machine: a seed does the same kind of thing again, not the same bytes.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from bursar.converge import waiting
from bursar.converge.baton import Baton
from bursar.converge.board import TRAPS, Board
from bursar.converge.bridge import Bridge, open_bridge
from bursar.converge.catalogue import PROCESS_POINTS, SYNC_POINTS
from bursar.converge.forked import KILLED, NO_DATABASE, WorkerPlace
from bursar.converge.plan import Plan
from bursar.converge.pool import Member, WorkerPool, open_pool
from bursar.converge.seed import RESCUE, Action, SeedRun
from bursar.converge.stage import Stage, Witness, open_stage
from bursar.converge.trouble import Troublemaker
from bursar.faultpoints import FaultPoint
from bursar.worker.app import WorkerPlan

PLAN = WorkerPlan(concurrency=3, heartbeat_s=0.2, stalled_after_s=5.0, poll_s=0.1, graceful_s=0.0, reconnect_s=0.1)
"""Real seconds. A worker that dies is not waited for: the seed makes its last sign of life an old one."""

_TOO_LONG_S = 30.0
_LOOK_EVERY_S = 0.01
_TRAPS_PER_STEP = (0, 0, 0, 1, 1, 2)
_KILL_CHANCE = 0.15
"""How likely somebody dies at any moment of a step, in a seed with D2."""
_KILL_WITHIN_S = 0.3
_OVERTAKEN_WITHIN_S = 3.0
_CONSENTS = ("connect", "renew")
_FEW_ATTEMPTS = 3
"""A job that was tried so often is left alone, or it would be given up."""

EXPECTED = ("bursar.worker.retry.TryAgainError", "Job was not found or not in")
"""Exceptions that are none: a job is to be done later; or it was done by somebody else when its worker came back."""


@dataclass(slots=True, kw_only=True)
class ProcessStage(Stage):
    """A stage whose jobs are carried out by processes of their own."""

    board: Board
    bridge: Bridge
    pool: WorkerPool
    worker_log: Path
    database_url: str
    home: Path
    log_read: int = 0
    """How much of the workers' log is known."""


class StuckError(Exception):
    """Workers did not come to an end with what they had to do."""


@asynccontextmanager
async def open_process_stage(database_url: str, home: Path) -> AsyncGenerator[ProcessStage]:
    """Open a stage with worker processes."""
    async with (
        open_stage(database_url, home) as stage,
        open_bridge(stage.wire, home / "banks") as bridge,
        open_workers(stage, bridge, database_url, home) as full,
    ):
        yield full


@asynccontextmanager
async def open_workers(
    stage: Stage, bridge: Bridge, database_url: str, home: Path, name: str = ""
) -> AsyncGenerator[ProcessStage]:
    """Give a stage worker processes on its database; `name` keeps its files apart from those of another one."""
    board = Board(home / f"{name}board")
    place = WorkerPlace(
        database_url=database_url,
        home=home,
        board=home / f"{name}board",
        socket=home / f"{name}banks",
        log=home / f"{name}workers.log",
        parent=os.getpid(),
        plan=PLAN,
    )
    place.log.touch()
    with open_pool(board, place) as pool:
        yield ProcessStage(
            **{one.name: getattr(stage, one.name) for one in fields(Stage)},
            board=board,
            bridge=bridge,
            pool=pool,
            worker_log=place.log,
            database_url=database_url,
            home=home,
        )
    board.close()


class Crowd(Baton):
    """Lets everybody go at the same moment, for real."""

    async def run(self, workers: Sequence[Awaitable[None]]) -> None:
        """Run all to their ends; the first exception of one is raised when all have ended."""
        ended = await asyncio.gather(*workers, return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one

    async def hand_over(self) -> None:
        """Everybody runs; nobody waits for a turn."""


class ProcessRun(SeedRun):
    """One seed whose jobs are real ones."""

    expected: tuple[str, ...] = EXPECTED

    def __init__(self, stage: ProcessStage, plan: Plan) -> None:
        super().__init__(stage, plan)
        self._workers = stage
        self.baton = Crowd(plan.rng("baton"))
        self.trouble = Troublemaker(self.baton)
        self._one_at_a_time = asyncio.Lock()
        self._step = 0
        self._runs_before = stage.pool.run_count
        self._told_traps: set[int] = set()
        self._most_attempts = 0
        self._kills: set[int] = set()
        """Processes that the seed has killed."""

    @classmethod
    def on(cls, stage: Stage, plan: Plan) -> "ProcessRun":
        """Begin a seed on a stage with workers.

        Raises:
            TypeError: the stage has none.
        """
        if not isinstance(stage, ProcessStage):
            raise TypeError("the seeds of this tier need worker processes")
        return cls(stage, plan)

    async def begin(self) -> None:
        """Put the world in front of platform and workers."""
        stage = self._workers
        stage.board.clear_traps()
        stage.board.set_time(self.world.now)
        self.world.clock.on_advance(stage.board.set_time)
        stage.bridge.commands = {"/sleep": self._sleep, "/strike": self._strike}
        stage.worker_log.write_text("")
        stage.log_read = 0
        await super().begin()
        stage.pool.keep(self.plan.rng("workers").choice((2, 2, 3)))

    def end(self) -> None:
        """Let go of the workers."""
        self._workers.board.clear_traps()
        self._workers.bridge.commands = {}
        self.happened.run_count = self._workers.pool.run_count - self._runs_before
        super().end()

    # Steps of the agenda.

    def at(self, instant: datetime, name: str, action: Action) -> None:
        """Put something on the agenda; people consent one after the other."""
        super().at(instant, name, self._alone(action) if name.startswith(_CONSENTS) else action)

    def _alone(self, action: Action) -> Action:
        # A cache that repeats the answer before would hand one person the link that was made for another.
        async def act() -> None:
            async with self._one_at_a_time:
                await action()

        return act

    def _take_due(self) -> list[tuple[str, Action]]:
        due = super()._take_due()
        self._step += 1
        self._set_faults()
        return due

    def _set_faults(self) -> None:
        """Let this step's faults wait for the workers, and put their clocks wrong."""
        board = self._workers.board
        rng = self.plan.rng("step", self._step)
        for member in self._workers.pool.working:
            board.set_skew(member.slot, self._draw_skew(rng))
        board.clear_traps()
        self._told_traps.clear()
        if self.is_calm or self._most_attempts > _FEW_ATTEMPTS:
            return
        cells = draw_cells(self.plan.faults)
        for index in range(min(rng.choice(_TRAPS_PER_STEP), TRAPS) if cells else 0):
            code, point = rng.choice(cells)
            board.set_trap(index, code, point, rng.choice((1, 1, 1, 2)))

    async def collect_jobs(self) -> None:
        """Wait until the workers have done what can be done now; what comes later is put on the agenda."""
        deadline = time.monotonic() + _TOO_LONG_S
        kill_at = self._draw_kill()
        while True:
            await self._mind_workers()
            self._note_traps()
            await self._park_later_jobs()
            if not await waiting.count_open_jobs(self.witness):
                break
            if time.monotonic() > deadline:
                raise StuckError(await self._describe_stuck())
            await self._upset()
            if time.monotonic() > kill_at:
                kill_at = float("inf")
                await self._kill_somebody()
            await asyncio.sleep(_LOOK_EVERY_S)
        self._note_traps()
        self._read_log()
        self._most_attempts = await waiting.most_attempts(self.witness)

    async def _upset(self) -> None:
        """What a dearer tier does to the database while workers work."""

    def _draw_kill(self) -> float:
        rng = self.plan.rng("kill", self._step)
        is_spared = self.is_calm or self._most_attempts > _FEW_ATTEMPTS
        if is_spared or not self.plan.has(KILLED) or rng.random() >= _KILL_CHANCE:
            return float("inf")
        return time.monotonic() + rng.random() * _KILL_WITHIN_S

    async def _park_later_jobs(self) -> None:
        """Nobody waits in real time: what is to be tried again later has its place on the agenda."""
        for job_id, wait in await waiting.park_later_jobs(self.witness):
            self.note(f"job parked for {wait.total_seconds():.0f} s")
            self.at(self.world.now + wait, "job again", self._waking(job_id))

    def _waking(self, job_id: int) -> Action:
        async def wake() -> None:
            await waiting.unpark_job(self.witness, job_id)

        return wake

    # Life and death of workers.

    async def _mind_workers(self) -> None:
        """Replace those that have died, and let the others see that they have."""
        pool = self._workers.pool
        count = len(pool.working)
        buried = pool.bury()
        if not buried:
            return
        self._note_traps()
        for member, number in buried:
            if member.process_id not in self._kills and member.process.exitcode != NO_DATABASE:
                self.happened.errors.append(f"a worker ended by itself, with {member.process.exitcode}")
            await waiting.let_sign_of_life_grow_old(self.witness, number)
        self.world.advance(RESCUE)
        pool.keep(count)

    async def _kill_somebody(self) -> None:
        """Kill a worker that has something to do."""
        by_number = {self._workers.board.number_of(one.slot): one for one in self._workers.pool.working}
        for number, connection_id in await waiting.list_doing(self.witness):
            member = by_number.get(number)
            if member is not None:
                self._kill(member)
                self.happened.struck[KILLED, self._slug_of(connection_id), "any moment"] += 1
                return

    def _kill(self, member: Member) -> None:
        self.note("  a worker was killed")
        self._kills.add(member.process_id)
        self._workers.pool.kill(member)

    def _slug_of(self, connection_id: UUID | None) -> str:
        link = self.find_link(connection_id) if connection_id is not None else None
        return link.channel.slug if link is not None else ""

    def _note_traps(self) -> None:
        for trap in self._workers.board.sprung():
            if trap.index in self._told_traps:
                continue
            self._told_traps.add(trap.index)
            if trap.code == KILLED:
                self._kills.add(trap.process_id)
            slug = self._slug_of(trap.connection_id)
            self.note(f"  {trap.code} at {trap.point} of {slug}")
            self.happened.struck[trap.code, slug, trap.point.value] += 1

    # What workers ask of the seed.

    async def _sleep(self, told: dict[str, Any]) -> None:
        self.world.advance(timedelta(seconds=float(told["seconds"])))

    async def _strike(self, told: dict[str, Any]) -> None:
        trap = next(one for one in self._workers.board.sprung() if one.index == told["trap"])
        link = self.find_link(trap.connection_id) if trap.connection_id is not None else None
        if trap.code == "D8":
            await self._overtake_process(trap.process_id)
        elif trap.code == "E7" and link is not None:
            # Not in the middle of consenting: what the person is given then would be taken for what comes after.
            async with self._one_at_a_time:
                await self._break_consent(link)
        elif trap.code == "E9" and link is not None:
            await self.erase(link.person)

    async def _overtake_process(self, process_id: int) -> None:
        """Stop a worker until its lease has ended and others have done its jobs; then let it go on."""
        pool = self._workers.pool
        member = next((one for one in pool.working if one.process_id == process_id), None)
        if member is None or len(pool.working) < 2:
            return
        number = self._workers.board.number_of(member.slot)
        os.kill(process_id, signal.SIGSTOP)
        try:
            self.world.advance(timedelta(seconds=61))
            await waiting.let_sign_of_life_grow_old(self.witness, number)
            deadline = time.monotonic() + _OVERTAKEN_WITHIN_S
            while await self._has_jobs(number) and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody calls us
                await asyncio.sleep(_LOOK_EVERY_S)
            # Somebody has them now, or had; give whoever it is the time to come between.
            await asyncio.sleep(self.plan.rng("overtake", self._step).random() * 0.2)
        finally:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGCONT)

    async def _has_jobs(self, number: int) -> bool:
        return any(one == number for one, _ in await waiting.list_doing(self.witness))

    # What is known of them.

    @property
    def witness(self) -> Witness:
        """The oracle's connection, as it is now."""
        return self.stage.witness

    def _read_log(self) -> None:
        """Take over what the workers have logged, and see whether anything in it is a fault of ours."""
        with self._workers.worker_log.open() as stream:
            stream.seek(self._workers.log_read)
            text = stream.read()
            self._workers.log_read = stream.tell()
        self.stage.log.write(text)
        for line in text.splitlines():
            if '"exception"' in line:
                told = json.loads(line)
                exception = str(told["context"]["exception"]).strip()
                if not any(expected in exception for expected in self.expected):
                    self.happened.errors.append(f"{told['message']} in a worker: {exception.splitlines()[-1]}")

    async def _describe_stuck(self) -> str:
        jobs = await waiting.describe_jobs(self.witness)
        numbers = [self._workers.board.number_of(one.slot) for one in self._workers.pool.working]
        return f"after {_TOO_LONG_S:.0f} s jobs are {jobs}, workers are {numbers}"


def draw_cells(faults: frozenset[str]) -> list[tuple[str, FaultPoint]]:
    """Return what can wait for a worker, and where, in a seed with these faults."""
    cells = [
        (code, point)
        for code in sorted(faults & set(PROCESS_POINTS) - {"D1"})
        for point in PROCESS_POINTS[code]
        if point in SYNC_POINTS
    ]
    cells += [(code, FaultPoint.SYNC_FETCHED) for code in ("E7", "E9") if code in faults]
    if KILLED in faults:
        # As often as all others together: it is what this tier is for.
        cells += [(KILLED, point) for point in SYNC_POINTS] * max(1, len(cells) // len(SYNC_POINTS))
    return cells
