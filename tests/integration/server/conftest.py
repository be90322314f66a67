"""Two tenants with data behind the real application, and callers in front of it."""

import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import structlog

from bursar.bootstrap import Platform
from bursar.observability.logging import configure_logging
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.sandbox.app import create_app as create_sandbox
from bursar.sandbox.world import World
from bursar.server.app import create_app
from bursar.settings import Settings
from bursar.storage import tenants

API = "/api/v1"

HEADER = b"OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n"


def make_statement(
    rows: list[tuple[str, str, str]], *, account: str = "000123456789", currency: str = "USD", balance: str = "3000.10"
) -> bytes:
    """An OFX statement of rows (day of January 2026, amount, name)."""
    listed = "".join(
        f"<STMTTRN><TRNTYPE>OTHER<DTPOSTED>202601{day}<TRNAMT>{amount}<FITID>{account}-{index}<NAME>{name}</STMTTRN>"
        for index, (day, amount, name) in enumerate(rows)
    )
    text = (
        "<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260201<LANGUAGE>ENG"
        "<FI><ORG>Hudson<FID>4242</FI></SONRS></SIGNONMSGSRSV1>"
        f"<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>{currency}"
        f"<BANKACCTFROM><BANKID>111000025<ACCTID>{account}<ACCTTYPE>CHECKING</BANKACCTFROM>"
        f"<BANKTRANLIST><DTSTART>20260101<DTEND>20260131{listed}</BANKTRANLIST>"
        f"<LEDGERBAL><BALAMT>{balance}<DTASOF>20260131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
    )
    return HEADER + text.encode()


@pytest.fixture(name="statement")
def _statement() -> Callable[..., bytes]:
    return make_statement


ROWS = [("05", "-3.50", "COFFEE"), ("05", "-3.50", "COFFEE"), ("20", "-800.00", "RENT"), ("31", "2500.00", "SALARY")]


@dataclass
class User:
    """Somebody with a token."""

    http: httpx2.AsyncClient
    tenant_id: UUID
    user_id: UUID
    token: str = field(repr=False)

    async def call(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}", **arguments.pop("headers", {})}
        return await self.http.request(method, f"{API}{path}", headers=headers, **arguments)

    async def get(self, path: str, **arguments: Any) -> httpx2.Response:
        return await self.call("GET", path, **arguments)

    async def post(self, path: str, **arguments: Any) -> httpx2.Response:
        return await self.call("POST", path, **arguments)

    async def list(self, path: str) -> list[dict[str, Any]]:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def upload(self, content: bytes, name: str = "january.qfx", **arguments: Any) -> httpx2.Response:
        return await self.post("/imports", files={"file": (name, content)}, **arguments)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With transfers, so that every route is there to be tried; that they are off by default is a test of its own."""
    return settings.model_copy(update={"transfers_enabled": True})


@pytest.fixture
async def http(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application, without a token."""
    async with client_of(platform) as client:
        yield client


def client_of(platform: Platform) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=create_app(platform))  # pyright: ignore[reportArgumentType]
    return httpx2.AsyncClient(transport=transport, base_url="http://bursar.test")


NewUser = Callable[..., Awaitable[User]]


async def make_user(platform: Platform, http: httpx2.AsyncClient, *, of: User | None = None, role: str = "") -> User:
    """A new tenant's first user, or one more of a tenant."""
    tenant_id = of.tenant_id if of is not None else uuid4()
    user_id = uuid4()
    if of is None:
        await platform.access.create_tenant(tenant_id, user_id, name="somebody")
    else:
        async with platform.database.transaction(tenant_id) as tx:
            await tenants.insert_user(tx, tenant_id, user_id, name=role, role=role, at=platform.clock.now())
    token = await platform.access.create_token(tenant_id, user_id, name="test")
    return User(http, tenant_id, user_id, token)


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What the platform logs meanwhile, one JSON object per line."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = io.StringIO()
    configure_logging(style="json", stream=lines)
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def new_user(platform: Platform, http: httpx2.AsyncClient) -> NewUser:
    async def made(**arguments: Any) -> User:
        return await make_user(platform, http, **arguments)

    return made


@pytest.fixture
async def alice(new_user: NewUser) -> User:
    return await new_user()


@pytest.fixture
async def bob(new_user: NewUser) -> User:
    return await new_user()


@pytest.fixture
async def stocked(alice: User) -> User:
    """Alice, with a January of rows."""
    answer = await alice.upload(make_statement(ROWS))
    assert answer.status_code == 201, answer.text
    return alice


@dataclass
class Banked:
    """A platform that reaches a simulated bank, and its user."""

    platform: Platform
    user: User
    face: Any
    world: World

    def consent(self, link_token: str, **choices: str) -> str:
        """Play the person in front of the provider's widget; return what comes back."""
        return self.face.act("complete_link", {"institution_id": "ins_109508", "link_token": link_token, **choices})[
            "public_token"
        ]


@pytest.fixture
async def banked(open_test_platform: Any) -> AsyncIterator[Banked]:
    async with AsyncExitStack() as stack:
        face = PlaidFace()
        world = World(5, start=date(2026, 3, 2), history_days=30, families=1)
        sandbox = create_sandbox(world, control_token="control", faces=[face])
        wire = await stack.enter_async_context(
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=sandbox))  # pyright: ignore[reportArgumentType]
        )
        platform = await open_test_platform(
            clock=world.clock,
            extra_settings={
                "plaid_client_id": face.client_id,
                "plaid_secret": face.secret,
                "plaid_base_url": "http://sandbox.test/plaid",
            },
            http_clients={"plaid": wire},
        )
        http = await stack.enter_async_context(client_of(platform))
        yield Banked(platform, await make_user(platform, http), sandbox.faces["plaid"], world)
