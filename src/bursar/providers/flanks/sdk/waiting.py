"""How is something that takes its time waited for?"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from bursar.providers.flanks.sdk.exceptions import FlanksWaitTimeoutError
from bursar.providers.flanks.sdk.settings import check_duration
from bursar.transport.timing import Timing

T = TypeVar("T")


async def poll(
    ask: Callable[[], Awaitable[T]],
    is_finished: Callable[[T], bool],
    timing: Timing,
    timeout_s: float,
    interval_s: float,
) -> T:
    """Ask at once and then at intervals until the answer is final.

    Raises:
        FlanksWaitTimeoutError: it is not final when the time is over; it was asked once more at the very end.
    """
    check_duration("timeout", timeout_s)
    check_duration("poll_interval", interval_s, more_than_zero=True)
    ends_at = timing.monotonic() + timeout_s
    while True:
        answer = await ask()
        if is_finished(answer):
            return answer
        left_s = ends_at - timing.monotonic()
        if left_s <= 0:
            raise FlanksWaitTimeoutError(f"not finished within {timeout_s} s")
        await timing.sleep(min(interval_s, left_s))
