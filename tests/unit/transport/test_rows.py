"""How does a row that is broken leave its neighbours alone?"""

from decimal import Decimal

import msgspec
import pytest

from bursar.transport import json
from bursar.transport.rows import RejectedRow, WireModel, split_rows, without_none


class Row(WireModel, frozen=True, kw_only=True, gc=False):
    """A row of a test."""

    id: str
    amount: Decimal


def _split(text: str, member: str = "rows") -> tuple[list[str], list[RejectedRow]]:
    kept, rejected = split_rows(member, msgspec.Raw(text.encode()), Row)
    return [bytes(one).decode() for one in kept], rejected


def test_broken_row_is_told_with_its_place_and_its_neighbours_stay_as_sent():
    text = '[{"id":"a","amount":1.10},{"id":"b"},{"id":"c","amount":"x"},7,{"id":"d","amount":2}]'
    kept, rejected = _split(text)
    assert kept == ['{"id":"a","amount":1.10}', '{"id":"d","amount":2}']
    assert [(one.index, one.path, one.inside) for one in rejected] == [
        (1, "rows.1.amount", "amount"),
        (2, "rows.2.amount", "amount"),
        (3, "rows.3", ""),
    ]
    assert rejected[0].raw == b'{"id":"b"}'


def test_answer_that_is_the_list_has_no_name_in_front():
    _, (rejected,) = _split('[{"id":"a"}]', member="")
    assert (rejected.path, rejected.inside) == ("0.amount", "amount")


@pytest.mark.parametrize("member", ["rows", ""])
def test_row_of_a_later_page_has_its_place_in_the_whole_listing(member):
    _, (rejected,) = _split('[{"id":"a"}]', member=member)
    moved = rejected.at(250)
    assert (moved.index, moved.inside, moved.raw) == (250, "amount", rejected.raw)
    assert moved.path.endswith("250.amount")


def test_row_shows_nothing_of_itself():
    _, (rejected,) = _split('[{"id":"secret"}]')
    assert "secret" not in repr(rejected)


def test_what_is_no_list_is_an_error():
    with pytest.raises(json.JsonError):
        _split('{"id":"a"}')


def test_members_that_were_not_given_are_left_out():
    assert without_none({"a": None, "b": 0, "c": "", "d": False}) == {"b": 0, "c": "", "d": False}
