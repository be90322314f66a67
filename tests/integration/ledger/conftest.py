"""A simulated bank behind Plaid's wire protocol, the platform in front of it, and the truth to compare with."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from bursar.bootstrap import Platform
from bursar.domain.accounts import Account
from bursar.domain.connections import Connection
from bursar.domain.result import Success
from bursar.domain.sync import SyncRun
from bursar.domain.transactions import Transaction, TransactionChange, TransactionFilter
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.sandbox.app import SandboxApp, create_app
from bursar.sandbox.ledger import Row
from bursar.sandbox.people import Account as WorldAccount
from bursar.sandbox.people import AccountKind
from bursar.sandbox.world import World
from bursar.testing.loopback import Tamper, Tampering

START = date(2026, 3, 2)
CHECKING = "hudson-first-river-checking"
CARD = "hudson-first-river-credit-card"
LEDGER_TABLES = (
    "accounts account_sources transactions source_records balance_observations holdings outbox tombstones "
    "rejected_records connection_credentials"
).split()
"""What an unchanged bank must not touch."""


@dataclass
class Bank:
    """One world, one platform, one user of it."""

    world: World
    app: SandboxApp
    wire: Tampering
    options: dict[str, Any]
    """What another platform in front of the same bank is opened with."""
    platform: Platform
    database_url: str
    tenant_id: UUID
    user_id: UUID

    @property
    def plaid(self) -> Any:
        return self.app.faces["plaid"]

    async def begin(self, **login: str) -> tuple[UUID, str]:
        """Start to connect and play the person in Link; return the pending connection and the public token."""
        started = await self.platform.connect.begin(self.tenant_id, self.user_id, provider_slug="plaid")
        assert isinstance(started, Success), started
        token = self.consent(started.value.start.link_token, **login)
        return started.value.connection.id, token

    def consent(self, link_token: str | None, **login: str) -> str:
        assert link_token is not None
        arguments = {"institution_id": "ins_109508", **login, "link_token": link_token}
        return self.plaid.act("complete_link", arguments)["public_token"]

    async def connect(self, **login: str) -> Connection:
        connection_id, token = await self.begin(**login)
        return await self.complete(connection_id, {"public_token": token})

    async def complete(self, connection_id: UUID, values: Mapping[str, str]) -> Connection:
        done = await self.platform.connect.complete(self.tenant_id, connection_id, values)
        assert isinstance(done, Success), done
        return done.value

    async def sync(self, connection: Connection) -> SyncRun:
        outcome = await self.platform.sync.sync_now(self.tenant_id, connection.id)
        assert isinstance(outcome, Success), outcome
        return outcome.value

    async def connection(self, connection: Connection) -> Connection:
        found = await self.platform.connect.get_connection(self.tenant_id, connection.id)
        assert isinstance(found, Success)
        return found.value

    async def accounts(self) -> list[Account]:
        listed, total = await self.platform.queries.list_accounts(self.tenant_id, limit=100)
        assert len(listed) == total
        return listed

    async def account(self, world_id: str) -> Account:
        (found,) = [one for one in await self.accounts() if self.world_account(one).account_id == world_id]
        return found

    def world_account(self, account: Account) -> WorldAccount:
        (found,) = [
            one
            for one in self.world.accounts.values()
            if (one.name, one.mask, one.currency)
            == (account.name, account.account_number_masked[-4:], account.currency)
        ]
        return found

    async def rows(self, account: Account | None = None) -> list[Transaction]:
        wanted = TransactionFilter(account_ids=(account.id,) if account is not None else ())
        page = await self.platform.queries.list_transactions(self.tenant_id, wanted, limit=10_000)
        assert page.next_after is None
        return list(page.rows)

    async def row(self, description: str) -> Transaction:
        (found,) = [row for row in await self.rows() if row.description == description]
        return found

    async def find(self, transaction_id: UUID) -> Transaction:
        found = await self.platform.queries.get_transaction(self.tenant_id, transaction_id)
        assert isinstance(found, Success)
        return found.value

    async def changes(self, run: SyncRun) -> list[TransactionChange]:
        return await self.platform.queries.list_changes(
            self.tenant_id, sync_run_id=run.id, with_created=True, limit=10_000
        )

    async def assert_equal_truth(self) -> int:
        """Compare every account and row with the world, cent for cent; return how many rows that were."""
        count = 0
        for account in await self.accounts():
            world_account = self.world_account(account)
            truth = self.world.truth(world_account.account_id)
            value = sum((one.value for one in self.world.positions(world_account.account_id)), Decimal(0))
            assert account.balance_known
            assert account.balance == truth.balance + value
            rows = await self.rows(account)
            true_rows = truth.settled if world_account.kind is AccountKind.BROKERAGE else truth.rows
            assert Counter(map(_told, rows)) == Counter(map(_true, true_rows)), world_account.account_id
            count += len(rows)
        return count

    def query(self, statement: str, **arguments: object) -> list[dict[str, Any]]:
        """Look behind the platform's back, as the owner of the tables, who sees rows as their tenant only."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(self.tenant_id)])
            return connection.execute(sql.SQL(statement), arguments).fetchall()  # pyright: ignore[reportArgumentType]

    def versions(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row version of the ledger: equal before and after means that nothing was written."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(self.tenant_id)])
            return {
                table: connection.execute(
                    sql.SQL("SELECT ctid::text, xmin::text FROM {} ORDER BY 1").format(sql.Identifier(table))
                ).fetchall()
                for table in LEDGER_TABLES
            }

    @contextmanager
    def tampering(self, tamper: Tamper) -> Iterator[None]:
        self.wire.tamper = tamper
        try:
            yield
        finally:
            self.wire.tamper = None

    def live(self, **span: float) -> None:
        self.world.advance(timedelta(**span))


def _told(row: Transaction) -> tuple[object, ...]:
    return (row.transaction_date, row.amount, row.currency, row.status)


def _true(row: Row) -> tuple[object, ...]:
    return (row.booked_on, row.amount, row.currency, row.state.value)


OpenBank = Callable[..., Awaitable[Bank]]


@pytest.fixture
async def open_bank(open_test_platform: Any, database_url: str) -> AsyncIterator[OpenBank]:
    """Open a bank of its own; `families`, `history_days` and `seed` make the world."""
    clients: list[httpx2.AsyncClient] = []

    async def opened(*, seed: int = 5, history_days: int = 50) -> Bank:
        world = World(seed, start=START, history_days=history_days, families=1)
        app = create_app(world, control_token="control", faces=[PlaidFace(rate_limits=False)])
        wire = Tampering(app)
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=wire))
        clients.append(client)
        options: dict[str, Any] = {
            "clock": world.clock,
            "http_clients": {"plaid": client},
            "extra_settings": {
                "plaid_client_id": "sandbox-client-id",
                "plaid_secret": "sandbox-secret",
                "plaid_base_url": "http://bank.test/plaid",
            },
        }
        platform = await open_test_platform(**options)
        local = await platform.access.ensure_local_user(with_token=False)
        return Bank(world, app, wire, options, platform, database_url, local.tenant_id, local.user_id)

    yield opened
    for client in clients:
        await client.aclose()


@pytest.fixture
async def bank(open_bank: OpenBank) -> Bank:
    """A small world behind Plaid, and the platform before its first connection."""
    return await open_bank()


@pytest.fixture
async def connection(bank: Bank) -> Connection:
    """A connection that has been synced once."""
    connected = await bank.connect()
    await bank.sync(connected)
    return await bank.connection(connected)
