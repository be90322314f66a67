"""Where do the core's clock, sleep and dice come from, so that a test can hold them still?"""

import asyncio
import random as _random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """The sources of time and chance that a client uses.

    `now` is the wall clock (aware, UTC) and only dates things that leave the process, such as `retry_at`.
    `monotonic` measures durations, so a clock change can neither expire a token nor stretch a deadline.
    `random` draws the jitter from [0, 1).
    """

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = _random.random


SYSTEM_TIMING = Timing()
