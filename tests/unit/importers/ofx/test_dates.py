from datetime import UTC, date, datetime

import pytest

from bursar.importers.ofx.dates import DateReader, Moment
from bursar.importers.ofx.notices import Notices

TODAY = date(2026, 11, 21)
DAY = date(2024, 1, 15)


def read(text: str) -> tuple[Moment | None, list[str]]:
    notices = Notices()
    moment = DateReader(notices, TODAY).read(text, 7)
    return moment, [notice.code for notice in notices.all()]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20240115", None),
        (" 20240115\n", None),
        ("20240115000000", None),
        ("20240115120000[0:GMT]", None),
        ("20240115120000.000[0:GMT]", None),
        ("20240115103000", None),
        ("20240115200000[-8:PST]", utc(2024, 1, 16, 4)),
        ("20240115000000[+10:AEST]", None),
        ("20240115233000.000[-5:EST]", utc(2024, 1, 16, 4, 30)),
        ("20240115120000[-5:EST]", utc(2024, 1, 15, 17)),
        ("20240115103000[+5.30:IST]", utc(2024, 1, 15, 5)),
        ("20240115103000[5.5:IST]", utc(2024, 1, 15, 5)),
        ("20240115103000[-3.5:NST]", utc(2024, 1, 15, 14)),
        ("20240115103000[-3.30]", utc(2024, 1, 15, 14)),
        ("20240115103000[+5.75:NPT]", utc(2024, 1, 15, 4, 45)),
        ("20240115103000[-0800]", utc(2024, 1, 15, 18, 30)),
        ("20240115103000[+5:30:IST]", utc(2024, 1, 15, 5)),
        ("20240115103000[-:EST]", utc(2024, 1, 15, 15, 30)),
        ("20240115103000[EST]", utc(2024, 1, 15, 15, 30)),
        ("20240115103000[:EST]", utc(2024, 1, 15, 15, 30)),
        ("20240115103000.250[0:GMT]", utc(2024, 1, 15, 10, 30, 0, 250_000)),
        ("202401151030[0:GMT]", utc(2024, 1, 15, 10, 30)),
    ],
)
def test_regular_date_keeps_the_stated_day_and_only_a_real_instant(text, instant):
    assert read(text) == (Moment(DAY, instant), [])


@pytest.mark.parametrize("text", ["20240115103000[XYZ]", "20240115103000[-:QQQ]", "20240115103000[+99:FAR]"])
def test_unknown_zone_keeps_the_day_and_drops_the_time(text):
    assert read(text) == (Moment(DAY, None), ["zone_unknown"])


@pytest.mark.parametrize(
    "text", ["20240115093914:014", "2024-01-15", "20240115 093914", "20240115256000", "2024/01/15", "20240115T103000Z"]
)
def test_irregular_date_is_repaired_to_its_day(text):
    assert read(text) == (Moment(DAY, None), ["date_irregular"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "00000000",
        "20120231",
        "201120000000",
        "19691231",
        "20290101",
        "yesterday",
        "2024",
        "99999999",
        "-20240115",
    ],
)
def test_impossible_date_is_refused(text):
    assert read(text) == (None, [])


def test_without_today_a_far_date_is_taken():
    assert DateReader(Notices()).read("20990101") == Moment(date(2099, 1, 1), None)


def test_equal_irregular_texts_are_counted_each_time():
    notices = Notices()
    reader = DateReader(notices, TODAY)
    for line in (3, 9):
        reader.read("2024-01-15", line)
    assert [(notice.line, notice.count) for notice in notices.all()] == [(3, 2)]
