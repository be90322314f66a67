"""Does the simulator behave as the wire contract says?"""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest


class Caller:
    """Speaks to the simulator without any client of ours."""

    def __init__(self, flanks: Any, *, second: bool = False) -> None:
        self.flanks = flanks
        face = flanks.face
        self.http = httpx2.Client(base_url=flanks.url)
        self.grant = {
            "client_id": face.other_client_id if second else face.client_id,
            "client_secret": face.other_client_secret if second else face.client_secret,
            "grant_type": "client_credentials",
        }
        self.token = self.http.post("/v0/token", json=self.grant).json()["access_token"]

    def call(self, path: str, body: Any = None, method: str = "POST", **options: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        content = None if body is None else json.dumps(body)
        if content is not None:
            headers.setdefault("content-type", "application/json")
        return self.http.request(method, path, content=content, headers=headers, **options)


@pytest.fixture
def open_caller(simulate) -> Iterator[Any]:
    from contextlib import ExitStack

    with ExitStack() as stack:

        def run(**settings: Any) -> Caller:
            caller = Caller(stack.enter_context(simulate(**settings)))
            stack.callback(caller.http.close)
            return caller

        yield run


def test_token_endpoint_knows_its_applications(open_caller) -> None:
    caller = open_caller(expires_in=120)
    answer = caller.http.post("/v0/token", json=caller.grant).json()
    assert (answer["expires_in"], answer["token_type"]) == (120, "Bearer")
    for wrong in ({"client_id": "x"}, {"client_secret": "x"}, {"grant_type": "password"}):
        refused = caller.http.post("/v0/token", json=caller.grant | wrong)
        assert (refused.status_code, refused.json()) == (403, {"error": "access_denied"})
    assert caller.http.post("/v0/token", content=b"[").status_code == 400


def test_checks_come_in_their_order(open_caller) -> None:
    caller = open_caller()
    no_token = {"authorization": "Bearer nobody"}
    assert caller.call("/nowhere", {}, headers=no_token).status_code == 404
    refused = caller.call("/v0/bank/available", {}, headers=no_token)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    unknown = caller.call("/v0/bank/credentials/account", [], headers=no_token)
    assert (unknown.status_code, unknown.json()) == (401, {"error": "Invalid credentials"})
    assert caller.call("/v0/bank/credentials/account", []).status_code == 400
    assert caller.call("/v0/bank/credentials/account", {}).status_code == 400
    assert caller.call("/v0/bank/credentials/account", {"credentials_token": "x"}).status_code == 404
    wrong_type = caller.call("/v0/bank/credentials/account", {}, headers={"content-type": "text/plain"})
    assert wrong_type.status_code == 400


def test_token_ends_by_the_clock_of_the_world(open_caller) -> None:
    caller = open_caller(expires_in=60)
    assert caller.call("/v0/bank/available", method="GET").status_code == 200
    caller.flanks.world.advance(timedelta(seconds=61))
    assert caller.call("/v0/bank/available", method="GET").status_code == 401


def test_new_token_may_kill_the_old_one(open_caller) -> None:
    caller = open_caller(single_active_token=True)
    caller.http.post("/v0/token", json=caller.grant)
    assert caller.call("/v0/bank/available", method="GET").status_code == 401


def test_revoked_tokens_are_refused(open_caller) -> None:
    caller = open_caller()
    assert caller.flanks.server.act("revoke_tokens", {}) == {"count": "1"}
    assert caller.call("/v0/bank/available", method="GET").status_code == 401


def test_one_application_sees_nothing_of_the_other(open_caller) -> None:
    caller = open_caller(invented_count=6)
    other = Caller(caller.flanks, second=True)
    mine = {one["credentials_token"] for one in caller.call("/v0/bank/credentials/list", {}).json()["items"]}
    theirs = {one["credentials_token"] for one in other.call("/v0/bank/credentials/list", {}).json()["items"]}
    assert len(mine) == len(theirs) == 6
    assert not mine & theirs
    body = {"credentials_token": next(iter(theirs))}
    assert caller.call("/v0/bank/credentials/status", body).status_code == 404
    other.http.close()


def test_data_set_is_as_large_and_as_odd_as_agreed(open_caller) -> None:
    caller = open_caller(invented_count=60)
    assert len(caller.call("/v0/bank/available", method="GET").json()) >= 3
    for path, count in (("/connect/v2/connectors/list-connectors", 120), ("/connect/v2/sessions/list-sessions", 120)):
        assert len(drain(caller, path)) == count
    first = caller.call("/v0/bank/credentials/list", {}).json()
    assert (first["page"], first["pages"], len(first["items"])) == (1, 2, 50)
    assert caller.call("/v0/bank/credentials/list", {"page": 9}).json()["items"] == []
    assert caller.call("/v0/bank/credentials/list", {"page": 0}).status_code == 400
    assert {"active", "pending", "blocked", "error"} == {one["status"] for one in first["items"]}
    token = first["items"][0]["credentials_token"]
    counts = {"portfolio": 2, "investment": 5, "account": 2, "data": 30, "liability": 1, "card": 1, "holder": 2}
    for kind, count in counts.items():
        assert len(caller.call(f"/v0/bank/credentials/{kind}", {"credentials_token": token}).json()) == count
    text = caller.call("/v0/bank/credentials/account", {"credentials_token": token}).text
    assert "12345678901234567.89" in text


def test_v2_tells_what_v1_tells(open_caller) -> None:
    caller = open_caller(invented_count=1)
    token = caller.call("/v0/bank/credentials/list", {}).json()["items"][0]["credentials_token"]

    def v1(kind: str) -> list[dict[str, Any]]:
        content = caller.call(f"/v0/bank/credentials/{kind}", {"credentials_token": token}).content
        return json.loads(content, parse_float=Decimal)

    products = {one["product_id"] for one in drain(caller, "/aggregation/v2/list-products")}
    assert products == {one["_id"] for kind in ("account", "card", "investment", "liability") for one in v1(kind)}
    movements = {one["transaction_id"] for one in drain(caller, "/aggregation/v2/list-transactions")}
    kinds = ("data", "card/transaction", "investment/transaction", "liability/transaction")
    assert movements == {one["_id"] for kind in kinds for one in v1(kind)}
    for portfolio in v1("portfolio"):
        inside = [one["balance"] for one in v1("investment") if one["portfolio_id"] == portfolio["_id"]]
        assert sum(inside) == portfolio["balance"]


def test_pages_belong_to_their_query(open_caller) -> None:
    caller = open_caller(invented_count=6, page_size=3)
    path = "/aggregation/v2/list-products"
    first = caller.call(path, {"query": {}, "page_token": None}).json()
    again = {"query": {}, "page_token": first["next_page_token"]}
    assert caller.call(path, again).json() == caller.call(path, again).json()
    for bad in ({"query": {"product_type_in": ["Card"]}, "page_token": first["next_page_token"]},
                {"query": {}, "page_token": "x"}):  # fmt: skip
        refused = caller.call(path, bad)
        assert refused.status_code == 400
        assert refused.json()["error"]["details"] == [{"error_type": "invalid_value", "field": "page_token"}]
    assert caller.call(path, {"query": {"product_id_in": []}}).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, {"error_type": "missing", "field": "query"}),
        ({"query": []}, {"error_type": "invalid_type", "field": "query"}),
        ({"query": {"product": ["x"]}}, {"error_type": "unknown_field", "field": "query.product"}),
        ({"query": {"product_id_in": "x"}}, {"error_type": "invalid_type", "field": "query.product_id_in"}),
        ({"query": {"date_from": "2026-02-30"}}, {"error_type": "invalid_value", "field": "query.date_from"}),
    ],
)
def test_wrong_body_is_refused_with_its_field(open_caller, body, detail) -> None:
    refused = open_caller().call("/aggregation/v2/list-transactions", body)
    assert refused.status_code == 400
    answer = refused.json()
    assert (answer["success"], answer["error"]["code"], answer["error"]["details"]) == (
        False,
        "ValidationError",
        [detail],
    )
    assert len(answer["trace_id"]) == 32


@pytest.mark.parametrize(
    ("legacy", "get", "post"), [("both", 200, 200), ("post_only", 405, 200), ("get_only", 200, 405)]
)
def test_disputed_method_follows_the_switch(open_caller, legacy, get, post) -> None:
    caller = open_caller(legacy_get=legacy)
    for path in ("/v0/links/list-links", "/report/v1/list-templates"):
        assert caller.call(path, method="GET").status_code == get
        assert caller.call(path, {}).status_code == post


def test_data_that_is_not_there_yet_or_failed_is_an_error(open_caller) -> None:
    caller = open_caller(invented_count=5)
    tokens = [one["credentials_token"] for one in caller.call("/v0/bank/credentials/list", {}).json()["items"]]
    path = "/v0/bank/credentials/account"
    assert caller.call(path, {"credentials_token": tokens[1]}).json() == []
    assert caller.call(path, {"credentials_token": tokens[2]}).json()["code"] == "DATA_PENDING"
    assert caller.call(path, {"credentials_token": tokens[3]}).json()["code"] == "DATA_ERROR"
    ignoring = {"credentials_token": tokens[3], "ignore_data_error": True}
    assert len(caller.call(path, ignoring).json()) == 2
    narrowed = {"credentials_token": tokens[0], "query": {"account_id": []}}
    assert caller.call("/v0/bank/credentials/data", narrowed).json() == []


def test_identity_is_found_with_and_without_the_slash(open_caller) -> None:
    caller = open_caller(invented_count=1)
    token = caller.call("/v0/bank/credentials/list", {}).json()["items"][0]["credentials_token"]
    body = {"credentials_token": token}
    with_slash = caller.call("/v0/bank/credentials/auth/", body)
    assert with_slash.json() == caller.call("/v0/bank/credentials/auth", body).json()


def test_outstanding_token_comes_again(open_caller) -> None:
    caller = open_caller(invented_count=1)
    token = caller.call("/v0/bank/credentials/list", {}).json()["items"][0]["credentials_token"]
    body = {"credentials_token": token, "force": "reset"}
    first = caller.call("/v0/bank/credentials/status", body, "PUT").json()
    assert caller.call("/v0/bank/credentials/status", body, "PUT").json() == first
    shown = caller.call("/v0/bank/credentials/status", {"credentials_token": token}).json()
    assert shown["reset_token"] == first["reset_token"]
    assert caller.call("/v0/bank/credentials/status", body | {"force": "x"}, "PUT").status_code == 400


def test_run_repeats_byte_for_byte(open_caller) -> None:
    texts = [open_caller(invented_count=3).call("/v0/bank/credentials/list", {}).text for _ in range(2)]
    assert texts[0] == texts[1]


def drain(caller: Caller, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    token = None
    while True:
        page = caller.call(path, {"query": {}, "page_token": token}).json()
        items += page["items"]
        token = page["next_page_token"]
        if token is None:
            return items
