"""Media types, tokens, faults, strictness and controls."""

import base64
import hashlib
import hmac
import json
import time
import uuid

import httpx2
import pytest
from tests.contract.sandbox_sequence.conftest import RESPONSE_JSON, Stage

from bursar.providers.sequence.sandbox import Simulator
from bursar.providers.sequence.sandbox.reference import id_of

ME = "query Me { me { id } }"
UNAUTHENTICATED = {"errors": [{"message": "Unauthorized", "extensions": {"code": "UNAUTHENTICATED"}}]}
EVERYTHING = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (EVERYTHING, RESPONSE_JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        ("application/json", "application/json"),
        ("application/json;q=0.5, application/graphql-response+json;q=0.4", "application/json"),
        ("application/json;q=0.5, application/graphql-response+json", RESPONSE_JSON),
        ("text/html, */*;q=0.1", "application/json"),
        ("", "application/json"),
    ],
)
def test_answer_comes_in_the_best_media_type(stage: Stage, accept: str, media_type: str) -> None:
    good = stage.post(ME, accept=accept)
    assert (good.status_code, good.json()) == (200, {"data": {"me": {"id": id_of(3)}}})
    assert good.headers["content-type"].partition(";")[0] == media_type
    bad = stage.post("{ nothing }", accept=accept)
    assert bad.status_code == (400 if media_type == RESPONSE_JSON else 200)
    assert "data" not in bad.json()
    assert bad.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_nothing_acceptable_is_406(stage: Stage) -> None:
    assert stage.post(ME, accept="text/html").status_code == 406


def test_document_that_cannot_be_parsed_says_so(stage: Stage) -> None:
    assert stage.post("{ me {").json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert stage.post("{ me { id } } " * 2_000).json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"[]", b"{}", b'{"query": 5}', b'{"query": "{me}", "variables": []}']
)
def test_body_that_is_no_request_is_400(stage: Stage, content: bytes) -> None:
    headers = {"authorization": f"Bearer {stage.token}", "accept": "application/json"}
    assert stage.app.post("/api/graphql", content=content, headers=headers).status_code == 400


def test_get_is_not_allowed(stage: Stage) -> None:
    assert stage.app.get("/api/graphql", params={"query": ME}).status_code == 405


def test_other_operation_than_the_document_has_is_refused(stage: Stage) -> None:
    body = {"query": ME, "operationName": "Other"}
    answer = stage.app.post("/api/graphql", json=body, headers={"authorization": f"Bearer {stage.token}"})
    assert "data" not in answer.json()


def test_token_is_believed_by_its_signature_only(stage: Stage) -> None:
    header, claims, signature = stage.token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert told["iss"] == f"{stage.simulator.origins.auth}/"
    assert (told["sub"], told["azp"], told["aud"]) == (
        f"auth0|{id_of(3)}",
        "demo-client",
        f"{stage.simulator.origins.app}/api",
    )
    assert told["exp"] - told["iat"] == 86_400
    none = part({"alg": "none", "typ": "JWT"})
    shared = part({"alg": "HS256", "typ": "JWT"})
    key = stage.auth.get("/.well-known/jwks.json").content
    forged = base64.urlsafe_b64encode(hmac.digest(key, f"{shared}.{claims}".encode(), hashlib.sha256)).rstrip(b"=")
    others = [
        f"{header}.{part(told | {'sub': 'auth0|' + id_of(13)})}.{signature}",
        f"{header}.{part(told | {'exp': told['exp'] + 1})}.{signature}",
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{shared}.{claims}.{forged.decode()}",
        f"{header}.{claims}.",
        "nonsense",
    ]
    for token in others:
        answer = stage.post(ME, authorization=f"Bearer {token}")
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED), token
    assert stage.post(ME, authorization=f"Basic {stage.token}").status_code == 401
    assert stage.post(ME).status_code == 200


def test_token_of_another_issuer_or_audience_is_refused(stage: Stage) -> None:
    elsewhere = Simulator(app_origin=stage.simulator.origins.app, auth_origin="http://elsewhere.test")
    assert stage.post(ME, authorization=f"Bearer {elsewhere.site.tokens.issue_access(id_of(3))}").status_code == 401
    elsewhere = Simulator(app_origin="http://elsewhere.test", auth_origin=stage.simulator.origins.auth)
    assert stage.post(ME, authorization=f"Bearer {elsewhere.site.tokens.issue_access(id_of(3))}").status_code == 401


def test_token_ends_by_time_and_by_revocation(stage: Stage) -> None:
    short = stage.control("tokens/issue", lifetime_s=3600).json()["access_token"]
    assert stage.post(ME, authorization=f"Bearer {short}").status_code == 200
    # Setting the clock of the books ages no token; letting time pass does.
    stage.control("clock", set="2025-01-16T16:00:00+00:00")
    assert stage.post(ME, authorization=f"Bearer {short}").status_code == 200
    stage.control("clock", advance={"hours": 1, "seconds": 1})
    assert stage.post(ME, authorization=f"Bearer {short}").json() == UNAUTHENTICATED
    assert stage.post(ME).status_code == 200
    stage.control("tokens/revoke", token=stage.token)
    assert stage.post(ME).status_code == 401
    ended = stage.control("tokens/issue", lifetime_s=-1).json()["access_token"]
    assert stage.post(ME, authorization=f"Bearer {ended}").status_code == 401


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_status_strikes_as_often_as_told_and_only_where_told(stage: Stage, status: int) -> None:
    stage.control("faults", kind="status", operation="Me", times=2, status=status, retry_after="7")
    assert stage.post("query Other { me { id } }").status_code == 200
    struck = [stage.post(ME) for _ in range(3)]
    assert [answer.status_code for answer in struck] == [status, status, 200]
    assert struck[0].headers["retry-after"] == "7"


def test_bodies_that_are_wrong(stage: Stage) -> None:
    stage.control("faults", kind="html_body")
    assert "text/html" in stage.post(ME).headers["content-type"]
    stage.control("faults", kind="bad_json")
    broken = stage.post(ME)
    assert broken.status_code == 200
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|property name|Expecting"):
        broken.json()
    stage.control("faults", kind="graphql_error", code="FORBIDDEN", message="No")
    assert stage.post(ME).json() == {"data": None, "errors": [{"message": "No", "extensions": {"code": "FORBIDDEN"}}]}
    stage.control("faults", kind="graphql_error", executes=True)
    partial = stage.post(ME).json()
    assert partial["data"] == {"me": {"id": id_of(3)}}
    assert partial["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    stage.control("faults", kind="null_field", path=["me", "memberships", "organization", "pods", "metadata"])
    query = "{ me { memberships { organization { pods { id metadata { id } } } } } }"
    pods = stage.post(query).json()["data"]["me"]["memberships"][0]["organization"]["pods"]
    assert {pod["metadata"] for pod in pods} == {None}
    assert stage.post(ME).json() == {"data": {"me": {"id": id_of(3)}}}


def test_delayed_answer_is_the_right_one(stage: Stage) -> None:
    stage.control("faults", kind="delay", delay_s=0.2)
    begun = time.monotonic()
    assert stage.post(ME).status_code == 200
    assert time.monotonic() - begun >= 0.2


@pytest.mark.parametrize(
    "body", [{}, {"kind": "fire"}, {"kind": "status", "colour": 1}, {"kind": "status", "times": "x"}]
)
def test_fault_that_is_none_is_refused(stage: Stage, body: dict) -> None:
    assert stage.app.post("/_control/faults", json=body).status_code == 422


def test_strict_server_insists_on_the_headers_of_the_web_application(stage: Stage) -> None:
    origin = stage.simulator.origins.app
    stage.control("strict", headers=True)
    right = {
        "accept": EVERYTHING,
        "origin": origin,
        "referer": f"{origin}/",
        "sec-fetch-dest": "empty",
        "sec-fetch-mode": "cors",
        "sec-fetch-site": "same-origin",
    }

    def status(**changed: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in changed.items()}
        headers = {"x-request-id": f"webapp-{uuid.uuid4()}", **right, **sent}
        return stage.post(ME, **{name: value for name, value in headers.items() if value}).status_code

    assert status() == 200
    for name in right:
        assert status(**{name: "other"}) == 403, name
    for name in right:
        # The client itself says what it accepts when nobody else does.
        assert status(**{name: ""}) == 403, name
    assert status(upgrade_insecure_requests="1") == 403
    assert status(sec_fetch_user="?1") == 403
    assert status(x_request_id=str(uuid.uuid4())) == 403
    assert status(x_request_id=f"webapp-{uuid.uuid1()}") == 403
    once = f"webapp-{uuid.uuid4()}"
    assert [status(x_request_id=once), status(x_request_id=once)] == [200, 403]


def test_strict_pacing_refuses_what_comes_too_soon(stage: Stage) -> None:
    now = [100.0]
    stage.simulator.site.switchboard.stopwatch = lambda: now[0]
    stage.control("strict", pacing=True)
    assert stage.post(ME).status_code == 200
    now[0] += 1.49
    early = stage.post(ME)
    assert (early.status_code, early.headers["retry-after"]) == (429, "2")
    other = stage.control("tokens/issue").json()["access_token"]
    assert stage.post(ME, authorization=f"Bearer {other}").status_code == 200
    now[0] += 1.5
    assert stage.post(ME).status_code == 200


def test_record_has_every_request_without_its_secrets(stage: Stage) -> None:
    stage.post("query Q($o: ID!) { organization(id: $o) { id } }", {"o": id_of(1)})
    stage.refresh(refresh_token="v1.secret")
    record = stage.app.get("/_control/requests").json()["requests"]
    assert [(one["method"], one["path"], one["operation"]) for one in record] == [
        ("POST", "/api/graphql", "Q"),
        ("POST", "/oauth/token", "oauth/token"),
    ]
    assert record[0]["variables"] == {"o": id_of(1)}
    assert record[0]["at"] == "2025-01-15T16:00:00+00:00"
    assert record[0]["headers"]["authorization"] == "Bearer ***"
    assert stage.token not in json.dumps(record)
    assert "v1.secret" not in json.dumps(record)


async def test_controls_are_for_this_machine_only() -> None:
    simulator = Simulator()
    for client, status in (
        (("127.0.0.1", 1), 200),
        (("::1", 1), 200),
        (("192.0.2.7", 1), 403),
        (("somewhere", 1), 403),
    ):
        transport = httpx2.ASGITransport(simulator.application, client=client)
        async with httpx2.AsyncClient(transport=transport, base_url="http://app.test") as caller:
            assert (await caller.get("/_control/requests")).status_code == status, client
            assert (await caller.post("/_control/reset", json={})).status_code == status, client
    transport = httpx2.ASGITransport(simulator.application)
    async with httpx2.AsyncClient(transport=transport, base_url="http://app.test") as caller:
        form = {"origin": "https://elsewhere.test", "content-type": "text/plain"}
        assert (await caller.post("/_control/reset", content=b"{}", headers=form)).status_code == 403


async def test_in_one_process_it_answers_without_a_socket() -> None:
    simulator = Simulator()
    transport = httpx2.ASGITransport(simulator.application)
    headers = {"authorization": f"Bearer {simulator.site.tokens.issue_access(id_of(3))}"}
    async with httpx2.AsyncClient(transport=transport, base_url=simulator.origins.app, headers=headers) as caller:
        assert (await caller.post("/api/graphql", json={"query": ME})).json() == {"data": {"me": {"id": id_of(3)}}}
        simulator.site.switchboard.add({"kind": "drop_before"})
        with pytest.raises(ConnectionResetError):
            await caller.post("/api/graphql", json={"query": ME})


@pytest.mark.parametrize(
    "body", [{"set": "2025-01-14T00:00:00+00:00"}, {"set": "soon"}, {"advance": {"days": -1}}, {"pace": -1}]
)
def test_clock_goes_forward_only(stage: Stage, body: dict) -> None:
    assert stage.app.post("/_control/clock", json=body).status_code == 422
    assert stage.control("clock").json() == {"now": "2025-01-15T16:00:00+00:00"}


def part(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
