from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bursar.transport import errors
from bursar.transport.client import HttpClient
from bursar.transport.retry import NEVER_REPEAT, RetryPolicy, parse_retry_after

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
async def client(server, still) -> AsyncIterator[HttpClient]:
    async with HttpClient(server.url, timing=still.timing) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "error_class", "attempts"),
    [
        (400, errors.RequestRejectedError, 1),
        (401, errors.CredentialsRejectedError, 1),
        (403, errors.AccessDeniedError, 1),
        (404, errors.NotFoundError, 1),
        (408, errors.UnavailableError, 3),
        (409, errors.RequestRejectedError, 1),
        (422, errors.RequestRejectedError, 1),
        (425, errors.UnavailableError, 3),
        (429, errors.RateLimitedError, 3),
        (500, errors.UnavailableError, 3),
        (501, errors.UnavailableError, 1),
        (502, errors.UnavailableError, 3),
        (503, errors.UnavailableError, 3),
        (504, errors.UnavailableError, 3),
        (301, errors.UnexpectedPayloadError, 1),
        (304, errors.UnexpectedPayloadError, 1),
    ],
)
async def test_status_gives_its_error_and_number_of_attempts(
    client, server, reply, status, error_class, attempts
) -> None:
    server.script = [reply(status, b"" if status == 304 else b"{}")]
    with pytest.raises(errors.TransportError) as caught:
        await client.send("GET", "/x")
    assert type(caught.value) is error_class
    assert caught.value.status == status
    assert caught.value.attempts == attempts == len(server.requests)


async def test_server_recovers_and_the_answer_is_returned(client, server, reply, still) -> None:
    server.script = [reply(503), reply(502), reply(200, b'{"n": 1}')]
    answer = await client.send("GET", "/x")
    assert (answer.body, answer.attempts) == (b'{"n": 1}', 3)
    assert still.slept == [0.5, 1.0]


async def test_post_is_not_repeated_after_it_was_sent(client, server, reply) -> None:
    server.script = [reply(503)]
    with pytest.raises(errors.UnavailableError):
        await client.send("POST", "/x", json_body={})
    assert len(server.requests) == 1


async def test_post_with_a_key_is_repeated_with_the_same_key(client, server, reply) -> None:
    server.script = [reply(503), reply(500), reply()]
    await client.send("POST", "/x", json_body={}, idempotency_key="k-1")
    assert [request.headers["idempotency-key"] for request in server.requests] == ["k-1"] * 3


async def test_post_is_repeated_only_when_the_provider_did_nothing(client, server, reply) -> None:
    server.script = [reply(429), reply(503), reply()]
    with pytest.raises(errors.UnavailableError):
        await client.send("POST", "/x", json_body={}, retry=RetryPolicy(refused_statuses=frozenset({429})))
    assert len(server.requests) == 2


async def test_named_secret_never_comes_back(client, server, reply) -> None:
    server.script = [reply(400, b'{"connection_id": "canary-7"}')]
    with pytest.raises(errors.RequestRejectedError) as caught:
        await client.send("POST", "/x", json_body={"connection_id": "canary-7"}, secrets=frozenset({"canary-7"}))
    assert "canary" not in caught.value.body_excerpt


async def test_post_declared_harmless_is_repeated(client, server, reply) -> None:
    server.script = [reply(raw=b""), reply()]
    await client.send("POST", "/x", json_body={}, idempotent=True)
    assert len(server.requests) == 2


@pytest.mark.parametrize("failure", [{"status": 503}, {"status": 429}, {"raw": b""}, {"raw": b"HTTP/1.1 200"}])
async def test_single_use_code_is_never_sent_twice(client, server, reply, failure) -> None:
    server.script = [reply(**failure), reply()]
    with pytest.raises(errors.TransportError):
        await client.send("POST", "/token", json_body={"code": "single-use"}, idempotent=True, retry=NEVER_REPEAT)
    assert len(server.requests) == 1


async def test_refused_connection_is_repeated_even_for_a_post(server, still) -> None:
    await server.stop()
    async with HttpClient(server.url, timing=still.timing) as client:
        with pytest.raises(errors.ConnectionFailedError) as caught:
            await client.send("POST", "/x", json_body={})
    assert caught.value.attempts == 3
    assert caught.value.status is None


@pytest.mark.parametrize(
    ("header", "slept"),
    [
        ("3", [3.0, 3.0]),
        ("0", [0.0, 0.0]),
        ("-5", [0.5, 1.0]),
        ("soon", [0.5, 1.0]),
        ("nan", [0.5, 1.0]),
        (None, [0.5, 1.0]),
        ("Sat, 21 Nov 2026 12:00:04 GMT", [4.0, 0.0]),
        ("Sat, 21 Nov 2026 11:00:00 GMT", [0.0, 0.0]),
    ],
)
async def test_retry_after_decides_the_wait(client, server, reply, still, header, slept) -> None:
    server.script = [reply(429, headers={"retry-after": header} if header is not None else {})]
    with pytest.raises(errors.RateLimitedError):
        await client.send("GET", "/x")
    assert still.slept == slept


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("3600", timedelta(hours=1)),
        ("Sat, 21 Nov 2026 13:00:00 GMT", timedelta(hours=1)),
        ("99999999999999999999", timedelta(days=7)),
        ("inf", timedelta(days=7)),
    ],
)
async def test_wait_above_the_cap_is_told_instead_of_slept(client, server, reply, still, header, wait) -> None:
    server.script = [reply(429, headers={"retry-after": header})]
    with pytest.raises(errors.RateLimitedError) as caught:
        await client.send("GET", "/x")
    assert caught.value.retry_at == NOW + wait
    assert (still.slept, len(server.requests)) == ([], 1)


async def test_unstated_rate_limit_uses_the_known_window(client, server, reply, still) -> None:
    server.script = [reply(429)]
    with pytest.raises(errors.RateLimitedError) as caught:
        await client.send("GET", "/x", retry=RetryPolicy(rate_limit_wait_s=60.0))
    assert caught.value.retry_at == NOW + timedelta(seconds=60)
    assert still.slept == []


async def test_budget_ends_the_repetitions(client, server, reply, still) -> None:
    server.script = [reply(503, headers={"retry-after": "10"})]
    with pytest.raises(errors.UnavailableError):
        await client.send("GET", "/x", retry=RetryPolicy(retries=9, budget_s=25.0))
    assert still.slept == [10.0, 10.0]


async def test_jitter_shortens_the_backoff_but_never_to_nothing(client, server, reply, still) -> None:
    server.script = [reply(500)]
    still.dice = 0.999
    with pytest.raises(errors.UnavailableError):
        await client.send("GET", "/x")
    assert all(0 < seconds < 0.01 for seconds in still.slept)


async def test_html_refusal_of_a_firewall_is_an_outage(client, server, reply) -> None:
    server.script = [reply(403, b"<html>Attention Required</html>", {"content-type": "text/html"})]
    with pytest.raises(errors.UnavailableError) as caught:
        await client.send("GET", "/x")
    assert caught.value.attempts == 3


@pytest.mark.parametrize("header", ["", "Thu, 99 Foo 2026", "1,5", "--1"])
def test_unreadable_retry_after_counts_as_absent(header) -> None:
    assert parse_retry_after({"retry-after": header}, NOW) is None
