"""Which worker processes live now, who takes a dead one's place, and how does one die?"""

import multiprocessing
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

from bursar.converge.board import SLOTS, Board
from bursar.converge.forked import WorkerPlace, serve

_SPARE = 1
"""So many processes wait to take the place of a dead one; to open a platform takes longer than to die."""


@dataclass(frozen=True, slots=True)
class Member:
    """One worker process."""

    slot: int
    process: BaseProcess

    @property
    def process_id(self) -> int:
        """Its number in the system."""
        return self.process.pid or 0


class WorkerPool:
    """The worker processes of one seed process: those that work, and those that wait to."""

    def __init__(self, board: Board, place: WorkerPlace) -> None:
        self._board = board
        self._place = place
        # Forked from a process that has imported everything and opened nothing.
        self._forks = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload(["bursar.converge.forked", "bursar.converge.preload"])
        self._working: list[Member] = []
        self._waiting: list[Member] = []
        self._runs_of_the_dead = 0

    @property
    def working(self) -> tuple[Member, ...]:
        """Those that work, or have died since `bury` was called."""
        return tuple(self._working)

    @property
    def run_count(self) -> int:
        """How many attempts at runs they have begun, the dead included."""
        return self._runs_of_the_dead + sum(self._board.runs_of(member.slot) for member in self._working)

    def keep(self, count: int) -> None:
        """Have so many work, and a few wait."""
        while len(self._working) > count:
            self._end(self._working.pop())
        while len(self._working) < count:
            member = self._waiting.pop(0) if self._waiting else self._start()
            self._board.call(member.slot)
            self._working.append(member)
        while len(self._waiting) < _SPARE:
            self._waiting.append(self._start())

    def bury(self) -> list[tuple[Member, int]]:
        """Return those that have died, each with its number in the job engine's table; nobody takes their place yet."""
        dead = [member for member in self._working if not member.process.is_alive()]
        buried: list[tuple[Member, int]] = []
        for member in dead:
            self._working.remove(member)
            buried.append((member, self._board.number_of(member.slot)))
            self._runs_of_the_dead += self._board.runs_of(member.slot)
            self._board.clear_slot(member.slot)
            member.process.join()
        for member in [member for member in self._waiting if not member.process.is_alive()]:
            self._waiting.remove(member)
            self._board.clear_slot(member.slot)
        return buried

    def kill(self, member: Member) -> None:
        """Kill a worker as the system does when memory is short: at once, and it hears nothing of it."""
        with suppress(ProcessLookupError):
            os.kill(member.process_id, signal.SIGKILL)

    def end(self) -> None:
        """End them all."""
        for member in (*self._working, *self._waiting):
            self._end(member)
        self._working.clear()
        self._waiting.clear()

    def _start(self) -> Member:
        taken = {member.slot for member in (*self._working, *self._waiting)}
        slot = next(slot for slot in range(SLOTS) if slot not in taken)
        self._board.clear_slot(slot)
        process = self._forks.Process(target=serve, args=(self._place, slot), daemon=True, name=f"worker {slot}")
        process.start()
        return Member(slot, process)

    def _end(self, member: Member) -> None:
        self.kill(member)
        member.process.join()
        self._runs_of_the_dead += self._board.runs_of(member.slot)
        self._board.clear_slot(member.slot)


@contextmanager
def open_pool(board: Board, place: WorkerPlace) -> Generator[WorkerPool]:
    """Have worker processes for as long as the block runs."""
    pool = WorkerPool(board, place)
    try:
        yield pool
    finally:
        pool.end()
