"""What is an instant, what is a calendar date, and who says what time it is?"""

from datetime import UTC, date, datetime, tzinfo
from typing import Protocol


class NaiveDatetimeError(ValueError):
    """A datetime without a zone reached the model: a programming error at the boundary that made it."""


class Clock(Protocol):
    """The only source of "now" for everything above the domain; tests and the sandbox bring their own."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


def to_utc(instant: datetime) -> datetime:
    """Return the same instant in UTC.

    Raises:
        NaiveDatetimeError: the instant has no zone; give it the zone its source means.
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise NaiveDatetimeError("a datetime without a zone is not an instant")
    return instant.astimezone(UTC)


def local_date(instant: datetime, zone: tzinfo) -> date:
    """Return the calendar date of an instant in the institution's zone (never the first ten characters of a text)."""
    return to_utc(instant).astimezone(zone).date()
