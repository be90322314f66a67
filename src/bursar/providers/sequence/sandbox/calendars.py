"""When is it in New York, and on which days do American banks move money?"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")

CUT_OFF = time(15)
"""A payment that is made later leaves with the next business day's."""
SETTLED_AT = time(17)
"""When the payments of a business day are complete."""
ARRIVED_AT = time(9)
"""When what was pulled from an outside account is there."""
PULL_DAYS = 3
"""How many business days a pull takes."""


def local_date(instant: datetime) -> date:
    """The day in New York."""
    return instant.astimezone(NEW_YORK).date()


def at_local(on: date, moment: time) -> datetime:
    """An instant of a day in New York, in UTC."""
    return datetime.combine(on, moment, tzinfo=NEW_YORK).astimezone(UTC)


def is_business_day(on: date) -> bool:
    """Whether the Federal Reserve settles payments: no weekend, no holiday."""
    return on.weekday() < 5 and on not in _holidays(on.year)


def add_business_days(on: date, count: int) -> date:
    """The day that is so many business days later."""
    for _ in range(count):
        on = next_business_day(on)
    return on


def next_business_day(on: date) -> date:
    """The first business day after a day."""
    on += timedelta(days=1)
    while not is_business_day(on):
        on += timedelta(days=1)
    return on


def settles_at(made_at: datetime) -> datetime:
    """When a payment out of Sequence is complete: on the day it is made when that is early enough, else on the next."""
    local = made_at.astimezone(NEW_YORK)
    on_time = is_business_day(local.date()) and local.time() < CUT_OFF
    return at_local(local.date() if on_time else next_business_day(local.date()), SETTLED_AT)


def arrives_on(made_at: datetime) -> date:
    """The day on which what is pulled from outside is expected."""
    return add_business_days(local_date(made_at), PULL_DAYS)


@lru_cache(maxsize=16)
def _holidays(year: int) -> frozenset[date]:
    return frozenset(_list_holidays(year))


def _list_holidays(year: int) -> Iterator[date]:
    # What falls on a Sunday is kept on the Monday after; what falls on a Saturday is not moved.
    for month, day in ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25)):
        fixed = date(year, month, day)
        yield fixed + timedelta(days=1) if fixed.weekday() == 6 else fixed
    yield _nth_weekday(year, 1, 0, 3)
    yield _nth_weekday(year, 2, 0, 3)
    yield date(year, 5, 31) - timedelta(days=date(year, 5, 31).weekday())
    yield _nth_weekday(year, 9, 0, 1)
    yield _nth_weekday(year, 10, 0, 2)
    yield _nth_weekday(year, 11, 3, 4)


def _nth_weekday(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))
