"""What time is it in the simulated world?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """A clock that stands still until somebody moves it; it never reads wall time.

    Listeners run after each move, in the order they registered: that is how the world lives through the time that
    has passed when the clock is shared with the program under test.
    """

    def __init__(self, now: datetime) -> None:
        """Starts at `now`, an aware instant of any zone; a naive one raises `ValueError`."""
        if now.tzinfo is None:
            raise ValueError("a virtual clock needs an aware instant")
        self._now = now.astimezone(UTC)
        self._listeners: list[Callable[[datetime], None]] = []

    def now(self) -> datetime:
        """The present instant in UTC."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Moves the clock forward and returns the new instant; a negative step raises `ValueError`."""
        if by < timedelta(0):
            raise ValueError("the simulated world cannot go back in time")
        self._now += by
        for listener in self._listeners:
            listener(self._now)
        return self._now

    def on_advance(self, listener: Callable[[datetime], None]) -> None:
        """Calls `listener(now)` after every move."""
        self._listeners.append(listener)
