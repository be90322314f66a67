"""Are ids unique, in order, and of the version that they claim?"""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.domain import ids
from bursar.domain.ids import new_id, new_ids, parse_id


def milliseconds(identifier: UUID) -> int:
    return identifier.int >> 80


def test_ids_increase_strictly_however_they_are_made() -> None:
    made: list[UUID] = []
    for size in (0, 1, 5, 5000, 2):
        made += [*(new_id() for _ in range(50)), *new_ids(size)]

    assert all(before < after for before, after in pairwise(made))


def test_ids_are_version_7_of_the_rfc_variant() -> None:
    for identifier in (new_id(), *new_ids(3)):
        assert identifier.version == 7
        assert identifier.variant == UUID(int=0x8000 << 48).variant


def test_id_carries_the_time_at_which_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last", (0, 0))
    before = time.time_ns() // 1_000_000
    identifier = new_id()

    assert before <= milliseconds(identifier) <= time.time_ns() // 1_000_000 + 1


def test_ids_keep_their_order_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last", (0, 0))
    first = new_id()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 0)

    second, (third, *_), fourth = new_id(), new_ids(2), new_id()

    assert first < second < third < fourth


def test_counter_that_is_full_borrows_from_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids.time, "time_ns", lambda: 5_000_000)
    monkeypatch.setattr(ids, "_last", (5, 0xFFF))

    assert milliseconds(new_id()) == 6
    assert milliseconds(new_id()) == 6


def test_threads_never_share_an_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = [pool.submit(lambda: [new_id() for _ in range(500)] + new_ids(500)) for _ in range(8)]
        made = [run.result() for run in runs]

    assert len({identifier for run in made for identifier in run}) == 8000
    for run in made:
        assert run == sorted(run)


def test_no_ids_are_made_when_none_are_asked_for() -> None:
    assert new_ids(0) == []
    assert new_ids(-1) == []


@given(st.uuids())
def test_canonical_text_is_read_back(identifier: UUID) -> None:
    assert parse_id(str(identifier)) == identifier
    assert parse_id(str(identifier).upper()) == identifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "019aa1b2000070008000123456789012",
        "{019aa1b2-0000-7000-8000-123456789012}",
        "urn:uuid:019aa1b2-0000-7000-8000-123456789012",
        "019aa1b2-0000-7000-8000-123456789012 ",
        "019aa1b2-0000-7000-8000-12345678901",
    ],
)
def test_other_spellings_are_not_ids(text: str) -> None:
    assert parse_id(text) is None


@given(st.text(max_size=60))
def test_any_text_is_an_id_or_none(text: str) -> None:
    parsed = parse_id(text)

    assert parsed is None or str(parsed) == text.lower()
