"""What do a seed and its worker processes tell each other without a word: the time, and where somebody is to die?

A file that all of them have mapped into their memory. A write there survives whoever made it, also one that is killed
in the same instant, and reading costs nothing that the platform would notice.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from bursar.faultpoints import FaultPoint

SLOTS = 32
"""So many workers can be alive at a time."""
TRAPS = 8
"""So many faults can wait at a time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME = struct.Struct("<q")
_NUMBER = struct.Struct("<Q")
_SKEW_AT, _NUMBER_AT, _RUNS_AT = 8, 16, 24
"""Where in a slot, after the byte that calls: error of the clock, number in the job engine's table, runs begun."""
_TRAP = struct.Struct("<BBBB4s16s16s16sQ")
"""State, place, how many passages are left, n of the nth passage, code, tenant, connection, run, process."""
_SLOT_SIZE, _TRAP_SIZE = 32, 128
_SLOTS_AT, _TRAPS_AT = 64, 64 + SLOTS * _SLOT_SIZE
_SIZE = _TRAPS_AT + TRAPS * _TRAP_SIZE
_POINTS: tuple[FaultPoint, ...] = tuple(FaultPoint)

_EMPTY, _SET, _SPRUNG = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """A fault that waits at a place for whichever worker comes by; or has struck, and then whom."""

    index: int
    code: str
    point: FaultPoint
    nth: int
    is_sprung: bool = False
    tenant_id: UUID | None = None
    connection_id: UUID | None = None
    run_id: UUID | None = None
    process_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """Who reached a place, and with which run."""

    tenant_id: UUID
    connection_id: UUID
    run_id: UUID


class Board:
    """The shared file, as one process sees it."""

    def __init__(self, path: Path) -> None:
        """Open the file of a seed process; made, and empty, when it is not there."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size < _SIZE:
            os.ftruncate(self._file, _SIZE)
        self._memory = mmap.mmap(self._file, _SIZE)

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()
        os.close(self._file)

    # The time.

    def set_time(self, now: datetime) -> None:
        """Tell everybody what time it is, in UTC."""
        _TIME.pack_into(self._memory, 0, (now - _EPOCH) // _MICROSECOND)

    def time_of(self, slot: int) -> datetime:
        """Return the present instant in UTC, as the clock of a worker shows it."""
        (microseconds,) = _TIME.unpack_from(self._memory, 0)
        (skew,) = _TIME.unpack_from(self._memory, _slot_at(slot) + _SKEW_AT)
        return _EPOCH + timedelta(microseconds=microseconds + skew)

    # The workers. Each field has one writer, so that nobody overwrites what another has written meanwhile.

    def clear_slot(self, slot: int) -> None:
        """Give a slot to nobody; no process may use it any more."""
        at = _slot_at(slot)
        self._memory[at : at + _SLOT_SIZE] = bytes(_SLOT_SIZE)

    def is_called(self, slot: int) -> bool:
        """Whether the process of a slot may work; before, it only waits."""
        return bool(self._memory[_slot_at(slot)])

    def call(self, slot: int) -> None:
        """Let the process of a slot work."""
        self._memory[_slot_at(slot)] = 1

    def set_skew(self, slot: int, skew: timedelta) -> None:
        """Let the clock of a worker be wrong from now on."""
        _TIME.pack_into(self._memory, _slot_at(slot) + _SKEW_AT, skew // _MICROSECOND)

    def number_of(self, slot: int) -> int:
        """Return the number of a worker in the job engine's table; 0 before it has one."""
        return int(_NUMBER.unpack_from(self._memory, _slot_at(slot) + _NUMBER_AT)[0])

    def set_number(self, slot: int, number: int) -> None:
        """Say the number of a worker in the job engine's table."""
        _NUMBER.pack_into(self._memory, _slot_at(slot) + _NUMBER_AT, number)

    def runs_of(self, slot: int) -> int:
        """Return how many attempts at runs a worker has begun."""
        return int(_NUMBER.unpack_from(self._memory, _slot_at(slot) + _RUNS_AT)[0])

    def count_run(self, slot: int) -> None:
        """Count one more attempt at a run."""
        _NUMBER.pack_into(self._memory, _slot_at(slot) + _RUNS_AT, self.runs_of(slot) + 1)

    # The faults.

    def set_trap(self, index: int, code: str, point: FaultPoint, nth: int) -> None:
        """Let a fault wait at a place; it strikes whoever comes by as the `nth`."""
        with self._alone():
            self._write_trap(index, _SET, _POINTS.index(point), nth, nth, code.encode(), b"", b"", b"", 0)

    def clear_traps(self) -> None:
        """Take all faults away."""
        with self._alone():
            self._memory[_TRAPS_AT : _TRAPS_AT + TRAPS * _TRAP_SIZE] = bytes(TRAPS * _TRAP_SIZE)

    def sprung(self) -> list[Trap]:
        """Return the faults that have struck since they were set."""
        return [trap for trap in self._list_traps() if trap.is_sprung]

    def pass_by(self, point: FaultPoint, victim: Victim) -> Trap | None:
        """Pass a place; return the fault that strikes there, which nobody else meets any more."""
        place = _POINTS.index(point)
        if not any(self._memory[at] == _SET and self._memory[at + 1] == place for at in _trap_places()):
            return None
        with self._alone():
            for trap in self._list_traps():
                at = _TRAPS_AT + trap.index * _TRAP_SIZE
                if trap.is_sprung or trap.point is not point:
                    continue
                self._memory[at + 2] -= 1
                if self._memory[at + 2]:
                    continue
                ids = (victim.tenant_id.bytes, victim.connection_id.bytes, victim.run_id.bytes)
                self._write_trap(trap.index, _SPRUNG, place, 0, trap.nth, trap.code.encode(), *ids, os.getpid())
                return trap
        return None

    @contextmanager
    def _alone(self) -> Generator[None]:
        # The system takes the lock from a process that is killed while it holds it.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _list_traps(self) -> list[Trap]:
        found: list[Trap] = []
        for index, at in enumerate(_trap_places()):
            state, place, _, nth, code, tenant, connection, run, process = _TRAP.unpack_from(self._memory, at)
            if state == _EMPTY:
                continue
            is_sprung = state == _SPRUNG
            found.append(
                Trap(
                    index=index,
                    code=code.rstrip(b"\0").decode(),
                    point=_POINTS[int(place)],
                    nth=nth,
                    is_sprung=is_sprung,
                    tenant_id=UUID(bytes=tenant) if is_sprung else None,
                    connection_id=UUID(bytes=connection) if is_sprung else None,
                    run_id=UUID(bytes=run) if is_sprung else None,
                    process_id=process,
                )
            )
        return found

    def _write_trap(self, index: int, *values: int | bytes) -> None:
        _TRAP.pack_into(self._memory, _TRAPS_AT + index * _TRAP_SIZE, *values)


def _slot_at(slot: int) -> int:
    return _SLOTS_AT + slot * _SLOT_SIZE


def _trap_places() -> range:
    return range(_TRAPS_AT, _TRAPS_AT + TRAPS * _TRAP_SIZE, _TRAP_SIZE)


class BoardClock:
    """The clock of a worker: the virtual time of the seed that runs now, and that worker's error."""

    def __init__(self, board: Board, slot: int) -> None:
        self._board = board
        self._slot = slot

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return self._board.time_of(self._slot)
