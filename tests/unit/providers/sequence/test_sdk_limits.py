"""Does the daily limit hold, whoever asks, whenever, and whatever the file looks like?"""

import json
import logging
import stat
from datetime import UTC, datetime, timedelta

import pytest

from bursar.providers.sequence import DailyLimitTracker, LimitExceededError, LimitFileError, SequenceError

NOON = datetime(2025, 1, 15, 17, 0, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / ".daily_limits.json"


@pytest.fixture
def make(path, clock):
    return lambda limit=10_000, **options: DailyLimitTracker(
        path, limit, **{"now": clock, "tz": "America/New_York", **options}
    )


def test_exact_remainder_is_allowed_and_one_cent_more_is_not(make):
    tracker = make()
    tracker.record(4_000, "t1")
    assert tracker.check(6_000) == (True, 6_000)
    assert tracker.check(6_001) == (False, 6_000)
    assert tracker.check(0) == (True, 6_000)


def test_remaining_is_never_below_nothing(make):
    tracker = make()
    tracker.record(15_000, "t1")
    assert tracker.check(1) == (False, 0)
    assert tracker.check(0) == (True, 0)


def test_checking_changes_nothing(make, path):
    assert make().check(5_000) == (True, 10_000)
    assert not path.exists()


def test_users_are_independent_of_each_other_and_of_calls_without_one(make):
    tracker = make()
    tracker.record(9_000, "t1", user_id=12345)
    assert tracker.check(10_000) == (True, 10_000)
    assert tracker.check(10_000, user_id="other") == (True, 10_000)
    assert tracker.check(2_000, user_id="12345") == (False, 1_000)


def test_total_limit_counts_everybody(make):
    tracker = make(max_total_cents=12_000)
    tracker.record(9_000, "t1", user_id=1)
    assert tracker.check(3_000, user_id=2) == (True, 3_000)
    assert tracker.check(3_001) == (False, 3_000)
    with pytest.raises(LimitExceededError):
        tracker.reserve(3_001, user_id=2)


def test_default_file_and_limit(data_dir):
    tracker = DailyLimitTracker()
    assert tracker.path == data_dir / ".daily_limits.json"
    assert tracker.check(2_500_000) == (True, 2_500_000)


def test_file_has_the_known_form_for_its_owner_only(make, path):
    make().record(50_000, "transfer-1")
    make().record(50_000, "unknown", user_id=12345)
    assert path.read_text() == (
        "{\n"
        '  "2025-01-15": {\n'
        '    "__global__": [\n'
        "      {\n"
        '        "transfer_id": "transfer-1",\n'
        '        "amount_cents": 50000,\n'
        '        "timestamp": "2025-01-15T17:00:00+00:00"\n'
        "      }\n"
        "    ],\n"
        '    "12345": [\n'
        "      {\n"
        '        "transfer_id": "unknown",\n'
        '        "amount_cents": 50000,\n'
        '        "timestamp": "2025-01-15T17:00:00+00:00"\n'
        "      }\n"
        "    ]\n"
        "  }\n"
        "}\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("America/New_York", datetime(2025, 1, 16, 4, 59, 59, tzinfo=UTC), datetime(2025, 1, 16, 5, 0, tzinfo=UTC)),
        ("UTC", datetime(2025, 1, 15, 23, 59, 59, tzinfo=UTC), datetime(2025, 1, 16, 0, 0, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2025, 1, 15, 14, 59, 59, tzinfo=UTC), datetime(2025, 1, 15, 15, 0, tzinfo=UTC)),
    ],
)
def test_tracker_that_lives_on_begins_anew_at_midnight_of_its_zone(make, clock, zone, before, after):
    clock.now = before
    tracker = make(tz=zone)
    tracker.record(9_000, "t1")
    assert tracker.check(2_000) == (False, 1_000)
    clock.now = after
    assert tracker.check(2_000) == (True, 10_000)


@pytest.mark.parametrize("day", [datetime(2025, 3, 9, tzinfo=UTC), datetime(2025, 11, 2, tzinfo=UTC)])
def test_day_on_which_the_clocks_change_is_one_day(make, clock, day):
    clock.now = day + timedelta(hours=5, minutes=30)  # soon after midnight in New York
    tracker = make()
    tracker.record(6_000, "t1")
    clock.now = day + timedelta(days=1, hours=3, minutes=30)  # before the next one, with the other offset
    assert tracker.check(5_000) == (False, 4_000)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", 5, "../etc/passwd"])
def test_zone_that_is_none_is_refused(make, zone):
    with pytest.raises(ValueError, match=r"^tz must"):
        make(tz=zone)


def test_clock_without_a_zone_is_refused(make, path):
    tracker = make(now=lambda: datetime(2025, 1, 15, 12))  # noqa: DTZ001 - the fault under test
    with pytest.raises(ValueError, match=r"^now must"):
        tracker.reserve(5)
    assert not path.exists()


def test_clock_that_is_set_back_finds_what_was_spent_on_that_day(make, clock):
    tracker = make()
    tracker.record(6_000, "t1")
    clock.now += timedelta(days=1)
    tracker.record(1_000, "t2")
    clock.now -= timedelta(days=1)
    assert tracker.check(0) == (True, 4_000)


def test_days_older_than_two_are_dropped_when_the_file_is_written(make, clock, path):
    tracker = make()
    for _ in range(4):
        tracker.record(1, "t")
        clock.now += timedelta(days=1)
    assert list(json.loads(path.read_text())) == ["2025-01-16", "2025-01-17", "2025-01-18"]
    clock.now += timedelta(days=1)
    make()
    assert list(json.loads(path.read_text())) == ["2025-01-18"]


def test_older_form_of_the_file_is_migrated_when_it_is_loaded(make, path):
    path.parent.mkdir()
    entry = {"transfer_id": "t", "amount_cents": 4_000, "timestamp": "2025-01-15T15:30:00+00:00"}
    path.write_text(json.dumps({"2025-01-15": [entry]}))
    assert make().check(6_000) == (True, 6_000)
    assert json.loads(path.read_text()) == {"2025-01-15": {"__global__": [entry]}}


CORRUPT = [
    b"",
    b"no json",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'{"yesterday": {}}',
    b'{"20250115": {}}',
    b'{"2025-01-15": 5}',
    b'{"2025-01-15": {"u": {}}}',
    b'{"2025-01-15": {"u": [5]}}',
    b'{"2025-01-15": {"u": [{}]}}',
    b'{"2025-01-15": {"u": [{"amount_cents": -5}]}}',
    b'{"2025-01-15": {"u": [{"amount_cents": 5.5}]}}',
    b'{"2025-01-15": {"u": [{"amount_cents": true}]}}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", CORRUPT)
def test_file_that_cannot_be_read_is_set_aside_and_said(make, path, content, caplog):
    path.parent.mkdir()
    path.write_bytes(content)
    with caplog.at_level(logging.ERROR):
        assert make().check(0) == (True, 10_000)
    (aside,) = path.parent.glob(".daily_limits.json.corrupt-*Z")
    assert aside.read_bytes() == content
    assert "set aside" in caplog.text


@pytest.mark.parametrize("content", CORRUPT)
def test_strict_tracker_refuses_instead_of_forgetting(make, path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(LimitFileError):
        make(strict=True)
    assert path.read_bytes() == content


def test_file_that_becomes_corrupt_later_is_refused_too(make, path):
    tracker = make(strict=True)
    tracker.record(5, "t")
    path.write_bytes(b"{")
    with pytest.raises(LimitFileError):
        tracker.reserve(5)


@pytest.mark.parametrize("amount", [-5, -5_000, 1.5, True, False, "5", None, 2**31])
def test_wrong_amount_cannot_raise_or_lower_the_limit(make, amount):
    tracker = make()
    for call in (tracker.check, tracker.reserve, lambda cents: tracker.record(cents, "t")):
        with pytest.raises(ValueError, match="amount_cents"):
            call(amount)
    assert tracker.check(0) == (True, 10_000)


def test_nothing_is_not_recorded(make):
    for call in (make().reserve, lambda cents: make().record(cents, "t")):
        with pytest.raises(ValueError, match="amount_cents"):
            call(0)


@pytest.mark.parametrize("user", ["__global__", "", " ", True, 1.5, [1]])
def test_user_that_would_be_everybody_is_refused(make, user):
    with pytest.raises(ValueError, match="user_id"):
        make().check(5, user_id=user)


@pytest.mark.parametrize("limit", [-1, True, 1.5])
def test_wrong_limit_is_refused(make, limit):
    with pytest.raises(ValueError, match="max_daily_cents"):
        make(limit)


# --- reservations ---


def only_entry(path):
    ((entry,),) = [entries for users in json.loads(path.read_text()).values() for entries in users.values()]
    return entry


def test_reserved_amount_counts_at_once_and_for_other_trackers(make):
    make().reserve(8_000)
    assert make().check(2_001) == (False, 2_000)
    with pytest.raises(LimitExceededError, match=r"\$20\.00 is left") as caught:
        make().reserve(8_000)
    assert caught.value.remaining_cents == 2_000
    assert isinstance(caught.value, SequenceError)


def test_committed_amount_stays_with_its_id(make, path):
    reservation = make().reserve(8_000)
    assert only_entry(path)["state"] == "reserved"
    reservation.commit("transfer-1")
    entry = only_entry(path)
    assert (entry["state"], entry["transfer_id"], entry["amount_cents"]) == ("recorded", "transfer-1", 8_000)
    assert entry["reservation_id"] == reservation.reservation_id


def test_released_amount_is_free_again(make):
    reservation = make().reserve(8_000)
    reservation.release()
    reservation.release()
    assert make().check(10_000) == (True, 10_000)


def test_unknown_amount_goes_on_counting_until_somebody_knows(make, path):
    reservation = make().reserve(8_000)
    reservation.keep_unknown()
    assert only_entry(path)["state"] == "unknown"
    assert make().check(2_001) == (False, 2_000)
    reservation.release()
    assert make().check(0) == (True, 10_000)
    other = make().reserve(10_000)
    other.keep_unknown()
    other.commit("found")
    assert only_entry(path)["transfer_id"] == "found"


def test_reservation_ends_once(make):
    committed, released = make().reserve(10), make().reserve(10)
    committed.commit("t")
    released.release()
    with pytest.raises(ValueError, match="ended already: recorded"):
        committed.release()
    with pytest.raises(ValueError, match="ended already: released"):
        released.commit("t")


def test_reservation_belongs_to_the_day_on_which_it_was_made(make, clock, path):
    reservation = make().reserve(8_000)
    clock.now += timedelta(days=1)
    reservation.commit("t")
    assert list(json.loads(path.read_text())) == ["2025-01-15"]
    assert make().check(0) == (True, 10_000)


def test_money_that_moved_counts_although_the_file_was_lost_meanwhile(make, path):
    reservation = make().reserve(8_000)
    path.unlink()
    reservation.commit("t")
    assert make().check(0) == (True, 2_000)


def test_older_client_reads_the_file_as_a_sum(make, path):
    make().reserve(1_000).commit("t")
    make().reserve(2_000).keep_unknown()
    make().record(3_000, "x")
    entries = json.loads(path.read_text())["2025-01-15"]["__global__"]
    assert sum(entry["amount_cents"] for entry in entries) == 6_000
    assert all({"transfer_id", "amount_cents", "timestamp"} <= entry.keys() for entry in entries)
