"""Below the vendor's client: forms of requests, credentials, limits, faults and the control plane."""

import time
from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest
from tests.contract.sandbox_plaid.conftest import CONTROL_TOKEN, Stage

from bursar.providers.plaid.sandbox import SANDBOX

CHECKING = "hudson-first-river-checking"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/accounts/get", {}, "MISSING_FIELDS"),
        ("/accounts/get", {"access_token": 5}, "INVALID_FIELD"),
        ("/accounts/get", {"access_token": "x", "extra": 1}, "UNKNOWN_FIELDS"),
        ("/accounts/get", {"access_token": "x", "options": {"extra": 1}}, "UNKNOWN_FIELDS"),
        ("/accounts/get", {"access_token": "x", "options": {"account_ids": "one"}}, "INVALID_FIELD"),
        ("/transactions/sync", {"access_token": "x", "count": 501}, "INVALID_FIELD"),
        ("/transactions/sync", {"access_token": "x", "count": True}, "INVALID_FIELD"),
        ("/transactions/sync", {"access_token": "x", "cursor": "c" * 257}, "INVALID_FIELD"),
        (
            "/transactions/get",
            {"access_token": "x", "start_date": "2026-1-1", "end_date": "2026-01-02"},
            "INVALID_FIELD",
        ),
        ("/accounts/get", b"not json", "INVALID_BODY"),
        ("/accounts/get", b"[]", "INVALID_BODY"),
        ("/institutions/get_by_id", {"institution_id": "ins_0", "country_codes": ["US"]}, "INVALID_INSTITUTION"),
        ("/institutions/get_by_id", {"institution_id": "ins_43", "country_codes": ["JP"]}, "INVALID_FIELD"),
        ("/item/public_token/exchange", {"public_token": "public-sandbox-1"}, "INVALID_PUBLIC_TOKEN"),
    ],
)
def test_request_in_a_wrong_form_is_a_400_with_its_code(stage: Stage, path: str, body: object, code: str) -> None:
    answer = stage.raw(path, body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    assert len(answer.json()["request_id"]) == 15


def test_missing_fields_are_named_in_the_vendors_words(stage: Stage) -> None:
    message = stage.raw("/institutions/get", {"count": 1}).json()["error_message"]
    assert message == "the following required fields are missing: offset, country_codes"


@pytest.mark.parametrize(("method", "path"), [("GET", "/accounts/get"), ("POST", "/accounts/put")])
def test_other_method_or_path_is_not_found(stage: Stage, method: str, path: str) -> None:
    answer = stage.wire.request(method, f"/plaid{path}")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "NOT_FOUND")


def test_credentials_may_stand_in_the_body_but_must_agree_with_the_headers(stage: Stage) -> None:
    body = {"client_id": SANDBOX.client_id, "secret": SANDBOX.secret, "access_token": stage.link()}
    url = "/plaid/item/get"
    assert stage.wire.post(url, json=body).status_code == 200
    disagreeing = stage.wire.post(url, json=body, headers={"PLAID-SECRET": "other"})
    assert disagreeing.json()["error_code"] == "INVALID_API_KEYS"
    assert stage.wire.post(url, json={"access_token": "x"}).json()["error_code"] == "MISSING_FIELDS"
    assert stage.raw("/item/get", body, **{"Plaid-Version": "2018-05-22"}).json()["error_code"] == "INVALID_HEADERS"


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        ({"products": ["balance"]}, "INVALID_PRODUCT"),
        ({}, "MISSING_FIELDS"),
        ({"products": ["auth"], "optional_products": ["auth"]}, "INVALID_FIELD"),
        ({"products": ["auth"], "language": "xx"}, "INVALID_FIELD"),
        ({"products": ["auth"], "user": {}}, "MISSING_FIELDS"),
        ({"access_token": "access-sandbox-nobody"}, "INVALID_ACCESS_TOKEN"),
    ],
)
def test_impossible_link_token_is_refused(stage: Stage, request_body: dict, code: str) -> None:
    base = {"client_name": "T", "language": "en", "country_codes": ["US"], "user": {"client_user_id": "u"}}
    assert stage.raw("/link/token/create", {**base, **request_body}).json()["error_code"] == code


def test_balance_at_capital_one_needs_an_age_for_cards(stage: Stage) -> None:
    token = stage.link("ins_128026")
    assert stage.raw("/accounts/balance/get", {"access_token": token}).json()["error_code"] == "INVALID_FIELD"
    options = {"min_last_updated_datetime": "2026-03-01T00:00:00Z"}
    assert stage.raw("/accounts/balance/get", {"access_token": token, "options": options}).status_code == 200


def test_rate_limit_counts_a_minute_of_the_virtual_clock(stage: Stage) -> None:
    body = {"access_token": stage.link()}
    answers = [stage.raw("/accounts/balance/get", body) for _ in range(26)]
    assert {answer.status_code for answer in answers[:25]} == {200}
    assert (answers[25].status_code, answers[25].json()["error_code"]) == (429, "BALANCE_LIMIT")
    assert stage.raw("/accounts/get", body).status_code == 200
    stage.advance(seconds=61)
    assert stage.raw("/accounts/balance/get", body).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "status", "status": 500}, 500, "INTERNAL_SERVER_ERROR"),
        ({"kind": "status", "status": 503}, 503, "PLANNED_MAINTENANCE"),
        ({"kind": "status", "status": 429, "retry_after": "7"}, 429, "RATE_LIMIT"),
        ({"kind": "institution_down"}, 400, "INSTITUTION_DOWN"),
        ({"kind": "institution_down", "bank": "first_river"}, 400, "INSTITUTION_DOWN"),
    ],
)
def test_fault_strikes_as_often_as_told(stage: Stage, fault: dict, status: int, code: str) -> None:
    body = {"access_token": stage.link()}
    added = stage.control.post("/control/faults", json={**fault, "path": "/plaid/accounts", "times": 2, "skip": 1})
    assert added.status_code == 201
    answers = [stage.raw("/accounts/get", body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, status, status, 200]
    assert answers[1].json()["error_code"] == code
    assert answers[1].headers.get("retry-after") == fault.get("retry_after")


def test_fault_of_another_bank_or_path_does_not_strike(stage: Stage) -> None:
    body = {"access_token": stage.link()}
    for fault in ({"kind": "institution_down", "bank": "thameside"}, {"kind": "status", "path": "/plaid/auth"}):
        stage.control.post("/control/faults", json=fault).raise_for_status()
    assert stage.raw("/accounts/get", body).status_code == 200
    assert len(stage.control.get("/control/faults").json()["faults"]) == 2
    stage.control.delete("/control/faults")
    assert stage.control.get("/control/faults").json()["faults"] == []


@pytest.mark.parametrize("kind", ["reset", "truncate"])
def test_cut_connection_is_a_transport_error(stage: Stage, kind: str) -> None:
    body = {"access_token": stage.link()}
    stage.control.post("/control/faults", json={"kind": kind, "path": "/plaid/accounts"})
    with pytest.raises(httpx2.RemoteProtocolError):
        stage.raw("/accounts/get", body)
    assert stage.raw("/accounts/get", body).status_code == 200


def test_html_and_slow_answers_look_like_themselves(stage: Stage) -> None:
    body = {"access_token": stage.link()}
    stage.control.post("/control/faults", json={"kind": "html", "path": "/plaid/accounts"})
    page = stage.raw("/accounts/get", body)
    assert (page.status_code, page.text[:15]) == (200, "<!doctype html>")
    stage.control.post("/control/faults", json={"kind": "slow", "path": "/plaid/accounts", "delay_s": 0.2})
    started = time.monotonic()
    assert stage.raw("/accounts/get", body).json()["accounts"]
    assert time.monotonic() - started >= 0.2


def test_fault_after_the_effect_leaves_the_effect(stage: Stage) -> None:
    token = stage.link()
    stage.control.post("/control/faults", json={"kind": "reset", "path": "/plaid/item/remove", "after_effect": True})
    with pytest.raises(httpx2.RemoteProtocolError):
        stage.raw("/item/remove", {"access_token": token})
    assert stage.raw("/item/get", {"access_token": token}).json()["error_code"] == "ITEM_NOT_FOUND"


def test_request_log_counts_calls_without_credentials(stage: Stage) -> None:
    token = stage.link()
    stage.control.delete("/control/requests")
    for _ in range(3):
        stage.raw("/accounts/get", {"access_token": token})
    log = stage.control.get("/control/requests")
    assert log.json()["counts"] == {"/plaid/accounts/get": 3}
    assert token not in log.text
    assert SANDBOX.secret not in log.text


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {CONTROL_TOKEN}", ""])
def test_control_plane_without_its_token_is_closed(stage: Stage, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert stage.wire.get("/control/users", headers=headers).status_code == 401


def test_control_plane_tells_users_and_truth(stage: Stage) -> None:
    users = stage.control.get("/control/users").json()
    logins = {(login["bank"], login["username"]) for login in users["logins"]}
    truth = stage.control.get(f"/control/accounts/{CHECKING}/truth").json()
    total = sum((Decimal(row["amount"]) for row in truth["rows"] if row["state"] == "settled"), Decimal(0))
    assert ("first_river", "user_good") in logins
    assert users["faces"]["plaid"]["secret"] == SANDBOX.secret
    assert Decimal(truth["opening_balance"]) + total + Decimal(truth["gap"]) == Decimal(truth["balance"])
    earlier = stage.world.now - timedelta(days=9)
    past = stage.control.get(f"/control/accounts/{CHECKING}/truth", params={"at": earlier.isoformat()}).json()
    assert Decimal(past["balance"]) == stage.world.truth(CHECKING, earlier).balance
    assert stage.control.get("/control/accounts/nobody/truth").status_code == 404


def test_scripted_event_over_http_lives_through_its_states(stage: Stage) -> None:
    event = {"action": "add_pending", "account_id": CHECKING, "amount": "-9.90", "description": "SCRIPTED"}
    world_id = stage.control.post("/control/events", json=event).json()["world_id"]
    posted = {"action": "post", "world_id": world_id, "amount": "-9.95"}
    assert stage.control.post("/control/events", json=posted).status_code == 200
    assert stage.control.post("/control/events", json=posted).status_code == 409
    assert stage.world.script.get_row(world_id).amount == Decimal("-9.95")
    assert stage.control.post("/control/events", json={"action": "remove", "world_id": world_id}).status_code == 200
    assert stage.control.post("/control/events", json={"action": "remove", "world_id": world_id}).status_code == 404
    exact = {**event, "amount": "1.234"}
    assert stage.control.post("/control/events", json=exact).status_code == 422
    assert stage.control.post("/control/events", json={**event, "amount": 1.5}).status_code == 422
    assert stage.control.post("/control/events", json={"action": "explode"}).status_code == 422


def test_statement_file_comes_from_the_control_plane(stage: Stage) -> None:
    url = f"/control/accounts/{CHECKING}/statement"
    answer = stage.control.get(url, params={"format": "qfx", "from": "2026-02-01", "to": "2026-03-02"})
    assert answer.content.startswith(b"OFXHEADER:100")
    assert stage.control.get(url, params={"format": "pdf"}).status_code == 422
    assert stage.control.get(url, params={"from": "yesterday", "to": "2026-03-02"}).status_code == 422
