"""The banking interface in front of simulated providers on the loopback, and an application that has its routes."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import httpx2
import pytest
from fastapi import FastAPI

from bursar.banking import Banking, easy_banking
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.sandbox.app import create_app
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.world import World
from bursar.testing.loopback import Answer, LoopbackServer, Tampering
from bursar.transport.timing import Timing

START = date(2026, 3, 2)
INSTITUTION = "ins_109508"


async def _no_wait(seconds: float) -> None:
    del seconds
    await asyncio.sleep(0)


IMPATIENT = Timing(sleep=_no_wait, random=lambda: 0.0)


class Bank:
    """A simulated Plaid, the environment of a program that uses it, and somebody who links a login."""

    def __init__(self, world: World, url: str, app: object, wire: Tampering) -> None:
        self.world = world
        self.url = url
        self.server = app.faces["plaid"]
        self.wire = wire
        self.items: dict[str, str] = {}
        published = self.server.credentials()
        self.environ = {
            "PLAID_CLIENT_ID": published["client_id"],
            "PLAID_SECRET": published["secret"],
            "PLAID_BASE_URL": f"{url}/plaid",
        }

    def open(self, **settings: str) -> Banking:
        """A banking object on this bank's clock."""
        return easy_banking("plaid", environ=self.environ, clock=self.world.clock, timing=IMPATIENT, **settings)

    def sign_in(self, link_token: str, institution: str = INSTITUTION, **choices: str) -> str:
        """What the user does in the provider's window; returns the public token."""
        done = self.server.act("complete_link", {"link_token": link_token, "institution_id": institution, **choices})
        return done["public_token"]

    async def link(self, banking: Banking) -> str:
        """Link a login from the beginning to the end; returns the access token."""
        start = await banking.create_link_token(user_id="user_123")
        item = await banking.exchange_public_token(self.sign_in(start.link_token))
        self.items[item.access_token] = item.item_id
        return item.access_token

    def break_item(self, access_token: str, code: str) -> None:
        """Let the provider have a standing problem with a login."""
        self.server.act("break_item", {"item_id": self.items[access_token], "code": code})

    def fault(self, kind: FaultKind, path: str, **members: object) -> None:
        """Let the next calls of a path fail."""
        self.world.faults.add(kind, path=f"/plaid{path}", **members)

    def paths(self) -> list[str]:
        """What was asked so far, in order."""
        return [answer.path.removeprefix("/plaid") for answer in self.wire.answers]

    @contextmanager
    def saying(self, path: str, body: bytes, status: int) -> Iterator[None]:
        """Answer a path with something else for a while."""

        def tamper(answer: Answer) -> Answer:
            return answer.saying(body, status=status) if answer.path.endswith(path) else answer

        self.wire.tamper = tamper
        try:
            yield
        finally:
            self.wire.tamper = None


@contextmanager
def open_bank(start: date = START, history_days: int = 60) -> Iterator[Bank]:
    world = World(5, start=start, history_days=history_days, families=1)
    # Without the published limits: they recover on the world's clock, which stands still.
    app = create_app(world, control_token="control", faces=[PlaidFace(rate_limits=False)])
    wire = Tampering(app)
    with LoopbackServer(wire) as server:
        yield Bank(world, server.url, app, wire)


@pytest.fixture
def bank() -> Iterator[Bank]:
    with open_bank() as bank:
        yield bank


@pytest.fixture
def bank_of_today() -> Iterator[Bank]:
    """A bank whose day is the machine's, for programs that bring no clock."""
    with open_bank(date.today()) as bank:  # noqa: DTZ011 - the day of programs that say `date.today()`
        yield bank


@pytest.fixture
def banking(bank: Bank) -> Iterator[Banking]:
    with bank.open() as banking:
        yield banking


@pytest.fixture
async def token(bank: Bank, banking: Banking) -> str:
    return await bank.link(banking)


class Client(httpx2.AsyncClient):
    """A caller over real HTTP."""

    def as_user(self, token: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def serve():
    """Serve an application on the loopback and return a client of it."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as opened:

        async def served(app: FastAPI, token: str | None = None) -> Client:
            server = opened.enter_context(LoopbackServer(app))
            client = Client(base_url=server.url, verify=False)
            if token is not None:
                client.headers["Authorization"] = f"Bearer {token}"
            return await opened.enter_async_context(client)

        yield served
