"""A platform that may move money, in front of a simulated Sequence that loses answers when it is told to."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from bursar.bootstrap import Platform
from bursar.domain.result import Success
from bursar.domain.transfers import DayUse, Transfer
from bursar.providers.sequence.sandbox import Simulator, serving
from bursar.providers.sequence.sandbox.reference import id_of
from bursar.server.app import create_app
from bursar.settings import Settings
from bursar.storage import tenants

GROCERIES, RENT, EMERGENCY, PAYCHECK = id_of(102), id_of(103), id_of(101), id_of(201)
CHECKING, CARD, LOAN = id_of(301), id_of(302), id_of(303)


class SimulatorClock:
    """The platform lives by the simulator's clock, which stands still unless it is moved."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def now(self) -> datetime:
        return self._simulator.clock.now()


@pytest.fixture
def rules() -> dict[str, Any]:
    """What the operator allows; a test that wants something else names it as a parameter."""
    return {}


@pytest.fixture
def settings(settings: Settings, rules: dict[str, Any]) -> Settings:
    allowed = {"transfers_enabled": True, "transfers_max_amount": Decimal(1000), "transfers_max_per_day": Decimal(5000)}
    return settings.model_copy(update=allowed | rules)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serving(Simulator()) as simulator:
        yield simulator


@dataclass
class User:
    """Somebody with a token of the platform."""

    http: httpx2.AsyncClient
    tenant_id: UUID
    user_id: UUID
    token: str = field(repr=False)
    accounts: dict[str, str] = field(default_factory=dict[str, str])
    """By the id that the simulator gives a place: the id of the account in the ledger."""
    connection_id: UUID | None = None

    async def call(self, method: str, path: str, *, key: str | None = None, **arguments: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}", **arguments.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **arguments)

    async def get(self, path: str) -> Any:
        answer = await self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def body(self, amount: Any = "12.34", source: str = GROCERIES, destination: str = RENT, **more: Any) -> Any:
        return {
            "source_account_id": self.accounts[source],
            "destination_account_id": self.accounts[destination],
            "amount": amount,
            **more,
        }

    async def ask(self, amount: Any = "12.34", *, key: str | None = None, **more: Any) -> httpx2.Response:
        return await self.call("POST", "/transfers", key=key or str(uuid4()), json=self.body(amount, **more))

    async def send(self, amount: Any = "12.34", *, key: str | None = None, **more: Any) -> dict[str, Any]:
        """The transfer that came of a request which was accepted."""
        answer = await self.ask(amount, key=key, **more)
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/api/v1/transfers/{answer.json()['data']['id']}"
        return answer.json()["data"]


@dataclass
class Bank:
    """The simulator as a test steers it."""

    simulator: Simulator
    control: httpx2.Client

    def fault(self, kind: str, operation: str = "CreatePayment", **more: Any) -> None:
        self.control.post("/_control/faults", json={"kind": kind, "operation": operation, **more}).raise_for_status()

    def advance(self, **span: float) -> None:
        self.control.post("/_control/clock", json={"advance": span}).raise_for_status()

    def issue(self, user_id: str = id_of(3)) -> str:
        return self.control.post("/_control/tokens/issue", json={"user_id": user_id}).json()["access_token"]

    def asked(self, operation: str) -> list[dict[str, Any]]:
        requests = self.control.get("/_control/requests").json()
        listed = requests if isinstance(requests, list) else requests["requests"]
        return [one for one in listed if one["operation"] == operation]

    def payments(self, cents: int | None = None) -> int:
        """How many payments were made since the beginning, of one amount or of any."""
        organization = self.simulator.books.find_user(id_of(3)).organization(id_of(1))
        made = [one for one in organization.list_transfers() if one.transfer_id >= id_of(1000)]
        return len([one for one in made if cents in (None, one.cents)])

    def balance(self, place_id: str) -> Decimal:
        organization = self.simulator.books.find_user(id_of(3)).organization(id_of(1))
        place = next(one for one in organization.places if one.place_id == place_id)
        return Decimal(place.balance_cents).scaleb(-2)


@pytest.fixture
def bank(simulator: Simulator) -> Iterator[Bank]:
    with httpx2.Client(base_url=simulator.origins.app, verify=False) as control:
        yield Bank(simulator, control)


@pytest.fixture
def options(simulator: Simulator) -> dict[str, Any]:
    """What a platform in front of the simulator is opened with."""
    return {
        "clock": SimulatorClock(simulator),
        "extra_settings": {"sequence_base_url": simulator.origins.app, "sequence_pause_s": "0"},
    }


@pytest.fixture
async def platform(open_test_platform: Any, options: dict[str, Any]) -> Platform:
    return await open_test_platform(**options)


@pytest.fixture
async def http(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(platform))  # pyright: ignore[reportArgumentType]
    async with httpx2.AsyncClient(transport=transport, base_url="http://bursar.test") as client:
        yield client


NewUser = Callable[..., Awaitable[User]]


@pytest.fixture
def new_user(platform: Platform, http: httpx2.AsyncClient) -> NewUser:
    async def made(*, of: User | None = None, role: str = "admin") -> User:
        tenant_id, user_id = of.tenant_id if of is not None else uuid4(), uuid4()
        if of is None:
            await platform.access.create_tenant(tenant_id, user_id, name="somebody")
        else:
            async with platform.database.transaction(tenant_id) as tx:
                await tenants.insert_user(tx, tenant_id, user_id, name=role, role=role, at=platform.clock.now())
        token = await platform.access.create_token(tenant_id, user_id, name="test")
        accounts = of.accounts if of is not None else {}
        return User(http, tenant_id, user_id, token, accounts, of.connection_id if of is not None else None)

    return made


async def connect(platform: Platform, user: User, token: str) -> User:
    """Connect a login and read it."""
    done = await user.call("POST", "/connections", json={"provider": "sequence", "values": {"access_token": token}})
    assert done.status_code == 201, done.text
    user.connection_id = UUID(done.json()["data"]["id"])
    run = await platform.sync.sync_now(user.tenant_id, user.connection_id)
    assert isinstance(run, Success), run
    async with platform.database.transaction(user.tenant_id) as tx:
        found = await tx.execute(
            "SELECT provider_account_id, account_id FROM account_sources WHERE connection_id = %s", [user.connection_id]
        )
        user.accounts.update({place: str(account) for place, account in await found.fetchall()})
    return user


@pytest.fixture
async def alice(platform: Platform, new_user: NewUser, bank: Bank) -> User:
    """An administrator whose Sequence was read once."""
    return await connect(platform, await new_user(), bank.issue())


@pytest.fixture
def look_after(platform: Platform) -> Callable[[User, str], Awaitable[Transfer]]:
    async def looked(user: User, transfer_id: str) -> Transfer:
        found = await platform.reconciler.look_after(user.tenant_id, UUID(transfer_id))
        assert found is not None
        return found

    return looked


@pytest.fixture
def used(platform: Platform) -> Callable[[User], Awaitable[DayUse]]:
    """What of today's limit is used."""

    async def use(user: User) -> DayUse:
        return await platform.transfers.get_use(user.tenant_id, provider_slug="sequence", currency="USD")

    return use


@pytest.fixture
def events() -> Callable[[User, str], Awaitable[list[str]]]:
    """The types of the events about a transfer, in order."""

    async def listed(user: User, transfer_id: str) -> list[str]:
        found = await user.get(f"/audit_events?subject_id={transfer_id}")
        return [one["event_type"].removeprefix("transfer.") for one in reversed(found)]

    return listed
