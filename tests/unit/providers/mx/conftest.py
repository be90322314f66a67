"""A scripted MX at the wire, and the simulated one behind real HTTP with an adapter in front of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from bursar.domain.sync import SyncBatch, SyncCursor
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials, ProviderContext
from bursar.providers.mx import MXClient
from bursar.providers.mx.adapter import PROVIDER, MXAdapter
from bursar.providers.mx.sandbox import MXFace
from bursar.sandbox.app import create_app
from bursar.sandbox.view import View
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer, Tampering
from bursar.transport.timing import Timing

NOW = datetime(2026, 7, 14, 12, 0, tzinfo=UTC)
START = date(2026, 3, 2)
USER = "USR-0a9d1c55-7c7e-4f0f-9f6e-3ad6c2b1a002"
MEMBER = "MBR-77c9e0aa-20b5-4b0a-a0c5-6e6f0c1d3003"
ACCOUNT = "ACT-5b1f0d9e-4c02-4c6f-8d0a-6a0f4a7be101"


class StillTime:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.slept: list[float] = []
        self.timing = Timing(
            now=self.now, monotonic=lambda: 1000.0 + self.passed_s, sleep=self._sleep, random=lambda: 0.0
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed_s += seconds
        await asyncio.sleep(0)


class FakeMX:
    """Answers by method and path: a body, a response, a list of them in order, or a function of the request."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[httpx2.Request] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers[f"{request.method} {request.url.path}"]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx2.Response):
            return answer
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer)
        return httpx2.Response(200, json=answer)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests if request.content]


def page(name: str, rows: list[Any], *, number: int = 1, pages: int = 1, total: int | None = None) -> dict[str, Any]:
    return {
        name: rows,
        "pagination": {
            "current_page": number,
            "per_page": 25,
            "total_entries": len(rows) if total is None else total,
            "total_pages": pages,
        },
    }


def account(**members: Any) -> dict[str, Any]:
    return {
        "guid": ACCOUNT,
        "id": None,
        "user_guid": USER,
        "member_guid": MEMBER,
        "name": "Everyday Checking",
        "institution_code": "mxbank",
        "type": "CHECKING",
        "subtype": None,
        "currency_code": "USD",
        "balance": 1204.37,
        "available_balance": 1180.12,
        "account_number": "XXXXXX4410",
        "is_closed": False,
        "is_hidden": False,
        "is_manual": False,
        "imported_at": "2026-07-14T09:30:11Z",
        "created_at": "2026-05-02T12:00:00Z",
        "updated_at": "2026-07-14T09:30:11Z",
        **members,
    }


def transaction(number: int = 0, **members: Any) -> dict[str, Any]:
    return {
        "guid": f"TRN-{number}",
        "account_guid": ACCOUNT,
        "member_guid": MEMBER,
        "user_guid": USER,
        "amount": 38.64,
        "type": "DEBIT",
        "status": "POSTED",
        "date": "2026-07-10",
        "transacted_at": "2026-07-10T12:00:00Z",
        "posted_at": "2026-07-11T12:00:00Z",
        "description": "Corner Market",
        "original_description": "PURCHASE CORNER MKT #1700",
        "category": "Groceries",
        "top_level_category": "Food & Dining",
        "currency_code": "USD",
        "created_at": "2026-07-11T13:00:00Z",
        "updated_at": "2026-07-11T13:00:00Z",
        **members,
    }


def status(connection_status: str | None = "CONNECTED", **members: Any) -> dict[str, Any]:
    return {
        "member": {
            "guid": MEMBER,
            "connection_status": connection_status,
            "is_authenticated": True,
            "is_being_aggregated": False,
            "has_processed_accounts": True,
            "has_processed_transactions": True,
            "successfully_aggregated_at": "2026-07-14T09:30:11Z",
            "challenges": [],
            **members,
        }
    }


class Shapes:
    """The builders above, for tests to take as one fixture."""

    user, member, account_guid, now = USER, MEMBER, ACCOUNT, NOW
    page = staticmethod(page)
    account = staticmethod(account)
    transaction = staticmethod(transaction)
    status = staticmethod(status)


@dataclass
class Bench:
    """A world, the simulator in front of it, and an adapter."""

    world: World
    server: Any
    wire: Tampering
    url: str
    adapter: MXAdapter
    time: "StillTime"
    credentials: Credentials = field(default_factory=lambda: Credentials({}))

    async def connect(self, *, user: str = "u-1", renew: Credentials | None = None, **login: str) -> Any:
        start = await self.adapter.begin(ConnectRequest(connection_id="c-1", user_reference=user, renew=renew))
        answers = self.server.act(
            "complete_link",
            {"link_token": start.link_token, "institution_id": "first_river", **login},
        )
        values = {name: answers[name] for name in start.needs}
        made = await self.adapter.complete(ConnectCompletion(values=values, user_reference=user, renew=renew))
        self.credentials = made.credentials
        return made

    async def sync(self, cursor: SyncCursor | None = None) -> list[SyncBatch]:
        return [batch async for batch in self.adapter.sync(self.credentials, cursor)]

    @property
    def member(self) -> str:
        return self.credentials["member_guid"]


@pytest.fixture
def shapes() -> type[Shapes]:
    return Shapes


@pytest.fixture
def still() -> StillTime:
    return StillTime()


@pytest.fixture
def wire() -> FakeMX:
    return FakeMX()


@pytest.fixture
async def make_client(wire: FakeMX, still: StillTime) -> AsyncIterator[Callable[..., MXClient]]:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(wire.handle))

    def make(**options: Any) -> MXClient:
        return MXClient("client-id", "api-key-canary", http_client=http, timing=still.timing, **options)

    yield make
    await http.aclose()


@pytest.fixture
def client(make_client: Callable[..., MXClient]) -> MXClient:
    return make_client()


@pytest.fixture
def simulate() -> Callable[..., Any]:
    @asynccontextmanager
    async def run(
        *, history_days: int = 40, shares: dict[str, float] | None = None, **settings: Any
    ) -> AsyncIterator[Bench]:
        view = View(5, shares) if shares else None
        world = World(5, start=START, history_days=history_days, families=1, view=view)
        face = MXFace(**settings)
        app = create_app(world, control_token="mx-tests", faces=[face])
        wire = Tampering(app)
        time = StillTime()

        async def sleep(seconds: float) -> None:
            time.slept.append(seconds)
            world.advance(timedelta(seconds=seconds))

        with LoopbackServer(wire) as server:
            adapter = PROVIDER.factory(
                ProviderContext(
                    settings={
                        "mx_client_id": face.client_id,
                        "mx_api_key": face.api_key,
                        "mx_base_url": f"{server.url}/mx",
                        "mx_webhook_secret": face.webhook_secret,
                    },
                    clock=world.clock,
                    timing=Timing(sleep=sleep, random=lambda: 0.0),
                )
            )
            assert isinstance(adapter, MXAdapter)
            try:
                yield Bench(world, app.faces["mx"], wire, f"{server.url}/mx", adapter, time)
            finally:
                await adapter.aclose()

    return run


@pytest.fixture
async def bench(simulate: Callable[..., Any]) -> AsyncIterator[Bench]:
    async with simulate() as bench:
        await bench.connect()
        yield bench
