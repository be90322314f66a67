"""Is a token asked for once, used as long as it is good, and never twice after it was refused?"""

import asyncio
import gc

import pytest

from bursar.providers.flanks import (
    FlanksAuthError,
    FlanksNetworkError,
    FlanksResponseError,
    FlanksServerError,
    MemoryTokenCache,
)

ENTITIES = "/v0/bank/available"


async def test_two_hundred_cold_calls_ask_for_one_token(client, wire) -> None:
    wire.say(ENTITIES, [])
    await asyncio.gather(*(client.entities.list() for _ in range(200)))
    assert wire.token_count == 1
    assert wire.count(ENTITIES) == 200
    assert wire.last("/v0/token").body == {
        "client_id": "client-id-1",
        "client_secret": "canary-client-secret",
        "grant_type": "client_credentials",
    }
    assert "authorization" not in wire.last("/v0/token").headers
    assert wire.last(ENTITIES).headers["authorization"] == "Bearer tok_secret_1"


async def test_nothing_is_sent_before_the_first_call(client, wire) -> None:
    assert client.connect is client.connect
    assert client.transport is client.transport
    assert wire.asked == []


@pytest.mark.parametrize(
    ("expires_in", "passed_s", "tokens"),
    [(3600, 3299, 1), (3600, 3301, 2), (120, 59, 1), (120, 61, 2), (None, 3299, 1), (None, 3301, 2)],
)
async def test_token_is_renewed_before_it_ends(client, wire, still, expires_in, passed_s, tokens) -> None:
    wire.expires_in = expires_in
    wire.say(ENTITIES, [])
    await client.entities.list()
    still.passed_s += passed_s
    await client.entities.list()
    assert wire.token_count == tokens


@pytest.mark.parametrize("shift_s", [-86_400, 86_400])
async def test_changed_wall_clock_neither_keeps_nor_drops_a_token(client, wire, still, shift_s) -> None:
    wire.say(ENTITIES, [])
    await client.entities.list()
    still.wall_shift_s = shift_s
    await client.entities.list()
    assert wire.token_count == 1
    still.passed_s += 3500
    await client.entities.list()
    assert wire.token_count == 2


async def test_token_s_end_is_told_by_the_wall_clock(client, wire, still) -> None:
    assert client.transport._token_expires_at == 0
    wire.say(ENTITIES, [])
    await client.entities.list()
    assert client.transport._token_expires_at == still.now().timestamp() + 3600


async def test_refused_token_is_renewed_once_by_all_who_hold_it(client, wire, said) -> None:
    def only_second(asked):
        return [] if asked.headers["authorization"] == "Bearer tok_secret_2" else said(401, {"error": "Invalid"})

    wire.say(ENTITIES, only_second)
    await asyncio.gather(*(client.entities.list() for _ in range(50)))
    assert wire.token_count == 2


async def test_second_refusal_is_raised(client, wire, said) -> None:
    wire.say(ENTITIES, said(401, {"error": "Invalid credentials"}))
    with pytest.raises(FlanksAuthError) as caught:
        await client.entities.list()
    assert (caught.value.status_code, wire.count(ENTITIES), wire.token_count) == (401, 2, 2)


async def test_refusal_between_outages_takes_nothing_from_the_retries(make_client, wire, said) -> None:
    wire.say(ENTITIES, said(503), said(401), said(503), [{"id": "x"}])
    entities = await make_client(retries=2).entities.list()
    assert [one.id for one in entities] == ["x"]


async def test_token_that_ends_during_a_long_wait_is_renewed_before_the_next_attempt(make_client, wire, said) -> None:
    wire.expires_in = 40
    wire.say(ENTITIES, said(503), [])
    await make_client(retries=1, retry_backoff=50.0).entities.list()
    assert wire.token_count == 2


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_wrong_credentials_are_an_authentication_error(client, wire, said, status) -> None:
    wire.say("/v0/token", said(status, {"error": "access_denied"}))
    with pytest.raises(FlanksAuthError) as caught:
        await client.entities.list()
    assert str(caught.value) == "Invalid client credentials"
    assert caught.value.status_code == status
    assert wire.count("/v0/token") == 1


async def test_failing_token_endpoint_is_asked_again_and_told_as_it_is(make_client, wire, said) -> None:
    wire.say("/v0/token", said(502, b"<html>bad gateway</html>"))
    with pytest.raises(FlanksServerError):
        await make_client(retries=2).entities.list()
    assert wire.count("/v0/token") == 3


async def test_failed_renewal_reaches_every_waiter_once(client, wire, said) -> None:
    wire.say("/v0/token", said(403, {"error": "access_denied"}, delay_s=0.05))
    outcomes = await asyncio.gather(*(client.entities.list() for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in outcomes} == {FlanksAuthError}
    assert wire.count("/v0/token") == 1


@pytest.mark.parametrize(
    "body", [b"<html></html>", b"", [], {"token": "x"}, {"access_token": ""}, {"access_token": "x", "expires_in": 0}]
)
async def test_token_answer_of_another_shape_is_a_response_error(client, wire, said, body) -> None:
    wire.say("/v0/token", said(200, body))
    with pytest.raises(FlanksResponseError):
        await client.entities.list()


async def test_token_never_stands_in_the_error_about_its_answer(client, wire, said) -> None:
    wire.say("/v0/token", said(200, {"access_token": "tok-canary-1", "expires_in": "soon"}))
    with pytest.raises(FlanksResponseError) as caught:
        await client.entities.list()
    assert "tok-canary-1" not in f"{caught.value!r} {caught.value.response_body} {caught.value.headers}"


async def test_cancelled_first_caller_does_not_cancel_the_others(client, wire, said) -> None:
    wire.say("/v0/token", said(200, {"access_token": "tok", "expires_in": 3600}, delay_s=0.1))
    wire.say(ENTITIES, [])
    first = asyncio.create_task(client.entities.list())
    await asyncio.sleep(0.02)
    second = asyncio.create_task(client.entities.list())
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second == []
    assert wire.count("/v0/token") == 1


async def test_unreachable_token_endpoint_is_a_network_error(make_client) -> None:
    with pytest.raises(FlanksNetworkError) as caught:
        await make_client(base_url="http://127.0.0.1:1").entities.list()
    assert caught.value.kind == "connect"


async def test_shared_cache_saves_the_second_client_its_token(make_client, wire) -> None:
    wire.say(ENTITIES, [])
    cache = MemoryTokenCache()
    await make_client(token_cache=cache).entities.list()
    await make_client(token_cache=cache).entities.list()
    assert wire.token_count == 1
    assert "tok_secret_1" not in repr(cache)


async def test_refused_token_is_not_taken_from_the_cache_again(make_client, wire, said) -> None:
    cache = MemoryTokenCache()
    wire.say(ENTITIES, [])
    await make_client(token_cache=cache).entities.list()
    wire.say(ENTITIES, said(401), [])
    await make_client(token_cache=cache).entities.list()
    assert wire.token_count == 2


def test_one_client_serves_two_event_loops_and_leaves_no_socket_open(simulate) -> None:
    with simulate() as flanks:
        client = flanks.client()
        first = asyncio.run(client.entities.list())
        assert asyncio.run(client.entities.list()) == first
        asyncio.run(client.close())
        # An unclosed socket would be a warning now, and warnings are errors here.
        gc.collect()
