"""The transport faults, as a caller in the same process and a caller behind a socket sees them."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest
import uvicorn

from bursar.sandbox.app import SandboxApp, create_app
from bursar.sandbox.faces import Receive, Scope, Send
from bursar.sandbox.faults import TRANSPORT_FAULTS, FaultKind
from bursar.sandbox.gate import ConnectTimedOutError, PoolTimedOutError, ReadTimedOutError
from bursar.sandbox.world import World

ROWS = 7
PAGE_SIZE = 3


class CountingBank:
    """A small provider: it counts what was carried out, and lists rows in pages of three."""

    slug = "counting"

    def __init__(self) -> None:
        self.effects = 0
        self.last_row = ROWS

    def build(self, world: World) -> "CountingBank":
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.effects += 1
        offset = int(bytes(scope["query_string"]).removeprefix(b"offset=") or b"0")
        rows = [{"id": f"r{n}", "amount": 1.10} for n in range(self.last_row)][offset : offset + PAGE_SIZE]
        raw = json.dumps({"rows": rows, "heard": body.decode(), "offset": offset}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": raw})

    async def catch_up(self) -> None:
        return

    def credentials(self) -> Mapping[str, str]:
        return {}

    def error_body(self, status: int) -> bytes:
        return json.dumps({"oops": status}).encode()

    def act(self, action: str, arguments: Mapping[str, str]) -> Mapping[str, str]:
        raise KeyError(action)


@pytest.fixture
def world() -> World:
    return World(1, start=date(2026, 3, 2), history_days=1, families=1)


@pytest.fixture
def bank() -> CountingBank:
    return CountingBank()


@pytest.fixture
def app(world: World, bank: CountingBank) -> SandboxApp:
    return create_app(world, control_token="t", faces=[bank])


@pytest.fixture
async def client(app: SandboxApp) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sandbox") as client:
        yield client


@pytest.fixture
async def caller(app: SandboxApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A client behind a real socket."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        yield client
    server.should_exit = True
    await serving


@pytest.mark.parametrize(
    ("kind", "error", "arrives"),
    [
        (FaultKind.CONNECT_TIMEOUT, ConnectTimedOutError, False),
        (FaultKind.POOL_TIMEOUT, PoolTimedOutError, False),
        (FaultKind.READ_TIMEOUT, ReadTimedOutError, True),
        (FaultKind.RESET, ConnectionResetError, True),
    ],
)
@pytest.mark.parametrize("after_effect", [False, True])
async def test_lost_call_has_its_effect_only_when_it_arrived(
    client: httpx2.AsyncClient,
    world: World,
    bank: CountingBank,
    kind: FaultKind,
    error: type[Exception],
    arrives: bool,
    after_effect: bool,
) -> None:
    world.faults.add(kind, after_effect=after_effect)
    with pytest.raises(error):
        await client.get("/counting/rows")
    assert bank.effects == (after_effect and arrives)
    assert world.requests.list_all()[-1].status is None
    assert world.requests.list_all()[-1].has_arrived is arrives
    assert sum(world.requests.counts().values()) == arrives
    assert world.faults.hits == {(kind, "counting"): 1}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_status_comes_in_the_providers_own_shape(client: httpx2.AsyncClient, world: World, status: int) -> None:
    world.faults.add(FaultKind.STATUS, status=status)
    answer = await client.get("/counting/rows")
    assert (answer.status_code, answer.json()) == (status, {"oops": status})
    assert "retry-after" not in answer.headers


async def test_retry_after_is_seconds_a_date_or_nonsense(client: httpx2.AsyncClient, world: World) -> None:
    world.faults.add(FaultKind.STATUS, status=429, retry_after_s=90)
    world.faults.add(FaultKind.STATUS, status=429, retry_after_s=90, retry_after_as_date=True)
    world.faults.add(FaultKind.STATUS, status=429, retry_after="soon, maybe")
    seconds, on, nonsense = [(await client.get("/counting/rows")).headers["retry-after"] for _ in range(3)]
    assert seconds == "90"
    assert parsedate_to_datetime(on) == world.now + timedelta(seconds=90)
    assert on.endswith(" GMT")
    assert nonsense == "soon, maybe"


async def test_bodies_are_spoiled_after_the_request_was_carried_out(
    client: httpx2.AsyncClient, world: World, bank: CountingBank
) -> None:
    whole = (await client.get("/counting/rows")).content
    world.faults.add(FaultKind.CUT_JSON)
    cut = await client.get("/counting/rows")
    assert cut.content == whole[: len(whole) // 2]
    assert int(cut.headers["content-length"]) == len(cut.content)
    world.faults.add(FaultKind.HTML)
    page = await client.get("/counting/rows")
    assert page.headers["content-type"].startswith("text/html")
    world.faults.add(FaultKind.ERROR_BODY, status=500)
    error = await client.get("/counting/rows")
    assert (error.status_code, error.json()) == (200, {"oops": 500})
    world.faults.add(FaultKind.REDIRECT, host="evil.example")
    redirect = await client.get("/counting/rows")
    assert (redirect.status_code, redirect.headers["location"]) == (307, "https://evil.example/counting/rows")
    assert bank.effects == 2


async def test_cut_gzip_cannot_be_unpacked(client: httpx2.AsyncClient, world: World) -> None:
    world.faults.add(FaultKind.CUT_GZIP)
    async with client.stream("GET", "/counting/rows") as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    with pytest.raises(EOFError):
        gzip.decompress(raw)


async def test_stale_answer_is_one_of_an_earlier_instant(
    client: httpx2.AsyncClient, world: World, bank: CountingBank
) -> None:
    async def count(offset: int) -> int:
        return len((await client.get("/counting/rows", params={"offset": offset})).json()["rows"])

    world.faults.add(FaultKind.STALE, path="/counting/rows")
    assert await count(6) == 1
    bank.last_row = 8
    # Nothing older is known of this instant, nor of another question.
    assert [await count(6), await count(3)] == [2, 3]
    world.advance(timedelta(hours=1))
    bank.last_row = 9
    assert [await count(6), await count(6)] == [2, 3]
    assert world.faults.hits == {(FaultKind.STALE, "counting"): 1}


async def test_page_comes_twice(client: httpx2.AsyncClient, world: World) -> None:
    world.faults.add(FaultKind.REPEATED_PAGE, path="/counting/rows")
    told = [(await client.get("/counting/rows", params={"offset": at})).json()["offset"] for at in (0, 3, 3, 6)]
    assert told == [0, 0, 3, 6]
    world.faults.add(FaultKind.REPEATED_PAGE, path="/counting/rows")
    other = await client.get("/counting/rows", params={"offset": 0}, headers={"Authorization": "Bearer somebody-else"})
    assert other.json()["offset"] == 0


async def test_page_comes_in_the_opposite_order_with_every_digit(client: httpx2.AsyncClient, world: World) -> None:
    plain = (await client.get("/counting/rows")).json()
    world.faults.add(FaultKind.REORDERED_PAGE, times=2)
    turned = await client.get("/counting/rows")
    assert turned.json()["rows"] == plain["rows"][::-1]
    assert b"1.1" in turned.content
    lonely = await client.get("/counting/rows", params={"offset": 6})
    assert len(lonely.json()["rows"]) == 1
    assert world.faults.hits == {(FaultKind.REORDERED_PAGE, "counting"): 1}


async def test_request_body_reaches_the_face_while_answers_are_remembered(
    client: httpx2.AsyncClient, world: World
) -> None:
    world.faults.add(FaultKind.STALE, times=None)
    assert (await client.post("/counting/rows", content=b"hello")).json()["heard"] == "hello"
    assert (await client.post("/counting/rows", content=b"again")).json()["heard"] == "again"


async def test_after_stop_every_answer_is_right(client: httpx2.AsyncClient, world: World) -> None:
    for kind in TRANSPORT_FAULTS:
        world.faults.add(kind, share=1.0, delay_s=0.0)
    world.faults.stop()
    for offset in (0, 3):
        answer = await client.get("/counting/rows", params={"offset": offset})
        assert answer.json()["offset"] == offset
    assert not world.faults.hits


@pytest.mark.parametrize(
    ("kind", "errors"),
    [
        (FaultKind.READ_TIMEOUT, (httpx2.RemoteProtocolError, httpx2.ReadError)),
        (FaultKind.CONNECT_TIMEOUT, (httpx2.RemoteProtocolError, httpx2.ReadError)),
        (FaultKind.TRUNCATE, (httpx2.RemoteProtocolError, httpx2.ReadError)),
        (FaultKind.WRONG_LENGTH, (httpx2.RemoteProtocolError, httpx2.ReadError)),
        (FaultKind.CUT_GZIP, ()),
        (FaultKind.CUT_JSON, ()),
    ],
)
async def test_behind_a_socket_connections_break_and_bodies_do_not_parse(
    caller: httpx2.AsyncClient, world: World, kind: FaultKind, errors: tuple[type[Exception], ...]
) -> None:
    world.faults.add(kind, delay_s=0.05)
    with pytest.raises((*errors, httpx2.DecodingError, ValueError)) as caught:
        (await caller.get("/counting/rows")).json()
    assert not errors or isinstance(caught.value, errors)
    answer: dict[str, Any] = (await caller.get("/counting/rows")).json()
    assert answer["offset"] == 0


async def test_answers_arrive_at_the_virtual_instant(client: httpx2.AsyncClient, world: World) -> None:
    await client.get("/counting/rows")
    world.advance(timedelta(hours=5))
    await client.get("/counting/rows")
    instants = [at for slug, path, at in world.requests.counts() if (slug, path) == ("counting", "/counting/rows")]
    assert instants == [datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (12, 17)]
    assert world.requests.busiest("/counting", timedelta(hours=24)) == {"/counting/rows": 2}
