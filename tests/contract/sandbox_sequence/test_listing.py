"""Order, pages, cursors and filters of the activity log."""

import pytest
from tests.contract.sandbox_sequence.conftest import ORGANIZATION, TRANSFERS, Stage

from bursar.providers.sequence.sandbox.reference import id_of

FILTERS = [
    {},
    {"statuses": ["COMPLETE"]},
    {"statuses": ["COMPLETE", "PENDING"], "directions": ["INCOMING", "INTERNAL"]},
    {"directions": ["OUTGOING"]},
    {"activityTypes": ["ONE_TIME_TRANSFER"]},
    {"activityTypes": ["RULE", "ACH", "DIRECT_DEPOSIT"]},
    {"hideInternalTransfers": True},
    {"name": "GROCER"},
    {"createdAt": {"start": "2025-01-14", "end": "2025-01-15"}},
    {"createdAt": {"end": "2025-01-10T13:00:00Z"}, "statuses": ["COMPLETE"]},
    {"name": "nobody of that name"},
]


@pytest.fixture
def busy(stage: Stage) -> Stage:
    """Seventeen more transfers, most of them made at the same instant."""
    for number in range(16):
        stage.paid(200 + number, (101, 102, 201, 103)[number % 4], (102, 301, 101, 302)[number % 4])
    stage.control("clock", advance={"seconds": 1})
    stage.paid(999, 104, 101)
    return stage


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_pages_of_any_size_lead_to_the_end_under_a_filter(busy: Stage, wanted: dict) -> None:
    everything = busy.transfers()
    for size in (1, 3, 22, 100):
        in_pages = [one["id"] for one in busy.transfers(wanted, first=size)]
        assert in_pages == [one["id"] for one in everything if passes(one, wanted)]
        assert len(set(in_pages)) == len(in_pages)


def passes(one: dict, wanted: dict) -> bool:
    """The meaning of a filter, told independently of the simulator."""
    day = one["createdAt"][:10]
    tests = {
        "statuses": one["status"] in wanted.get("statuses", ()),
        "directions": one["direction"] in wanted.get("directions", ()),
        "activityTypes": one["activityType"] in wanted.get("activityTypes", ()),
        "hideInternalTransfers": one["direction"] != "INTERNAL",
        "name": any(wanted.get("name", "").lower() in one[end]["name"].lower() for end in ("source", "destination")),
        "createdAt": "2025-01-14" <= day <= "2025-01-15"
        if "start" in wanted.get("createdAt", {})
        else one["createdAt"] <= "2025-01-10T13:00:00.000Z",
    }
    return all(tests[name] for name in wanted)


def test_order_is_by_creation_then_by_id_both_descending(busy: Stage) -> None:
    found = [(one["createdAt"], one["id"]) for one in busy.transfers()]
    assert len(found) == 22
    assert found == sorted(found, reverse=True)


def test_new_rows_do_not_shift_pages(busy: Stage) -> None:
    before = [one["id"] for one in busy.transfers()]
    first = busy.page(first=5)
    busy.control("clock", advance={"minutes": 1})
    busy.paid(500, 101, 102)
    second = busy.page(first=5, after=first["pageInfo"]["endCursor"])
    shown = [edge["node"]["id"] for page in (first, second) for edge in page["edges"]]
    assert shown == before[:10]


def test_page_info_says_where_the_page_begins_and_ends(stage: Stage) -> None:
    page = stage.page(first=2)
    cursors = [edge["cursor"] for edge in page["edges"]]
    assert page["pageInfo"] == {
        "startCursor": cursors[0],
        "endCursor": cursors[1],
        "hasPreviousPage": False,
        "hasNextPage": True,
    }
    assert stage.page(first=3, after=cursors[1])["pageInfo"]["hasPreviousPage"]
    assert not stage.page(first=5)["pageInfo"]["hasNextPage"]
    empty = stage.page({"name": "nobody"})
    assert (empty["edges"], empty["pageInfo"]["endCursor"]) == ([], None)


def test_hiding_internal_transfers_leaves_three(stage: Stage) -> None:
    found = [one["id"][-4:] for one in stage.transfers({"hideInternalTransfers": True})]
    assert found == ["0902", "0904", "0905"]


def test_days_are_whole_days_in_new_york(stage: Stage) -> None:
    # Ten in the evening of the 15th in New York is the 16th in Greenwich.
    stage.control("clock", set="2025-01-16T03:00:00+00:00")
    made = stage.paid(1_000, 101, 102)["id"]
    assert [one["id"] for one in stage.transfers({"createdAt": {"start": "2025-01-15", "end": "2025-01-15"}})] == [
        made,
        id_of(901),
    ]
    assert stage.transfers({"createdAt": {"start": "2025-01-16"}}) == []
    assert [one["id"] for one in stage.transfers({"createdAt": {"start": "2025-01-16T03:00:00Z"}})] == [made]
    assert stage.transfers({"createdAt": {"start": "2025-01-16T03:00:00.001Z"}}) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"first": 0},
        {"first": 101},
        {"first": -1},
        {"after": "bm90IGEgY3Vyc29y"},
        {"after": "%%%"},
        {"transferFilter": {"createdAt": {"start": "last week"}}},
        {"transferFilter": {"createdAt": {"end": "2025-01-15T10:00:00"}}},
    ],
    ids=str,
)
def test_argument_that_makes_no_sense_is_bad_user_input(stage: Stage, changed: dict) -> None:
    variables = {"organizationId": ORGANIZATION, "transferFilter": {}, "first": 10, "after": "", **changed}
    answer = stage.post(TRANSFERS, variables)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (200, "BAD_USER_INPUT")
    assert answer.json()["data"] == {"organization": None}


def test_value_that_no_enum_has_is_refused_before_anything_runs(stage: Stage) -> None:
    variables = {"organizationId": ORGANIZATION, "transferFilter": {"statuses": ["SETTLED"]}, "first": 10}
    answer = stage.post(TRANSFERS, variables)
    assert answer.status_code == 400
    assert "data" not in answer.json()
    literal = '{ organization(id: "x") { transferReferences(filter: {statuses: [SETTLED]}) { edges { cursor } } } }'
    [error] = stage.post(literal).json()["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_cursor_may_be_null_and_first_may_be_left_out(stage: Stage) -> None:
    query = "query Q($o: ID!) { organization(id: $o) { transferReferences(after: null) { edges { cursor } } } }"
    assert len(stage.ask(query, {"o": ORGANIZATION})["organization"]["transferReferences"]["edges"]) == 5
