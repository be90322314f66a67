"""A scripted Finicity at the wire, a simulated one behind the client, and rows shaped like the real ones."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    ConnectStart,
    Credentials,
    EstablishedConnection,
    ProviderContext,
)
from bursar.providers.finicity import FinicityClient
from bursar.providers.finicity.adapter import FinicityAdapter, make_adapter
from bursar.providers.finicity.sandbox import FinicityFace
from bursar.providers.finicity.sandbox.face import FinicityServer
from bursar.sandbox.world import World
from bursar.transport.timing import Timing

START = date(2026, 3, 2)
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TOKEN_PATH = "/aggregation/v2/partners/authentication"
SETTINGS = {
    "finicity_partner_id": "sandbox-partner",
    "finicity_partner_secret": "sandbox-partner-secret",
    "finicity_app_key": "sandbox-app-key",
    "finicity_base_url": "http://finicity.test/finicity",
}


@dataclass
class FakeFinicity:
    """Answers by path: a body, a response, a list of them in order, or a function of the request."""

    answers: dict[str, Any] = field(default_factory=lambda: {TOKEN_PATH: {"token": "token-1"}})
    requests: list[httpx2.Request] = field(default_factory=list)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers[request.url.path]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    def body(self, index: int = -1) -> dict[str, Any]:
        return json.loads(self.requests[index].content)


class StillTime:
    """A clock that moves when told, and counts what was slept."""

    def __init__(self) -> None:
        self.monotonic_s = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def timing(self) -> Timing:
        return Timing(now=lambda: NOW, monotonic=lambda: self.monotonic_s, sleep=self.sleep, random=lambda: 0.5)


@pytest.fixture
def fake() -> FakeFinicity:
    return FakeFinicity()


@pytest.fixture
def time() -> StillTime:
    return StillTime()


@pytest_asyncio.fixture
async def client(fake: FakeFinicity, time: StillTime) -> AsyncIterator[FinicityClient]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(fake.handle)) as http:
        yield FinicityClient("partner-1", "partner-secret-1", "app-key-1", http_client=http, timing=time.timing())


def transaction(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": 10_000_000_000_000_000 + number,
        "accountId": 6020114477,
        "customerId": 7005061234,
        "amount": -12.5,
        "status": "active",
        "description": "CORNER MKT",
        "type": "pointOfSale",
        "transactionDate": 1784001600,
        "postedDate": 1784088000,
        "createdDate": 1784100000,
        **members,
    }


def page(rows: list[dict[str, Any]], found: int | None = None, *, more: bool = False) -> dict[str, Any]:
    return {
        "found": len(rows) if found is None else found,
        "displaying": len(rows),
        "moreAvailable": "true" if more else "false",
        "fromDate": "0",
        "toDate": "1",
        "sort": "asc",
        "transactions": rows,
    }


def account(**members: Any) -> dict[str, Any]:
    return {
        "id": "6020114477",
        "number": "xxxx7528",
        "accountNumberDisplay": "7528",
        "realAccountNumberLast4": "7528",
        "name": "Everyday Checking",
        "balance": 401.26,
        "type": "checking",
        "status": "active",
        "aggregationStatusCode": 0,
        "customerId": "7005061234",
        "institutionId": "102105",
        "institutionLoginId": 6007302745,
        "currency": "USD",
        "createdDate": 1780000000,
        "balanceDate": 1784019600,
        "detail": {"availableBalanceAmount": 389.10},
        **members,
    }


@dataclass
class Bench:
    """A world, the simulated Finicity in front of it, and the platform's adapter."""

    world: World
    server: FinicityServer
    adapter: FinicityAdapter
    requests: list[httpx2.Request]
    credentials: Credentials = field(default_factory=lambda: Credentials({}))

    async def begin(self, renew: Credentials | None = None, **more: Any) -> ConnectStart:
        return await self.adapter.begin(
            ConnectRequest(connection_id=f"c-{len(self.requests)}", user_reference="user-1", renew=renew, **more)
        )

    def sign_in(self, start: ConnectStart, **login: str) -> dict[str, str]:
        given = {"authorization_url": start.authorization_url or "", "link_token": start.link_token or ""}
        return dict(self.server.act("complete_link", {**given, "institution_id": "first_river", **login}))

    async def complete(self, values: dict[str, str], user: str = "user-1") -> EstablishedConnection:
        return await self.adapter.complete(ConnectCompletion(values=values, user_reference=user))

    async def connect(self, **login: str) -> Credentials:
        start = await self.begin()
        answers = self.sign_in(start, **login)
        done = await self.complete({"link_token": answers["link_token"]})
        self.credentials = done.credentials
        return done.credentials


OpenBench = Callable[..., Bench]


@pytest_asyncio.fixture
async def open_bench() -> AsyncIterator[OpenBench]:
    opened: list[httpx2.AsyncClient] = []

    def build(face: FinicityFace | None = None, *, history_days: int = 60, **settings: str) -> Bench:
        world = World(11, start=START, history_days=history_days, families=1)
        server = (face or FinicityFace()).build(world)
        requests: list[httpx2.Request] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["root_path"] = "/finicity"
            await server(scope, receive, send)

        async def note(request: httpx2.Request) -> None:
            requests.append(request)

        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), event_hooks={"request": [note]})
        opened.append(http)
        context = ProviderContext(settings={**SETTINGS, **settings}, clock=world.clock, http_client=http)
        return Bench(world, server, make_adapter(context), requests)

    yield build
    for http in opened:
        await http.aclose()
