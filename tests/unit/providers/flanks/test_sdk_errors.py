"""Is every failure one typed error that says what happened and holds no secret?"""

import copy
import logging
import pickle
import traceback

import httpx2
import pytest

from bursar.providers.flanks import (
    FlanksAPIError,
    FlanksAuthError,
    FlanksClient,
    FlanksConfigError,
    FlanksConnection,
    FlanksError,
    FlanksNetworkError,
    FlanksNotFoundError,
    FlanksPermissionError,
    FlanksRateLimitError,
    FlanksResponseError,
    FlanksServerError,
    FlanksValidationError,
)

ENTITIES = "/v0/bank/available"


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (400, FlanksValidationError),
        (422, FlanksValidationError),
        (403, FlanksPermissionError),
        (404, FlanksNotFoundError),
        (405, FlanksAPIError),
        (409, FlanksAPIError),
        (418, FlanksAPIError),
        (429, FlanksRateLimitError),
        (301, FlanksAPIError),
        (307, FlanksAPIError),
        (500, FlanksServerError),
        (501, FlanksServerError),
        (503, FlanksServerError),
        (599, FlanksServerError),
    ],
)
@pytest.mark.parametrize("body", [{"error": "Some words"}, b"<html>gateway</html>", b"", [1]])
async def test_status_is_its_error_whatever_the_body(make_client, wire, said, status, error_class, body) -> None:
    wire.say(ENTITIES, said(status, body, {"location": "http://127.0.0.1:1/"}))
    with pytest.raises(FlanksAPIError) as caught:
        await make_client(retries=0).entities.list()
    error = caught.value
    assert type(error) is error_class
    assert error.status_code == status
    assert error.response_body == (body if not isinstance(body, bytes) else body.decode() or None)
    assert str(status) in str(error)
    assert error.request == f"GET {ENTITIES}"
    assert isinstance(error, FlanksError)


async def test_both_envelopes_are_understood(client, wire, said) -> None:
    details = [{"error_type": "missing", "field": "query"}]
    wire.say(
        "/a",
        said(400, {"success": False, "error": {"code": "ValidationError", "details": details}, "trace_id": "5f0c"}),
        said(400, {"error": "Data not available yet", "code": "DATA_PENDING"}),
    )
    with pytest.raises(FlanksValidationError) as first:
        await client.transport.api_call("/a", {})
    error = first.value
    assert (error.code, error.details, error.trace_id) == ("ValidationError", tuple(details), "5f0c")
    with pytest.raises(FlanksValidationError) as second:
        await client.transport.api_call("/a", {})
    assert (second.value.code, second.value.details) == ("DATA_PENDING", ())


async def test_success_false_is_an_error_in_spite_of_the_status(client, wire) -> None:
    wire.say("/a", {"success": False, "error": {"code": "UNAUTHENTICATED"}, "trace_id": "t"})
    with pytest.raises(FlanksAuthError) as caught:
        await client.transport.api_call("/a", {})
    assert (caught.value.status_code, caught.value.code) == (200, "UNAUTHENTICATED")


async def test_redirect_is_not_followed_and_carries_no_token_away(client, wire, said) -> None:
    wire.say("/a", said(307, b"", {"location": "/stolen"}))
    with pytest.raises(FlanksAPIError):
        await client.transport.api_call("/a", {})
    assert wire.count("/stolen") == 0


async def test_empty_answer_is_no_data(client, wire, said) -> None:
    wire.say("/a", said(204, b""))
    assert await client.transport.api_call("/a", {}) is None


@pytest.mark.parametrize("body", [b"<html></html>", b'{"items": [', b"\xff\xfe", b"NaN", b'{"a": 1e400}'])
async def test_unreadable_success_is_a_response_error(client, wire, said, body) -> None:
    wire.say("/a", said(200, body))
    with pytest.raises(FlanksResponseError) as caught:
        await client.transport.api_call("/a", {})
    assert caught.value.status_code == 200


@pytest.mark.parametrize("body", [b"", {}, [], "text", 7, None, {"items": None}, {"items": {}}])
async def test_page_without_a_listing_is_an_error_and_never_an_empty_one(client, wire, said, body) -> None:
    wire.say("/connect/v2/sessions/list-sessions", said(200, body))
    with pytest.raises(FlanksResponseError):
        [session async for session in client.connect.list_sessions()]


async def test_network_failure_is_wrapped_with_its_cause(make_client, wire, said) -> None:
    wire.say("/a", said(cut=True))
    with pytest.raises(FlanksNetworkError) as caught:
        await make_client(retries=0).transport.api_call("/a", {})
    assert caught.value.kind == "network"
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert not isinstance(caught.value, FlanksAPIError)


async def test_slow_answer_is_a_timeout(make_client, wire, said) -> None:
    wire.say("/a", said(200, {}, delay_s=5))
    client = make_client(retries=0)
    with pytest.raises(FlanksNetworkError) as caught:
        await client.transport.api_call("/a", {}, timeout=0.05)
    assert caught.value.kind == "timeout"
    assert isinstance(caught.value.__cause__, TimeoutError)


async def test_deadline_ends_a_call_with_all_its_attempts(make_client, wire, said) -> None:
    wire.say("/a", said(200, {}, delay_s=5))
    with pytest.raises(FlanksNetworkError) as caught:
        await make_client(deadline=0.1).transport.api_call("/a", {})
    assert caught.value.kind == "timeout"


def test_errors_have_the_shape_of_the_design() -> None:
    error = FlanksAPIError("message", 400, {"a": 1})
    assert (str(error), error.status_code, error.response_body) == ("message", 400, {"a": 1})
    assert FlanksAPIError("message").status_code is None
    cause = OSError("x")
    assert FlanksNetworkError("message", cause).__cause__ is cause
    assert FlanksNetworkError("message").__cause__ is None
    assert issubclass(FlanksConfigError, FlanksError)
    assert issubclass(FlanksPermissionError, FlanksAuthError)


async def test_error_survives_pickling_and_copying(make_client, wire, said) -> None:
    wire.say(ENTITIES, said(429, {"error": "Too many requests"}, {"retry-after": "7200"}))
    with pytest.raises(FlanksRateLimitError) as caught:
        await make_client().entities.list()
    for twin in (pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value), copy.copy(caught.value)):
        assert str(twin) == str(caught.value)
        assert (twin.status_code, twin.response_body, twin.retry_after) == (429, {"error": "Too many requests"}, 7200)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
async def test_no_secret_is_in_errors_logs_or_pickles(make_client, wire, said, caplog, status) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(asked):
        text = f"{asked.content.decode()} {asked.headers.get('authorization')}".replace('"', "'")
        return said(status, {"error": text, "code": text, "trace_id": text}, {"x-echo": text.replace("\n", " ")})

    client = make_client(retries=0)
    for path, call in (
        ("/v0/bank/credentials/status", client.credentials.get_status("canary-credentials-token")),
        ("/v0/platform/link", client.links.exchange_code("canary-link-code")),
        (
            "/connect/v2/sessions/create-session",
            client.connect.create_session({"connector_id": "x", "connection_id": "canary-connection"}),
        ),
    ):
        wire.say(path, echo)
        with pytest.raises(FlanksError) as caught:
            await call
        error = caught.value
        told = (
            f"{error!r} {error} {error.__dict__} {pickle.dumps(error)!r} {''.join(traceback.format_exception(error))}"
        )
        assert "canary" not in told
        assert "tok_secret" not in told
    # The HTTP library's own trace tells the headers of answers; what is ours tells nothing of them.
    logged = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("bursar"))
    assert logged
    assert "canary" not in logged
    assert "tok_secret" not in logged


def test_no_secret_is_in_the_client_and_it_is_not_pickled() -> None:
    client = FlanksClient("id-1", "canary-secret")
    for one in (client, client.transport):
        assert "canary" not in f"{one!r} {one}"
        with pytest.raises(TypeError):
            pickle.dumps(one)
    assert "canary" not in repr(client.transport.settings)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"retries": -1}, "retries"),
        ({"retries": True}, "retries"),
        ({"retries": 1.5}, "retries"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"retry_backoff": -1}, "retry_backoff"),
        ({"deadline": 0}, "deadline"),
        ({"headers": {"X": "\n"}}, "headers"),
        ({"http_client": object()}, "http_client"),
        ({"version": "2026"}, "version"),
        ({"version": None}, "version"),
        ({"base_url": "api.flanks.io"}, "base_url"),
        ({"base_url": "http://api.flanks.io"}, "base_url"),
        ({"base_url": "https://user:pass@api.flanks.io"}, "base_url"),
        ({"base_url": "https://api.flanks.io?x=1"}, "base_url"),
        ({"base_url": None}, "base_url"),
        ({"base_url": "https://api flanks.io"}, "base_url"),
        ({"base_url": "https://[::1"}, "base_url"),
        ({"base_url": "https://api.flanks.io:99999"}, "base_url"),
        ({"token_cache": {}}, "token_cache"),
        ({"on_request": print}, "on_request"),
        ({"on_response": [5]}, "on_response"),
        ({"jitter": "no"}, "jitter"),
    ],
)
def test_wrong_setting_is_refused_by_its_name(options, named) -> None:
    with pytest.raises(FlanksConfigError, match=f"^{named}:"):
        FlanksClient("id", "secret", **options)


def test_credentials_come_from_arguments_then_from_the_environment(monkeypatch) -> None:
    monkeypatch.delenv("FLANKS_CLIENT_ID", raising=False)
    monkeypatch.delenv("FLANKS_CLIENT_SECRET", raising=False)
    with pytest.raises(FlanksConfigError, match=r"FLANKS_CLIENT_ID.*FLANKS_CLIENT_SECRET"):
        FlanksClient()
    with pytest.raises(FlanksConfigError, match=r"\(client_secret\)"):
        FlanksClient("id")
    with pytest.raises(FlanksConfigError):
        FlanksClient("", "")
    monkeypatch.setenv("FLANKS_CLIENT_ID", "env-id")
    monkeypatch.setenv("FLANKS_CLIENT_SECRET", "env-secret")
    assert FlanksClient().transport.settings.client_id == "env-id"
    assert FlanksClient("explicit").transport.settings.client_id == "explicit"


@pytest.mark.parametrize("bad", ["", " ", "\n", 5, b"canary", None, ["canary"]])
@pytest.mark.parametrize("named", ["client_id", "client_secret"])
def test_credential_that_is_no_text_is_refused_without_being_told(bad, named, monkeypatch) -> None:
    for name in ("FLANKS_CLIENT_ID", "FLANKS_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    given = {"client_id": "i", "client_secret": "s"} | {named: bad}
    with pytest.raises(FlanksConfigError, match=f"^{named}:") as caught:
        FlanksConnection(**given)
    with pytest.raises(FlanksConfigError, match=named):
        FlanksClient(**given)
    assert "canary" not in str(caught.value)


async def test_closed_client_says_so_and_closes_again() -> None:
    client = FlanksClient("id", "secret")
    await client.close()
    await client.close()
    with pytest.raises(FlanksConfigError, match="closed"):
        await client.entities.list()


async def test_context_manager_returns_the_client_and_closes_it() -> None:
    async with FlanksClient("id", "secret") as client:
        assert isinstance(client.transport, FlanksConnection)
    assert client.transport.is_closed


async def test_injected_client_is_used_and_stays_open(wire) -> None:
    wire.say(ENTITIES, [])
    async with httpx2.AsyncClient() as http:
        async with FlanksClient("id", "secret", base_url=wire.url, http_client=http) as client:
            await client.entities.list()
        assert not http.is_closed


def test_version_chooses_the_aggregation() -> None:
    assert FlanksClient("i", "s").aggregation.__class__.__name__ == "AggregationV2Client"
    assert FlanksClient("i", "s", version="2025-12-31").aggregation.__class__.__name__ == "AggregationV1Client"
    assert FlanksClient("i", "s", version="2026-01-01").aggregation.__class__.__name__ == "AggregationV2Client"
