"""What goes wrong inside of our own process, and where exactly?"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import psycopg
import psycopg_pool

from bursar.converge.baton import TURNS, Baton
from bursar.converge.catalogue import PROCESS_POINTS
from bursar.faultpoints import FaultPoint

IN_PROCESS = tuple(PROCESS_POINTS)
_CHANCE = 0.35
"""How likely an attempt is to meet a fault of the process, in a seed that has any."""

_RUN_POINTS = frozenset(point for point in FaultPoint if point.value.startswith("sync."))
_IMPORT_POINTS = frozenset(point for point in FaultPoint if point.value.startswith("import."))
_CONNECT_POINTS = frozenset(point for point in FaultPoint if point.value.startswith("connect."))


class WorkerKilledError(BaseException):
    """The process is gone: nothing of it runs any more, no handler and no clean-up in the database."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A fault that waits at a place."""

    code: str
    point: FaultPoint
    channel: str
    nth: int
    """It strikes when the place is reached so often."""


class Troublemaker:
    """Listens at the named places and makes what is armed there happen."""

    def __init__(self, baton: Baton) -> None:
        self._baton = baton
        self._armed: dict[asyncio.Task[object], tuple[Armed, Callable[[], Awaitable[None]] | None]] = {}
        self._seen: Counter[tuple[asyncio.Task[object], FaultPoint]] = Counter()
        self.struck: Counter[tuple[str, str, str]] = Counter()
        """(fault, channel, place) -> how often."""
        self.passed: Counter[str] = Counter()

    def arm(self, armed: Armed | None, action: Callable[[], Awaitable[None]] | None = None) -> None:
        """Let a fault wait for the present task; None disarms. `action` is what D8, E7 and E9 do."""
        task = _task()
        self._seen.clear()
        if armed is None:
            self._armed.pop(task, None)
        else:
            self._armed[task] = (armed, action)

    async def listen(self, point: FaultPoint) -> None:
        """Strike, or hand the baton over, at a named place."""
        self.passed[point.value] += 1
        task = _task()
        waiting = self._armed.get(task)
        if waiting is not None and waiting[0].point is point:
            armed, action = waiting
            self._seen[task, point] += 1
            if self._seen[task, point] >= armed.nth:
                del self._armed[task]
                self.struck[armed.code, armed.channel, point.value] += 1
                if action is not None:
                    await action()
                else:
                    raise failure_of(armed.code, armed.nth)
        if point in TURNS:
            await self._baton.hand_over()


def draw_armed(rng: Random, faults: frozenset[str], channel: str, kind: str) -> Armed | None:
    """Return the fault of the process that an attempt meets; None for most.

    Args:
        rng: the dice of this attempt.
        faults: the faults of the seed.
        channel: through whom is read.
        kind: `sync`, `import` or `connect`.
    """
    here = {"sync": _RUN_POINTS, "import": _IMPORT_POINTS, "connect": _CONNECT_POINTS}[kind]
    cells = [
        (code, point)
        for code in sorted(faults & set(PROCESS_POINTS))
        for point in PROCESS_POINTS[code]
        if point in here
    ]
    if kind == "sync":
        cells += [(code, FaultPoint.SYNC_FETCHED) for code in ("E7", "E9") if code in faults and rng.random() < 0.3]
    # The rows of a batch are written by imports, too.
    if kind == "import":
        cells += [(code, FaultPoint.SYNC_ROWS_WRITTEN) for code in ("D1", "D5", "D7") if code in faults]
    if not cells or rng.random() >= _CHANCE:
        return None
    code, point = rng.choice(cells)
    return Armed(code, point, channel, rng.choice((1, 1, 1, 2)))


def failure_of(code: str, nth: int) -> BaseException:
    """Return what a fault of the process raises; `nth` chooses between the forms that some have."""
    if code == "D1":
        return WorkerKilledError()
    if code == "D4":
        return psycopg.OperationalError("the connection was lost after COMMIT was sent")
    if code == "D5":
        if nth % 2:
            return psycopg.errors.SerializationFailure("could not serialize access")
        return psycopg.errors.DeadlockDetected("deadlock detected")
    if code == "D6":
        return psycopg_pool.PoolTimeout("no connection within the time")
    if nth % 2:
        return psycopg.errors.DiskFull("no space left on device")
    return psycopg.errors.QueryCanceled("canceling statement due to statement timeout")


def _task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("named places are reached inside of tasks")
    return task  # pyright: ignore[reportReturnType] - a task is a task, whatever it returns
