import asyncio
from collections.abc import Callable

import pytest

from bursar.transport import errors
from bursar.transport.auth import BearerAuth, BearerToken
from bursar.transport.client import HttpClient
from bursar.transport.redaction import Secret


class TokenDesk:
    """Hands out numbered tokens and counts."""

    def __init__(self, expires_in_s: float | None = 3600.0) -> None:
        self.count = 0
        self.expires_in_s = expires_in_s
        self.failure: Exception | None = None

    async def fetch(self) -> BearerToken:
        self.count += 1
        await asyncio.sleep(0.01)
        if self.failure is not None:
            raise self.failure
        return BearerToken(Secret(f"token-{self.count}"), self.expires_in_s)


def only_accepts(reply, *tokens: str) -> Callable[..., object]:
    accepted = {f"Bearer {token}" for token in tokens}
    return lambda request: reply(200 if request.headers["authorization"] in accepted else 401)


async def test_two_hundred_cold_calls_make_one_token_request(server) -> None:
    desk = TokenDesk()
    async with HttpClient(server.url, auth=BearerAuth(desk.fetch)) as client:
        await asyncio.gather(*(client.send("GET", "/x") for _ in range(200)))
    assert desk.count == 1
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer token-1"}


async def test_refused_token_is_renewed_once_for_all_callers(server, reply) -> None:
    server.handler = only_accepts(reply, "token-2")
    desk = TokenDesk()
    async with HttpClient(server.url, auth=BearerAuth(desk.fetch)) as client:
        answers = await asyncio.gather(*(client.send("POST", "/x", json_body={}) for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    assert desk.count == 2


async def test_second_refusal_raises_after_exactly_one_renewal(server, reply) -> None:
    server.script = [reply(401)]
    desk = TokenDesk()
    async with HttpClient(server.url, auth=BearerAuth(desk.fetch)) as client:
        with pytest.raises(errors.CredentialsRejectedError) as caught:
            await client.send("GET", "/x")
    assert (desk.count, len(server.requests), caught.value.attempts) == (2, 2, 2)


async def test_renewal_does_not_use_up_a_retry(server, reply, still) -> None:
    server.script = [reply(401), reply(503), reply(503), reply()]
    async with HttpClient(server.url, auth=BearerAuth(TokenDesk().fetch), timing=still.timing) as client:
        assert (await client.send("GET", "/x")).attempts == 4


async def test_token_is_fetched_again_before_it_expires(server, still) -> None:
    desk = TokenDesk(expires_in_s=600.0)
    auth = BearerAuth(desk.fetch, margin_s=60.0, timing=still.timing)
    async with HttpClient(server.url, auth=auth, timing=still.timing) as client:
        await client.send("GET", "/x")
        still.passed_s = 539.0
        await client.send("GET", "/x")
        assert desk.count == 1
        still.passed_s = 541.0
        await client.send("GET", "/x")
    assert desk.count == 2


async def test_token_without_expiry_is_kept(server, still) -> None:
    desk = TokenDesk(expires_in_s=None)
    async with HttpClient(server.url, auth=BearerAuth(desk.fetch, timing=still.timing)) as client:
        await client.send("GET", "/x")
        still.passed_s = 10.0**9
        await client.send("GET", "/x")
    assert desk.count == 1


async def test_failed_fetch_reaches_every_waiter_and_is_made_once() -> None:
    desk = TokenDesk()
    desk.failure = errors.CredentialsRejectedError("no")
    auth = BearerAuth(desk.fetch)
    results = await asyncio.gather(*(auth.headers() for _ in range(50)), return_exceptions=True)
    assert {type(result) for result in results} == {errors.CredentialsRejectedError}
    assert desk.count == 1
    desk.failure = None
    assert await auth.headers() == {"Authorization": "Bearer token-2"}


async def test_fetch_survives_the_caller_who_started_it() -> None:
    desk = TokenDesk()
    auth = BearerAuth(desk.fetch)
    first = asyncio.create_task(auth.headers())
    second = asyncio.create_task(auth.headers())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == {"Authorization": "Bearer token-1"}
    assert desk.count == 1


async def test_call_without_authentication_sends_no_token(server) -> None:
    desk = TokenDesk()
    async with HttpClient(server.url, auth=BearerAuth(desk.fetch)) as client:
        await client.send("POST", "/token", content=b"x=1", authenticate=False)
    assert desk.count == 0
    assert "authorization" not in server.requests[0].headers
