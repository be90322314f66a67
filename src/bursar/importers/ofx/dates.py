"""Which calendar day, and which instant if any, does an OFX date text mean?

Source: OFX 1.6 and 2.2 specifications, section "Date, Time and Time Zone"; the exceptions are seen in real exports.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple

from bursar.importers.ofx.notices import Notices

_STANDARD = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})"
    r"(?:([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:[.,]([0-9]{1,6})[0-9]*+)?+)?+)?+"
    r"\s*+(?:\[([^\]]{0,40}+)\]?+)?+"
)
_DAY_ONLY = re.compile(r"([0-9]{4})([-/.]?+)([0-9]{2})\2([0-9]{2})")
_OFFSET = re.compile(r"([+-]?+)([0-9]{1,2})(?:[.:]([0-9]{1,2}))?+(?=:|$|\s)")
_COMPACT_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})(?=:|$|\s)")
_ZONE_NAME = re.compile(r"([A-Za-z]{2,5})\s*+$")

_FIRST_DAY = date(1970, 1, 1)
_QUARTERS = {"25": 15, "50": 30, "75": 45}
_CACHE_SIZE = 20_000

_MINUTES_BY_NAME = {
    **dict.fromkeys(("GMT", "UTC", "UT", "Z", "WET"), 0),
    **dict.fromkeys(("BST", "CET", "MEZ", "WEST"), 60),
    **dict.fromkeys(("CEST", "MESZ", "EET", "SAST"), 120),
    **dict.fromkeys(("EEST", "MSK"), 180),
    "IST": 330,
    **dict.fromkeys(("SGT", "HKT", "AWST"), 480),
    **dict.fromkeys(("JST", "KST"), 540),
    "ACST": 570,
    "AEST": 600,
    "ACDT": 630,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
    "NDT": -150,
    "BRT": -180,
    "ADT": -180,
    "NST": -210,
    "AST": -240,
    "EDT": -240,
    "EST": -300,
    "CDT": -300,
    "CST": -360,
    "MDT": -360,
    "MST": -420,
    "PDT": -420,
    "PST": -480,
    "AKDT": -480,
    "AKST": -540,
    "HST": -600,
}


class Moment(NamedTuple):
    """A day in the institution's calendar, and the instant where the text really states one (never invented)."""

    on: date
    at: datetime | None


class DateReader:
    """Reads the dates of one file; equal texts are read once, because a statement repeats its days."""

    def __init__(self, notices: Notices, today: date | None = None) -> None:
        self._notices = notices
        self._latest = date.max if today is None else today + timedelta(days=731)
        self.known: dict[str, Moment] = {}
        """The regular texts read so far; for a loop that cannot afford a call."""

    def read(self, text: str, line: int | None = None) -> Moment | None:
        """Return what a text means, or None when it is no date of a statement (before 1970, over two years ahead)."""
        known = self.known.get(text)
        if known is not None:
            return known
        notice, moment = _parse(text.strip())
        if moment is None or not _FIRST_DAY <= moment.on <= self._latest:
            return None
        if notice is not None:
            self._notices.add(notice, line)
            return moment
        if len(self.known) >= _CACHE_SIZE:
            self.known.clear()
        self.known[text] = moment
        return moment


def _parse(text: str) -> tuple[str | None, Moment | None]:
    match = _STANDARD.fullmatch(text)
    if match is None:
        on = _day(text)
        return "date_irregular", None if on is None else Moment(on, None)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    on = _calendar_day(year, month, day)
    if on is None:
        return None, None
    if hour is None:
        return None, Moment(on, None)
    clock = (int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0")))
    if clock[0] > 23 or clock[1] > 59 or clock[2] > 60:
        return "date_irregular", Moment(on, None)
    if clock == (0, 0, 0, 0) or zone is None:
        # Midnight stands for "no time" everywhere, and a time without a zone is no instant: most institutions write
        # local time there, although the format says GMT.
        return None, Moment(on, None)
    offset = _offset(zone.strip())
    if offset is None:
        return "zone_unknown", Moment(on, None)
    if clock == (12, 0, 0, 0) and not offset:
        # Noon GMT is how institutions (Chase among them) write a day that no zone may shift.
        return None, Moment(on, None)
    instant = datetime(
        on.year, on.month, on.day, clock[0], clock[1], min(clock[2], 59), clock[3], timezone(timedelta(minutes=offset))
    )
    try:
        return None, Moment(on, instant.astimezone(UTC))
    except OverflowError:
        return "date_irregular", Moment(on, None)


def _day(text: str) -> date | None:
    """Return the day at the start of a text that is not written as the format asks."""
    match = _DAY_ONLY.match(text)
    if match is None:
        return None
    return _calendar_day(match[1], match[3], match[4])


def _calendar_day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _offset(zone: str) -> int | None:
    """Return the minutes east of Greenwich that `-5:EST`, `+5.30`, `5.5`, `-0800` or `EST` name."""
    compact = _COMPACT_OFFSET.match(zone)
    if compact is not None:
        minutes = int(compact[2]) * 60 + int(compact[3])
        sign = compact[1]
    else:
        match = _OFFSET.match(zone)
        if match is None:
            name = _ZONE_NAME.search(zone)
            return None if name is None else _MINUTES_BY_NAME.get(name[1].upper())
        sign = match[1]
        minutes = int(match[2]) * 60 + _minutes(match[3])
    if minutes > 14 * 60:
        return None
    return -minutes if sign == "-" else minutes


def _minutes(fraction: str | None) -> int:
    """Return the minutes that stand after an offset's point: one digit is tenths of an hour, two mostly minutes."""
    if not fraction:
        return 0
    if len(fraction) == 1:
        return int(fraction) * 6
    if fraction in _QUARTERS:
        return _QUARTERS[fraction]
    return int(fraction) if int(fraction) <= 59 else int(fraction) * 60 // 100
