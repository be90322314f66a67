"""Is a wrong argument refused before anything is sent, by its name and without its value?"""

import inspect
from datetime import date

import pytest

from bursar.providers.sequence import AsyncSequenceClient, Pace, SequenceClient, TokenExpiredError, TransportError

ORDER = {"kyc_id": "k", "source_id": "a", "destination_id": "b", "amount_cents": 500}
WRONG = [
    ("get_pod_balance", (None,), {}, "pod_name"),
    ("get_pod_balance", (7,), {}, "pod_name"),
    ("get_all_accounts", ("",), {}, "org_id"),
    ("read_accounts", (7,), {}, "org_id"),
    ("get_pod_detail", (None, "p"), {}, "organization_id"),
    ("get_transfer_detail", ("o", " "), {}, "transfer_id"),
    ("get_activity", (None,), {}, "org_id"),
    *(("get_activity", ("o",), {"first": bad}, "first") for bad in (0, -1, 101, "10", True, 1.0, None)),
    ("get_activity", ("o",), {"after": 5}, "after"),
    *(("get_activity", ("o",), {"date_start": bad}, "date_start") for bad in ("yesterday", "2025-13-01", 20250101)),
    ("get_activity", ("o",), {"date_end": "never"}, "date_end"),
    ("get_activity", ("o",), {"date_start": "2025-02-01", "date_end": "2025-01-31"}, "date_start"),
    *(("get_activity", ("o",), {"statuses": bad}, "statuses") for bad in ("COMPLETE", 5, [None], [""], {"a": 1})),
    ("get_activity", ("o",), {"directions": b"IN"}, "directions"),
    ("get_activity", ("o",), {"activity_types": [5]}, "activity_types"),
    *(("get_activity", ("o",), {"hide_internal": bad}, "hide_internal") for bad in ("no", 1, None)),
    ("get_activity", ("o",), {"name": 5}, "name"),
    *(("transfer", (), ORDER | {"instant": bad}, "instant") for bad in ("no", 1, None)),
    *(("transfer", (), ORDER | {"description": bad}, "description") for bad in (None, 5, ["x"])),
    ("transfer", (), ORDER | {"kyc_id": None}, "kyc_id"),
    ("execute", (None,), {}, "query"),
    ("execute", ("  ",), {}, "query"),
    ("execute", ("{ me { id } }", [1]), {}, "variables"),
    ("execute", ("{ me { id } }", {"day": date(2025, 1, 1)}), {}, "variables"),
    ("execute", ("{ me { id } }", {"x": float("nan")}), {}, "variables"),
    ("execute", ("{ me { id } }",), {"operation_name": ""}, "operation_name"),
]


@pytest.mark.parametrize(("method", "arguments", "named", "culprit"), WRONG, ids=str)
def test_wrong_argument_is_refused_by_its_name(client, wire, method, arguments, named, culprit):
    with pytest.raises(ValueError, match=f"^{culprit} must"):
        getattr(client, method)(*arguments, **named)
    assert wire.asked == []


@pytest.mark.parametrize("start", ["2025-01-01", date(2025, 1, 1)])
def test_day_may_be_a_date(client, wire, start):
    edges = {"transferReferences": {"edges": [], "pageInfo": {"hasNextPage": False}}}
    wire.say({"organization": {"id": "o", **edges}})
    client.get_activity("o", date_start=start, date_end="2025-01-31T12:00:00Z", statuses=(), name="")
    assert wire.asked[0].body["variables"]["transferFilter"] == {
        "createdAt": {"start": "2025-01-01", "end": "2025-01-31T12:00:00Z"}
    }


@pytest.mark.parametrize("token", [None, "", 5, "eyJcanary\n", "a\r\nx-other: 1", "eyJcanary ", "ü"])
@pytest.mark.parametrize("is_provided", [True, False])
def test_token_that_would_spoil_the_header_is_never_sent(wire, token, is_provided):
    provider = (lambda: token) if is_provided else None
    with (
        SequenceClient("x" if is_provided else token, provider, app_url=wire.url, pace=Pace(0, 0)) as client,
        pytest.raises(TokenExpiredError, match="visible ASCII") as caught,
    ):
        client.transfer(**ORDER)
    assert "canary" not in str(caught.value)
    assert wire.asked == []


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": -1}, "timeout_s"),
        ({"timeout_s": "30"}, "timeout_s"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"token_provider": "token"}, "token_provider"),
    ],
)
def test_client_that_could_not_work_is_not_made(options, culprit):
    with pytest.raises(ValueError, match=f"^{culprit} must"):
        SequenceClient("token", **options)


@pytest.mark.parametrize("bad", [-1, float("inf"), float("nan"), True, "1", None])
def test_pace_is_made_of_seconds(bad):
    with pytest.raises(ValueError, match=r"^min_delay_s must"):
        Pace(bad, 0)
    with pytest.raises(ValueError, match=r"^max_jitter_s must"):
        Pace(0, bad)


def test_account_without_an_id_is_an_error_of_ours_that_quotes_nothing(client, wire):
    pod = {"id": None, "name": "canary", "metadata": {"balance": {"cents": 1, "formatted": "$0.01"}}}
    organization = {"id": "o", "pods": [pod], "ports": [], "accounts": []}
    wire.say({"me": {"id": "u", "memberships": [{"id": "m", "organization": organization}]}})
    with pytest.raises(TransportError, match=r"pods\.0\.id") as caught:
        client.read_accounts()
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_both_clients_have_the_same_methods_parameters_and_defaults():
    def public(one):
        found = inspect.getmembers(one, inspect.isfunction)
        return {name: list(inspect.signature(it).parameters.values()) for name, it in found if name[0] != "_"}

    ours = public(AsyncSequenceClient)
    # An operation of one's own is asynchronous by nature; `execute` is the way for blocking code.
    assert ours.pop("run")
    assert public(SequenceClient) == ours
    assert inspect.signature(SequenceClient) == inspect.signature(AsyncSequenceClient)
