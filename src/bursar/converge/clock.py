"""What time is it for the platform, when each seed has a world of its own and workers' clocks may be wrong?"""

from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from bursar.sandbox.world import World

SKEW: ContextVar[timedelta] = ContextVar("skew", default=timedelta(0))
"""How much the clock of the present worker is off."""

_BETWEEN_WORLDS_S = 30 * 86_400.0


class SeedClock:
    """The clock of the world that is running now, as a worker with a wrong clock sees it."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._followed_at = datetime(2023, 1, 1, tzinfo=UTC)
        self._passed_s = 0.0

    def follow(self, world: World) -> None:
        """Tell the time of another world from now on; nothing that a client still keeps of the last one is young."""
        self._passed_s = self.monotonic() + _BETWEEN_WORLDS_S
        self._world, self._followed_at = world, world.now

    def monotonic(self) -> float:
        """Return the virtual seconds that have passed in all worlds; no wrong clock changes it."""
        passed = self._world.now - self._followed_at if self._world is not None else timedelta(0)
        return self._passed_s + passed.total_seconds()

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        if self._world is None:
            return datetime(2023, 1, 1, tzinfo=UTC)
        return self._world.now + SKEW.get()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass instead of real time."""
        if self._world is not None:
            self._world.advance(timedelta(seconds=seconds))
