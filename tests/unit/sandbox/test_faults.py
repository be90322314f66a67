"""The fault switches and the request log."""

from datetime import UTC, datetime

import pytest

from bursar.sandbox.faults import FaultBoard, FaultKind, Request, RequestLog

STATUS = frozenset({FaultKind.STATUS})


def test_fault_strikes_after_its_skips_and_then_is_spent() -> None:
    board = FaultBoard()
    board.add(FaultKind.STATUS, path="/plaid/a", times=2, skip=1)
    struck = [board.strike("/plaid/a/b", STATUS) is not None for _ in range(4)]
    assert struck == [False, True, True, False]
    assert board.list_all() == ()


def test_fault_without_a_count_strikes_until_it_is_removed() -> None:
    board = FaultBoard()
    fault = board.add(FaultKind.STATUS, times=None)
    assert all(board.strike("/x", STATUS) for _ in range(5))
    board.remove(fault.fault_id)
    board.remove(fault.fault_id)
    assert board.strike("/x", STATUS) is None


def test_fault_is_bound_to_path_kind_page_and_bank() -> None:
    board = FaultBoard()
    board.add(FaultKind.MUTATE_BETWEEN_PAGES, path="/p", page=2)
    board.add(FaultKind.INSTITUTION_DOWN, bank="north")
    mutate, down = (frozenset({kind}) for kind in (FaultKind.MUTATE_BETWEEN_PAGES, FaultKind.INSTITUTION_DOWN))
    assert board.strike("/q", mutate, page=2) is None
    assert board.strike("/p", mutate, page=1) is None
    assert board.strike("/p", STATUS) is None
    assert board.strike("/p", mutate, page=2) is not None
    assert board.strike("/p", down, bank="south") is None
    assert board.strike("/p", down, bank="north") is not None


@pytest.mark.parametrize("settings", [{"colour": "red"}, {"times": "often"}, {"path": 5}, {"page": 1.5}])
def test_wrong_setting_of_a_fault_is_refused(settings: dict[str, object]) -> None:
    board = FaultBoard()
    with pytest.raises(TypeError):
        board.add(FaultKind.STATUS, **settings)
    assert board.list_all() == ()


def test_request_log_counts_paths() -> None:
    log, at = RequestLog(), datetime(2026, 3, 1, tzinfo=UTC)
    for path in ("/a", "/b", "/a"):
        log.add(Request(at, "POST", path, 200))
    assert log.count_by_path() == {"/a": 2, "/b": 1}
    assert [request.path for request in log.list_all()] == ["/a", "/b", "/a"]
    log.clear()
    assert log.count_by_path() == {}
