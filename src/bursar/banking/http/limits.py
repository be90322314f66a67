"""How often may one address call the banking routes? (Counted in this process.)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests in a window of so many seconds, for each caller's address."""

    requests: int = 100
    window_s: int = 60

    def __post_init__(self) -> None:
        if self.requests < 1 or self.window_s < 1:
            raise ValueError("a rate limit allows at least one request in at least one second")


class RateLimiter:
    """One bucket for each address, which holds the limit and fills again within the window."""

    def __init__(self, limit: RateLimit, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, address: str) -> int:
        """Take one request; return 0, or after how many whole seconds the next one is taken."""
        now = self._monotonic()
        held = self._held(address, now)
        if len(self._buckets) >= MAX_ADDRESSES and address not in self._buckets:
            # Those that are full again say nothing; when none is, the flood is larger than what we remember.
            self._buckets = {one: kept for one, kept in self._buckets.items() if not self._is_full(one, now)}
            if len(self._buckets) >= MAX_ADDRESSES:
                self._buckets.clear()
        taken = held >= 1
        self._buckets[address] = (held - 1 if taken else held, now)
        return 0 if taken else max(1, math.ceil((1 - held) * self._limit.window_s / self._limit.requests))

    def _held(self, address: str, now: float) -> float:
        held, since = self._buckets.get(address, (float(self._limit.requests), now))
        return min(self._limit.requests, held + (now - since) * self._limit.requests / self._limit.window_s)

    def _is_full(self, address: str, now: float) -> bool:
        return self._held(address, now) >= self._limit.requests
