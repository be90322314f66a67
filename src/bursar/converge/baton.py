"""In which order do several workers take their turns?

Workers are coroutines of one process. One of them runs at a time; at a named place outside of transactions it may hand
the baton over, and dice decide who goes on. Nobody ever holds a lock of the database while somebody else runs, so that
a seed's order is the same in each run.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from random import Random

from bursar.faultpoints import FaultPoint

TURNS = frozenset(
    {
        FaultPoint.SYNC_OPENED,
        FaultPoint.SYNC_FETCHED,
        FaultPoint.SYNC_AFTER_COMMIT,
        FaultPoint.SYNC_BEFORE_CLOSE,
        FaultPoint.SYNC_CLOSED,
        FaultPoint.IMPORT_READ,
        FaultPoint.IMPORT_AFTER_COMMIT,
        FaultPoint.CONNECT_AFTER_COMMIT,
    }
)
"""Places outside of transactions."""


class Baton:
    """Lets coroutines run one at a time."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._turns: dict[asyncio.Task[None], asyncio.Event] = {}
        self._idle = asyncio.Event()
        self.handover_count = 0

    async def run(self, workers: Sequence[Awaitable[None]]) -> None:
        """Run all workers to their ends; the first exception of one is raised when all have ended."""
        tasks: list[asyncio.Task[None]] = []
        for worker in workers:
            turn = asyncio.Event()
            task = asyncio.ensure_future(self._wait_and_run(worker, turn))
            self._turns[task] = turn
            tasks.append(task)
        while self._turns:
            order = list(self._turns)
            chosen = order[self._rng.randrange(len(order))]
            self._idle.clear()
            self._turns[chosen].set()
            await self._idle.wait()
        for task in tasks:
            await task

    async def hand_over(self) -> None:
        """Wait until it is the present worker's turn again; nothing happens for a task that is none of them."""
        task = asyncio.current_task()
        turn = self._turns.get(task) if task is not None else None  # pyright: ignore[reportArgumentType] - only lookup
        if turn is None or len(self._turns) < 2:
            return
        self.handover_count += 1
        turn.clear()
        self._idle.set()
        await turn.wait()

    async def _wait_and_run(self, worker: Awaitable[None], turn: asyncio.Event) -> None:
        await turn.wait()
        try:
            await worker
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._turns.pop(task, None)  # pyright: ignore[reportArgumentType] - only lookup
            self._idle.set()
