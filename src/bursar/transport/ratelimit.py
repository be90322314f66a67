"""How does one client stay under a provider's published limit on its own account?"""

from bursar.transport.timing import SYSTEM_TIMING, Timing


class RateLimiter:
    """A generic cell rate limiter: `per_minute` calls on average, `burst` of them at once after a quiet time.

    It holds for one process. Calls wait in the order in which they asked, without a lock: each takes the next free
    slot on the time line before it sleeps, so a cancelled call only leaves its slot unused.
    """

    def __init__(self, per_minute: float, burst: int = 1, *, timing: Timing = SYSTEM_TIMING) -> None:
        if per_minute <= 0 or burst < 1:
            raise ValueError("a limiter needs a positive rate and a burst of at least one")
        self._interval_s = 60.0 / per_minute
        self._tolerance_s = self._interval_s * (burst - 1)
        self._timing = timing
        self._next_s = float("-inf")

    async def acquire(self) -> None:
        """Return when the next call may go out."""
        now = self._timing.monotonic()
        slot = max(self._next_s, now)
        self._next_s = slot + self._interval_s
        wait_s = slot - self._tolerance_s - now
        if wait_s > 0:
            await self._timing.sleep(wait_s)
