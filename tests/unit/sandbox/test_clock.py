"""The virtual clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bursar.sandbox.clock import VirtualClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_clock_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock(NOON.astimezone(timezone(timedelta(hours=9))))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC
    assert clock.advance(timedelta(hours=30)) == clock.now() == NOON + timedelta(hours=30)


def test_listeners_hear_the_new_instant_in_order() -> None:
    clock, heard = VirtualClock(NOON), []
    clock.on_advance(lambda now: heard.append(("first", now)))
    clock.on_advance(lambda now: heard.append(("second", now)))
    clock.advance(timedelta(days=1))
    assert heard == [("first", NOON + timedelta(days=1)), ("second", NOON + timedelta(days=1))]


def test_naive_start_and_backward_step_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(datetime(2026, 3, 1))  # noqa: DTZ001 - the naive value is what is refused
    with pytest.raises(ValueError, match="back in time"):
        VirtualClock(NOON).advance(timedelta(seconds=-1))
