"""How often may one tenant call, and what is it told about that?

A token bucket per tenant, and per address where no token is asked for. Buckets live in this process: behind several
server processes each has its own, so that the real limit is theirs together.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from bursar.server.errors import ApiError

MAX_BUCKETS = 10_000
"""Beyond this many, those that are full again are forgotten: they say nothing."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a caller after this request."""

    limit: int
    window_s: int
    remaining: int
    full_in_s: int
    """Seconds until the whole limit is there again."""
    wait_s: int
    """Seconds until the next request is taken; 0 when this one was."""

    def headers(self, now: float) -> dict[str, str]:
        """Return what every answer says of the limit; `now` is Unix time."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(now) + self.full_in_s),
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window_s}',
            "RateLimit": f'"default";r={self.remaining};t={self.full_in_s}',
        }


class RateLimiter:
    """Buckets that hold `limit` requests and fill again within `window_s` seconds."""

    def __init__(
        self, limit: int = 1000, window_s: int = 60, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._per_second = limit / window_s
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> Allowance:
        """Take one request from a bucket, when there is one in it."""
        now = self._monotonic()
        held, since = self._buckets.get(key, (float(self._limit), now))
        held = min(self._limit, held + (now - since) * self._per_second)
        taken = held >= 1
        held -= taken
        if len(self._buckets) >= MAX_BUCKETS and key not in self._buckets:
            self._forget_full(now)
        self._buckets[key] = (held, now)
        return Allowance(
            limit=self._limit,
            window_s=self._window_s,
            remaining=int(held),
            full_in_s=math.ceil((self._limit - held) / self._per_second),
            wait_s=0 if taken else max(1, math.ceil((1 - held) / self._per_second)),
        )

    def _forget_full(self, now: float) -> None:
        self._buckets = {
            key: (held, since)
            for key, (held, since) in self._buckets.items()
            if held + (now - since) * self._per_second < self._limit
        }


def check(allowance: Allowance) -> None:
    """Return when the request was within the limit.

    Raises:
        ApiError: 429 that says when to come back.
    """
    if allowance.wait_s:
        raise ApiError("rate_limited", "Too many requests.", retryable=True, retry_after=allowance.wait_s)
