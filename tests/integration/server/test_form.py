"""The form of every answer: ids, errors, bodies, headers, paths."""

import json
import re
from pathlib import Path

import httpx2

from bursar.bootstrap import Platform
from bursar.server.app import create_app
from bursar.server.errors import CODES, TITLES
from bursar.server.openapi import render

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
MARK = "what-only-the-log-may-know"


def check_problem(answer: httpx2.Response, status: int, code: str) -> None:
    """Both readers of the body are served: the platform's, and any that knows problem details."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["error"]["code"] == code and body["error"]["message"]
    assert body["error"]["request_id"] == answer.headers["x-request-id"]
    assert isinstance(body["error"]["retryable"], bool)
    assert body["status"] == status and body["title"] and body["detail"]
    assert body["type"].endswith(code.replace("_", "-"))
    for detail in body["error"].get("details", []):
        assert set(detail) == {"field", "message", "code"}


BAD_BODIES = {
    b"{": "malformed_request",
    b'{"provider": "x"} {}': "malformed_request",
    b'{"provider": "x", "provider": "y"}': "malformed_request",
    b'{"provider": NaN}': "malformed_request",
    b'{"provider": "a\\u0000b"}': "malformed_request",
    b'{"provider": "\\ud800"}': "malformed_request",
    b'{"provider": "\xff"}': "malformed_request",
    b"[" * 40 + b"]" * 40: "malformed_request",
    b'{"options": ' + b'{"a":' * 40 + b"1" + b"}" * 41: "malformed_request",
    b"9" * 5000: "malformed_request",
    b'"' + b'\\"' * 500_000: "malformed_request",
    b"": "malformed_request",
    b"[]": "validation_error",
    b"null": "validation_error",
    b'{"provider": 1}': "validation_error",
    b'{"surprise": 1}': "validation_error",
    b'{"provider": "plaid", "redirect_uri": "http://evil.example/"}': "validation_error",
    b'{"provider": "plaid", "redirect_uri": "https://user:pw@bank.example/"}': "validation_error",
    b'{"provider": "plaid", "redirect_uri": "javascript:alert(1)"}': "validation_error",
    b'{"connection_id": "1"}': "validation_error",
    b'{"provider": "' + b"x" * 101 + b'"}': "validation_error",
    b'{"provider": "ofx_file"}': "validation_error",
}


async def test_body_that_two_readers_could_read_differently_is_refused(alice) -> None:
    for body, code in BAD_BODIES.items():
        answer = await alice.post("/connections", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), body[:60]
        check_problem(answer, 400, code)
    assert await alice.list("/connections") == []


async def test_size_and_type_of_a_body_are_checked(alice) -> None:
    large = json.dumps({"provider": "x" * 2 * 1024 * 1024}).encode()
    check_problem(
        await alice.post("/connections", content=large, headers={"Content-Type": "application/json"}),
        413,
        "payload_too_large",
    )
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
        answer = await alice.post("/connections", content=b"{}", headers={"Content-Type": media_type})
        check_problem(answer, 415, "unsupported_media_type")
    merged = {"Content-Type": "application/vnd.bursar+json; charset=utf-8"}
    answer = await alice.post("/connections", content=b'{"provider": "nobody"}', headers=merged)
    check_problem(answer, 404, "unknown_provider")


async def test_unknown_address_method_and_accept(alice, http) -> None:
    check_problem(await http.get("/api/v1/nothing"), 404, "not_found")
    check_problem(await http.get("/"), 404, "not_found")
    check_problem(await http.get("/docs"), 404, "not_found")
    wrong = await alice.call("PUT", "/connections")
    check_problem(wrong, 405, "method_not_allowed")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    check_problem(await alice.get("/accounts", headers={"Accept": "text/html"}), 406, "not_acceptable")
    assert (await alice.get("/accounts", headers={"Accept": "text/html, */*;q=0.1"})).status_code == 200


async def test_media_type_of_errors_is_negotiated_and_nothing_else(http) -> None:
    headers = {"X-Request-ID": "same-for-both"}
    plain = await http.get("/api/v1/accounts", headers=headers)
    problem = await http.get("/api/v1/accounts", headers=headers | {"Accept": "application/problem+json"})
    assert plain.headers["content-type"] == "application/json"
    assert problem.headers["content-type"] == "application/problem+json"
    assert plain.content == problem.content


async def test_request_id_that_is_not_safe_is_replaced(http) -> None:
    for sent in ("a\nb: c", "x" * 10_000, "short", "with space", None):
        headers = [] if sent is None else [(b"X-Request-ID", sent.encode())]
        for path in ("/api/v1/accounts", "/api/v1/health/live", "/nothing"):
            answer = await http.get(path, headers=headers)
            assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"]), sent


async def test_request_id_is_kept_on_every_answer(alice) -> None:
    headers = {"X-Request-ID": "trace.me_0-1"}
    answers = [
        await alice.get("/accounts", headers=headers),
        await alice.get("/accounts?page=0", headers=headers),
        await alice.get("/accounts/1", headers=headers),
        await alice.call("PATCH", "/accounts", headers=headers),
        await alice.post("/connections", headers=headers),
        await alice.get("/accounts", headers=headers | {"Authorization": ""}),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 404, 405, 415, 401]
    assert {answer.headers["x-request-id"] for answer in answers} == {"trace.me_0-1"}


async def test_crash_tells_the_caller_nothing_and_the_log_everything(platform: Platform, log_lines) -> None:
    app = create_app(platform)

    async def crash() -> None:
        raise RuntimeError(MARK)

    app.add_api_route("/api/v1/crash", crash)
    transport = httpx2.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
    async with httpx2.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get("/api/v1/crash?token=secret")
    check_problem(answer, 500, "server_error")
    assert MARK not in answer.text
    crashed, access = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert MARK in crashed["context"]["exception"]
    assert access["message"] == "request"
    context = access["context"]
    assert (context["status"], context["method"], context["endpoint"]) == (500, "GET", "/api/v1/crash")
    assert context["request_id"] == crashed["context"]["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in log_lines.getvalue()


async def test_access_line_names_the_route_and_the_caller_not_the_address(stocked, log_lines) -> None:
    (account,) = await stocked.list("/accounts")
    log_lines.truncate(0)
    log_lines.seek(0)
    await stocked.get(f"/accounts/{account['id']}/transactions/?q=coffee")
    (line,) = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    assert line["context"]["endpoint"] == "/api/v1/accounts/{account_id}/transactions"
    assert line["context"]["tenant_id"] == str(stocked.tenant_id)
    assert line["context"]["bytes"] > 100
    assert "coffee" not in log_lines.getvalue() and stocked.token not in log_lines.getvalue()


async def test_every_answer_has_the_headers_that_keep_browsers_careful(alice) -> None:
    for answer in (await alice.get("/accounts"), await alice.get("/nothing"), await alice.http.get("/api/v1/accounts")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["vary"] == "Authorization, Accept"
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_both_forms_of_a_path_answer_alike_without_redirects(stocked) -> None:
    (account,) = await stocked.list("/accounts")
    for path in ("/accounts", f"/accounts/{account['id']}", "/transactions", "/health/live", "/imports/formats"):
        plain, slashed = await stocked.get(path), await stocked.get(f"{path}/")
        assert plain.status_code == slashed.status_code == 200
        assert plain.content == slashed.content
        head = await stocked.call("HEAD", f"{path}/")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == plain.headers["content-length"]
        options = await stocked.call("OPTIONS", f"{path}/")
        assert options.status_code == 204
        assert "GET" in options.headers["allow"]
    assert (await stocked.post("/connections/", json={"provider": "nobody"})).status_code == 404
    assert (await stocked.call("DELETE", "/connections/1/")).status_code == 404


async def test_ready_says_no_when_the_database_is_gone(platform: Platform, alice, http, log_lines) -> None:
    assert (await http.get("/api/v1/health/ready")).json()["data"]["checks"] == {"database": "ok"}
    await platform.database.close()
    answer = await http.get("/api/v1/health/ready")
    check_problem(answer, 503, "retry")
    assert answer.headers["retry-after"] == "5"
    check_problem(await alice.get("/accounts"), 503, "retry")
    assert "the database does not answer" in log_lines.getvalue()
    assert (await http.get("/api/v1/health/live")).status_code == 200


def test_every_code_has_a_title() -> None:
    assert set(CODES.values()) <= set(TITLES)


def test_committed_description_is_that_of_the_code() -> None:
    """After a change: `python -m bursar.server.openapi docs/reference/openapi.json`, and review the difference."""
    assert (REFERENCE / "openapi.json").read_text(encoding="utf-8") == render()


def test_reference_page_names_every_route_and_code() -> None:
    page = (REFERENCE / "http-api.md").read_text(encoding="utf-8")
    document = json.loads(render())
    routes = [f"`{m.upper()} {p.removeprefix('/api/v1')}`" for p, ms in document["paths"].items() for m in ms]
    assert [route for route in routes if route not in page] == []
    assert [code for code in CODES if f"`{code}`" not in page] == []


NASTY = [
    "",
    "0",
    "-1",
    "1e400",
    "NaN",
    "null",
    "\x00",
    "\ud7ff\uffff",
    "%",
    "'; DROP TABLE accounts; --",
    "<b>",
    "x" * 5000,
]
NASTY += [
    "9" * 400,
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "a,b,,",
    "[]",
]


async def test_no_value_of_any_parameter_breaks_anything(stocked) -> None:
    tried: set[tuple[str, str]] = set()
    for path, methods in json.loads(render())["paths"].items():
        for each in methods.get("get", {}).get("parameters", []):
            known = (each["name"], path if each["name"] == "cursor" else "")
            if each["in"] != "query" or "{" in path or known in tried:
                continue
            tried.add(known)
            for value in NASTY:
                answer = await stocked.get(path.removeprefix("/api/v1"), params={each["name"]: value})
                assert answer.status_code in (200, 400), (path, each["name"], value, answer.text)
    assert len(tried) > 20
