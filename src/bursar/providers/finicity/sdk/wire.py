"""What does Finicity write in forms of its own?"""

from datetime import UTC, datetime

WireId = str | int
"""An id: text in some objects, a whole number of up to 64 bits in others, for the same thing."""

EpochSeconds = int
"""Seconds since 1970 in UTC; `to_instant` makes an instant of them."""

_LATEST = 253_402_300_799  # the end of the year 9999


def to_instant(seconds: int) -> datetime:
    """The instant of a time on the wire, aware, in UTC.

    Raises:
        ValueError: it lies before 1970 or after the year 9999: nobody's account knows such a time.
    """
    if not 0 <= seconds <= _LATEST:
        raise ValueError("a time is out of range")
    return datetime.fromtimestamp(seconds, UTC)
