"""A scripted Teller at the wire, rows shaped like the real ones, the simulator, and its authority's certificates."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bursar.ports.provider import ConnectCompletion, ConnectRequest, ProviderContext
from bursar.providers.teller import TellerClient
from bursar.providers.teller.adapter import PROVIDER, TellerAdapter
from bursar.providers.teller.sandbox import TellerFace
from bursar.providers.teller.sandbox.authority import Authority, Pair
from bursar.providers.teller.sandbox.face import TellerServer
from bursar.sandbox.app import create_app
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer
from bursar.transport.timing import Timing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CONNECTION_ID = "0198f000-0000-7000-8000-000000000007"


class FakeTeller:
    """Answers by method and path, in order (the last for ever): a body, an answer, or a function of the request."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[httpx2.Request] = []

    def say(self, place: str, *answers: Any) -> None:
        self.answers[place] = list(answers)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        queue = self.answers[f"{request.method} {request.url.path}"]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx2.Response):
            return answer
        return httpx2.Response(200, content=json.dumps(answer).encode())


def refusal(status: int, code: str | None = None) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"code": code, "message": "text that changes"}} if code else {})


def account(**members: Any) -> dict[str, Any]:
    account_id = members.get("id", "acc_1")
    link = f"https://api.teller.io/accounts/{account_id}"
    return {
        "id": account_id,
        "enrollment_id": "enr_1",
        "name": "Everyday Checking",
        "last_four": "2291",
        "currency": "USD",
        "type": "depository",
        "subtype": "checking",
        "status": "open",
        "institution": {"id": "lakeside_cu", "name": "Lakeside Credit Union"},
        "links": {"self": link, "balances": f"{link}/balances", "transactions": f"{link}/transactions"},
        **members,
    }


def card(**members: Any) -> dict[str, Any]:
    return account(**{"type": "credit", "subtype": "credit_card", "name": "Rewards Card", **members})


def row(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "id": f"txn_{number}",
        "account_id": "acc_1",
        "amount": "-23.18",
        "date": "2026-11-10",
        "description": "CORNER MARKET 1700",
        "status": "posted",
        "type": "card_payment",
        "running_balance": None,
        "details": {
            "processing_status": "complete",
            "category": "groceries",
            "counterparty": {"name": "CORNER MARKET", "type": "organization"},
        },
        "links": {"self": "https://api.teller.io/x", "account": "https://api.teller.io/y"},
        **members,
    }


def balances(**members: Any) -> dict[str, Any]:
    return {"account_id": "acc_1", "ledger": "902.40", "available": "845.12", "links": {}, **members}


class Shapes:
    """The builders above, for tests to take as one fixture."""

    now = NOW
    connection_id = CONNECTION_ID
    refusal = staticmethod(refusal)
    account = staticmethod(account)
    card = staticmethod(card)
    row = staticmethod(row)
    balances = staticmethod(balances)


@pytest.fixture
def shapes() -> type[Shapes]:
    return Shapes


@pytest.fixture
def wire() -> FakeTeller:
    return FakeTeller()


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


TIMING = Timing(now=lambda: NOW, sleep=_at_once, random=lambda: 0.0)


@pytest.fixture
async def http(wire: FakeTeller) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(wire.handle)) as client:
        yield client


@pytest.fixture
def client(http: httpx2.AsyncClient) -> TellerClient:
    return TellerClient(http_client=http, timing=TIMING)


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def make_adapter(http: httpx2.AsyncClient, clock: StillClock) -> Callable[..., TellerAdapter]:
    def make(**settings: str) -> TellerAdapter:
        known = {"teller_application_id": "app_1", **settings}
        return PROVIDER.factory(ProviderContext(settings=known, clock=clock, http_client=http, timing=TIMING))

    return make


@pytest.fixture
def adapter(make_adapter: Callable[..., TellerAdapter]) -> TellerAdapter:
    return make_adapter()


@dataclass
class Simulated:
    """A simulated Teller on this machine's network."""

    url: str
    world: World
    server: TellerServer

    def adapter(self, **settings: str) -> TellerAdapter:
        published = {f"teller_{name}": value for name, value in self.server.credentials().items()}
        known = {**published, "teller_base_url": f"{self.url}/teller", **settings}
        return PROVIDER.factory(ProviderContext(settings=known, clock=self.world.clock, timing=TIMING))

    async def connect(self, adapter: TellerAdapter, bank: str = "first_river", **login: str):
        start = await adapter.begin(ConnectRequest(connection_id=CONNECTION_ID, user_reference="user-1"))
        told = self.server.act("complete_link", {"link_token": start.link_token, "institution_id": bank, **login})
        values = {name: told[name] for name in start.needs}
        return await adapter.complete(ConnectCompletion(values=values, connection_id=CONNECTION_ID))


@pytest.fixture
def simulate() -> Callable[..., Any]:
    @contextmanager
    def run(face: TellerFace | None = None, *, history_days: int = 40) -> Iterator[Simulated]:
        world = World(5, start=date(2026, 3, 2), history_days=history_days, families=1)
        app = create_app(world, control_token="teller-tests", faces=[face or TellerFace()])
        with LoopbackServer(app) as server:
            yield Simulated(server.url, world, app.faces["teller"])

    return run


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def pairs(authority: Authority) -> dict[str, Pair]:
    return {
        "good": authority.issue("sandbox application"),
        "other": authority.issue("another application"),
        "foreign": Authority("Somebody else").issue("sandbox application"),
        "expired": authority.issue("old application", begins_in=timedelta(days=-9), ends_in=timedelta(days=-1)),
        "soon": authority.issue("ending application", ends_in=timedelta(days=10)),
    }


@pytest.fixture
def write_pair(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    def write(pair: Pair, *, mode: int = 0o600, name: str = "pair") -> tuple[str, str]:
        folder = tmp_path / name
        folder.mkdir()
        paths = folder / "certificate.pem", folder / "private_key.pem"
        for path, text in zip(paths, (pair.certificate, pair.private_key), strict=True):
            path.write_text(text)
            path.chmod(mode)
        return str(paths[0]), str(paths[1])

    return write
