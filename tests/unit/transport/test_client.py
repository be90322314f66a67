import asyncio
import gzip
import logging
import time

import httpx2
import msgspec
import pytest

from bursar.transport import errors
from bursar.transport.auth import HeaderAuth
from bursar.transport.client import Exchange, HttpClient, Timeouts
from bursar.transport.ratelimit import RateLimiter
from bursar.transport.redaction import Secret


class Envelope(msgspec.Struct):
    ok: bool


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Down for maintenance</html>", "page"),
        (b"", "empty"),
        (b'{"ok": tr', "truncated"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field `ok`"),
        (b'{"ok": NaN}', "not JSON"),
        (b'{"ok": true} trailing', "not JSON"),
    ],
)
async def test_answer_that_breaks_the_contract_is_an_error(server, reply, body, words) -> None:
    server.script = [reply(200, body)]
    async with HttpClient(server.url) as client:
        response = await client.send("GET", "/x")
        with pytest.raises(errors.UnexpectedPayloadError, match=words) as caught:
            client.decode(response, Envelope)
    assert caught.value.status == 200
    assert caught.value.__context__ is None


async def test_truncated_stream_is_no_answer(server, reply, still) -> None:
    server.script = [reply(raw=b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"ok"')]
    async with HttpClient(server.url, timing=still.timing) as client:
        with pytest.raises(errors.ConnectionFailedError):
            await client.send("GET", "/x")
    assert len(server.requests) == 3


async def test_broken_compression_is_a_payload_error(server, reply) -> None:
    server.script = [reply(200, b"not gzip at all", {"content-encoding": "gzip"})]
    async with HttpClient(server.url) as client:
        with pytest.raises(errors.UnexpectedPayloadError):
            await client.send("GET", "/x")


async def test_compressed_answer_over_the_limit_is_refused(server, reply) -> None:
    server.script = [reply(200, gzip.compress(b" " * 1_000_000), {"content-encoding": "gzip"})]
    async with HttpClient(server.url, max_body_bytes=10_000) as client:
        with pytest.raises(errors.UnexpectedPayloadError, match="larger than allowed"):
            await client.send("GET", "/x")
    assert len(server.requests) == 1


async def test_redirect_sends_credentials_nowhere(server, reply) -> None:
    seen: list[str] = []

    async def other_host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readline()).decode())
        writer.close()

    elsewhere = await asyncio.start_server(other_host, "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    server.script = [reply(307, b"", {"location": f"http://127.0.0.1:{port}/steal"})]
    auth = HeaderAuth({"X-Key": Secret("canary-key-1")})
    async with HttpClient(server.url, auth=auth) as client:
        with pytest.raises(errors.UnexpectedPayloadError, match="not followed"):
            await client.send("POST", "/x", json_body={})
    elsewhere.close()
    assert seen == []
    assert len(server.requests) == 1


async def test_hundred_calls_share_one_pool(server) -> None:
    async with HttpClient(server.url) as client:
        for _ in range(100):
            await client.send("GET", "/x")
    assert (len(server.requests), server.connections) == (100, 1)


async def test_closed_client_refuses_and_closes_its_connections(server) -> None:
    client = HttpClient(server.url)
    await client.send("GET", "/x")
    await client.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await client.send("GET", "/x")


async def test_cancelled_call_ends_at_once_and_leaves_the_pool_usable(server, reply) -> None:
    server.script = [reply(delay_s=30), reply()]
    async with HttpClient(server.url) as client:
        call = asyncio.create_task(client.send("GET", "/slow"))
        await server.was_asked.wait()
        started = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        # Generous against a busy machine; a client that waits for the answer would take 30 s.
        assert time.monotonic() - started < 2
        assert (await client.send("GET", "/x")).status == 200


async def test_silent_server_is_a_timeout_for_each_attempt(server, reply, still) -> None:
    server.script = [reply(delay_s=30)]
    async with HttpClient(server.url, timing=still.timing) as client:
        with pytest.raises(errors.RequestTimeoutError) as caught:
            await client.send("GET", "/x", read_timeout_s=0.05)
    assert caught.value.attempts == 3


async def test_deadline_holds_over_all_attempts(server, reply) -> None:
    server.script = [reply(delay_s=30)]
    async with HttpClient(server.url, timeouts=Timeouts(total_s=0.1)) as client:
        with pytest.raises(errors.RequestTimeoutError, match="in all"):
            await client.send("GET", "/x")


async def test_cookies_of_one_answer_do_not_travel_with_the_next_request(server, reply) -> None:
    server.script = [reply(headers={"set-cookie": "session=abc; Path=/"})]
    async with HttpClient(server.url) as client:
        await client.send("GET", "/x")
        await client.send("GET", "/x")
    assert "cookie" not in server.requests[1].headers


async def test_injected_client_is_used_and_stays_open(server) -> None:
    async with httpx2.AsyncClient(headers={"x-mine": "1"}) as mine:
        async with HttpClient(server.url, client=mine) as client:
            await client.send("GET", "/x")
        assert not mine.is_closed
    assert server.requests[0].headers["x-mine"] == "1"


def test_injected_client_of_another_library_is_refused() -> None:
    with pytest.raises(TypeError, match="httpx"):
        HttpClient("http://127.0.0.1", client=object())  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com", "https://u:p@example.com", "https://e.com/?k=1"])
def test_unusable_base_address_is_refused(url) -> None:
    with pytest.raises(ValueError, match="base_url"):
        HttpClient(url)


async def test_path_prefix_of_the_base_address_is_kept(server) -> None:
    async with HttpClient(f"{server.url}/plaid/") as client:
        await client.send("GET", "/accounts", params={"q": "a b"})
    assert server.requests[0].target == "/plaid/accounts?q=a+b"


async def test_hooks_see_each_attempt_without_secrets(server, reply, still) -> None:
    events: list[Exchange] = []
    server.script = [reply(503), reply()]
    async with HttpClient(
        server.url, name="acme", timing=still.timing, on_request=[events.append], on_response=[events.append]
    ) as client:
        await client.send("GET", "/accounts/1234567890", params={"token": "t-canary"})
    assert [(event.attempt, event.status) for event in events] == [(1, None), (1, 503), (2, None), (2, 200)]
    assert events[0].path == "/accounts/****7890"
    assert "canary" not in repr(events)


async def test_limiter_is_asked_before_each_attempt(server, reply, still) -> None:
    server.script = [reply(500), reply()]
    limiter = RateLimiter(6.0, timing=still.timing)
    async with HttpClient(server.url, limiter=limiter, timing=still.timing) as client:
        await client.send("GET", "/x")
    assert still.slept == [0.5, 9.5]


CANARIES = ["canary-header-5f1c", "canary-body-9a2e", "canary-query-77d0"]


@pytest.mark.parametrize("status", [400, 401, 429, 500, 200])
async def test_credentials_echoed_by_the_server_stay_out_of_errors_and_logs(
    server, reply, still, status, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = ('{"message": "bad ' + " and ".join(CANARIES) + '", "note": "Bearer canary-header-5f1c"}').encode()
    server.script = [reply(status, echo)]
    auth = HeaderAuth({"X-Secret": Secret(CANARIES[0])})
    async with HttpClient(server.url, auth=auth, timing=still.timing) as client:
        with pytest.raises(errors.TransportError) as caught:
            response = await client.send(
                "POST", "/x", json_body={"access_token": CANARIES[1]}, params={"api_key": CANARIES[2]}
            )
            client.decode(response, Envelope)
    error = caught.value
    shown = f"{error!r} {error} {error.body_excerpt} {vars(error)} {client!r} {auth!r}"
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("bursar"))
    assert "bad ***" in error.body_excerpt
    assert not any(canary in shown or canary in ours for canary in CANARIES)


async def test_header_that_the_library_refuses_does_not_show_itself(server) -> None:
    auth = HeaderAuth({"X-Secret": Secret("canary\r\nsplit")})
    async with HttpClient(server.url, auth=auth) as client:
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await client.send("POST", "/x", json_body={})
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
