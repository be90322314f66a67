"""Is an instant always an instant, and a date the institution's own?"""

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.time import NaiveDatetimeError, SystemClock, local_date, to_utc


class Nowhere(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, dt: datetime | None) -> None:
        return None


@pytest.mark.parametrize("zone", [None, Nowhere()])
def test_datetime_without_a_zone_is_refused(zone: tzinfo | None) -> None:
    naive = datetime(2026, 1, 1, 12, tzinfo=zone)

    with pytest.raises(NaiveDatetimeError):
        to_utc(naive)
    with pytest.raises(NaiveDatetimeError):
        local_date(naive, UTC)


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.integers(0, 4 * 10**9), OFFSETS)
def test_conversion_keeps_the_instant(seconds: int, zone: timezone) -> None:
    instant = datetime.fromtimestamp(seconds, zone)

    converted = to_utc(instant)

    assert converted == instant
    assert converted.tzinfo is UTC


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "America/New_York", date(2026, 1, 1)),
        (datetime(2026, 1, 1, 20, tzinfo=UTC), "Asia/Tokyo", date(2026, 1, 2)),
        # The hour that happens twice, and the one that never does.
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "America/New_York", date(2026, 11, 1)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), "Europe/London", date(2026, 7, 1)),
    ],
)
def test_date_is_that_of_the_institutions_calendar(instant: datetime, zone: str, expected: date) -> None:
    assert local_date(instant, ZoneInfo(zone)) == expected


def test_system_clock_tells_utc() -> None:
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
