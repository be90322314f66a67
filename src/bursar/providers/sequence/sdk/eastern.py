"""When was that in New York, where Sequence's days begin and end?"""

from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

EASTERN = "America/New_York"


@cache
def eastern_zone() -> ZoneInfo:
    """The zone of Sequence's business days."""
    return ZoneInfo(EASTERN)


def to_eastern(moment: Any) -> Any:
    """Turn an ISO 8601 instant into New York time with its offset.

    A date without a time, a time without an offset, an empty or unreadable text and None come back as they are.
    """
    if not isinstance(moment, str):
        return moment
    try:
        instant = datetime.fromisoformat(moment)
        return moment if instant.tzinfo is None else instant.astimezone(eastern_zone()).isoformat()
    except (ValueError, OverflowError):
        return moment
