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
_SLOT = struct.Struct("<BxxxxxxxqQ")
"""State, skew of the clock in microseconds, number among the job engine's workers."""
_TRAP = struct.Struct("<BBBB4s16s16s16sQ")
"""State, place, how many passages are left, n of the nth passage, code, tenant, connection, run, process."""
_SLOTS_AT, _TRAPS_AT = 64, 64 + SLOTS * 32
_SIZE = _TRAPS_AT + TRAPS * 128
_POINTS = tuple(FaultPoint)

VACANT, WARM, CALLED = range(3)
"""What becomes of a slot: nobody's, of a process that waits, of one that may work."""
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
        return _EPOCH + timedelta(microseconds=microseconds + self._read_slot(slot)[1])

    # The workers.

    def clear_slot(self, slot: int) -> None:
        """Give a slot to nobody."""
        self._write_slot(slot, VACANT, 0, 0)

    def state_of(self, slot: int) -> int:
        """Return what a slot is for now."""
        return self._read_slot(slot)[0]

    def set_state(self, slot: int, state: int) -> None:
        """Say what a slot is for."""
        _, skew, number = self._read_slot(slot)
        self._write_slot(slot, state, skew, number)

    def set_skew(self, slot: int, skew: timedelta) -> None:
        """Let the clock of a worker be wrong from now on."""
        state, _, number = self._read_slot(slot)
        self._write_slot(slot, state, skew // _MICROSECOND, number)

    def number_of(self, slot: int) -> int:
        """Return the number of a worker in the job engine's table; 0 before it has one."""
        return self._read_slot(slot)[2]

    def set_number(self, slot: int, number: int) -> None:
        """Say the number of a worker in the job engine's table."""
        state, skew, _ = self._read_slot(slot)
        self._write_slot(slot, state, skew, number)

    # The faults.

    def set_trap(self, index: int, code: str, point: FaultPoint, nth: int) -> None:
        """Let a fault wait at a place; it strikes whoever comes by as the `nth`."""
        with self._alone():
            self._write_trap(index, _SET, _POINTS.index(point), nth, nth, code.encode(), b"", b"", b"", 0)

    def clear_traps(self) -> None:
        """Take all faults away."""
        with self._alone():
            self._memory[_TRAPS_AT : _TRAPS_AT + TRAPS * 128] = bytes(TRAPS * 128)

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
                at = _TRAPS_AT + trap.index * 128
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
                    point=_POINTS[place],
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
        _TRAP.pack_into(self._memory, _TRAPS_AT + index * 128, *values)

    def _read_slot(self, slot: int) -> tuple[int, int, int]:
        return _SLOT.unpack_from(self._memory, _SLOTS_AT + slot * 32)

    def _write_slot(self, slot: int, state: int, skew: int, number: int) -> None:
        _SLOT.pack_into(self._memory, _SLOTS_AT + slot * 32, state, skew, number)


def _trap_places() -> range:
    return range(_TRAPS_AT, _TRAPS_AT + TRAPS * 128, 128)


class BoardClock:
    """The clock of a worker: the virtual time of the seed that runs now, and that worker's error."""

    def __init__(self, board: Board, slot: int) -> None:
        self._board = board
        self._slot = slot

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return self._board.time_of(self._slot)
