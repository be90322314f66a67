"""The fault switches and the request log."""

from datetime import UTC, datetime, timedelta

import pytest

from bursar.sandbox.faults import FaultBoard, FaultKind
from bursar.sandbox.requests import Request, RequestLog

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


@pytest.mark.parametrize(
    ("path", "is_struck"),
    [
        ("/teller/accounts/acc_1/transactions", True),
        ("/teller/accounts/acc_1/transactions/txn_1", True),
        ("/teller/accounts/acc_1/balances", False),
        ("/teller/accounts", False),
        ("/other/accounts/acc_1/transactions", False),
    ],
)
def test_star_in_a_path_stands_for_one_part(path: str, is_struck: bool) -> None:
    board = FaultBoard()
    board.add(FaultKind.STATUS, path="/teller/accounts/*/transactions")
    assert (board.strike(path, STATUS) is not None) is is_struck


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


def test_request_log_counts_what_arrived_within_a_window() -> None:
    log, at = RequestLog(), datetime(2026, 3, 1, tzinfo=UTC)
    for hours, path, arrived in ((0, "/p/a", True), (0, "/p/a", True), (3, "/p/a", True), (4, "/p/a", False)):
        log.add(Request(at + timedelta(hours=hours), "GET", path, 200, arrived))
    log.add(Request(at + timedelta(hours=24), "GET", "/p/a", 200))
    log.add(Request(at, "GET", "/p/b", 200))
    log.add(Request(at, "GET", "/q/c", 200))
    assert log.counts()["p", "/p/a", at] == 2
    assert log.busiest("/p", timedelta(hours=24)) == {"/p/a": 3, "/p/b": 1}
    assert log.busiest("/p", timedelta(hours=25)) == {"/p/a": 4, "/p/b": 1}


def test_request_log_does_not_grow_for_ever() -> None:
    log, at = RequestLog(), datetime(2026, 3, 1, tzinfo=UTC)
    for second in range(60_000):
        log.add(Request(at + timedelta(seconds=second), "GET", "/p/a", 200))
    assert len(log.counts()) == 50_000
    assert len(log.list_all()) == 20_000
    assert log.list_all()[-1].at == max(instant for _, _, instant in log.counts())


def test_share_strikes_its_part_of_the_requests_in_the_same_way_each_time() -> None:
    def struck(seed: int, *others: FaultKind) -> list[bool]:
        board = FaultBoard(seed)
        for kind in others:
            board.add(kind, path="/x", share=0.5)
        board.add(FaultKind.STATUS, path="/x", share=0.2)
        return [board.strike("/x/y", STATUS) is not None for _ in range(2_000)]

    first = struck(1)
    assert 300 < sum(first) < 500
    assert struck(1) == first == struck(1, FaultKind.HTML)
    assert struck(2) != first


def test_hits_are_counted_by_kind_and_face_and_can_be_taken_back() -> None:
    board = FaultBoard()
    board.add(FaultKind.STATUS, path="/plaid", times=None)
    strikes = [board.strike(path, STATUS) for path in ("/plaid/a", "/plaid/b", "/teller/a")]
    assert board.hits == {(FaultKind.STATUS, "plaid"): 2}
    assert strikes[0] is not None
    board.take_back(strikes[0], "/plaid/a")
    assert board.hits == {(FaultKind.STATUS, "plaid"): 1}


def test_stop_ends_everything_for_good() -> None:
    board = FaultBoard()
    board.add(FaultKind.STATUS, times=None)
    board.stop()
    board.add(FaultKind.STATUS, times=None)
    assert board.strike("/x", STATUS) is None
    assert board.is_stopped
