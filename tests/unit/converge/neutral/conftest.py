"""A world, the invented provider in front of it, and a book that takes what its adapter says at its word."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import httpx2
import pytest

from bursar.converge.neutral import NEUTRAL_SPECS
from bursar.domain.sync import SyncBatch, SyncCursor
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials, ProviderAdapter, ProviderContext
from bursar.sandbox.neutral import NEUTRAL_FACES, NeutralServer
from bursar.sandbox.people import AccountKind, Login
from bursar.sandbox.turmoil import build_turmoil
from bursar.sandbox.view import IdPolicy, View
from bursar.sandbox.world import World

START = date(2026, 3, 2)
SPECS = {spec.slug: spec for spec in NEUTRAL_SPECS}
FACES = {face.slug: face for face in NEUTRAL_FACES}

Key = tuple[str, str | None]


@dataclass
class Book:
    """What somebody would hold who does exactly what the batches say, and no more."""

    rows: dict[str, list[ProviderTransactionData]] = field(default_factory=dict)
    cursor: SyncCursor | None = None

    def take(self, batch: SyncBatch) -> None:
        spans = {listing.provider_account_id: listing for listing in batch.listings}
        for account_id, span in spans.items():
            assert span.since is not None
            self.rows[account_id] = [row for row in self.rows.get(account_id, []) if row.transaction_date < span.since]
        gone = {(one.provider_account_id, one.provider_transaction_id) for one in batch.removed}
        for row in batch.transactions:
            mine = self.rows.setdefault(row.provider_account_id, [])
            if row.provider_account_id not in spans:
                mine[:] = [one for one in mine if one.provider_transaction_id != row.provider_transaction_id]
            mine.append(row)
        for account_id, mine in self.rows.items():
            mine[:] = [row for row in mine if (account_id, row.provider_transaction_id) not in gone]
        if batch.cursor is not None and not batch.rejected:
            self.cursor = batch.cursor


@dataclass
class Bench:
    """One login of the world, connected."""

    world: World
    server: NeutralServer
    adapter: ProviderAdapter
    login: Login
    calls: list[httpx2.Request]
    credentials: Credentials = field(default_factory=lambda: Credentials({}))
    book: Book = field(default_factory=Book)

    async def connect(self, renew: Credentials | None = None) -> Credentials:
        start = await self.adapter.begin(ConnectRequest(connection_id="c", user_reference="u", renew=renew))
        values = self.server.act(
            "consent",
            {
                "link_token": start.link_token or "",
                "bank": self.login.bank.key,
                "username": self.login.username,
                "password": self.login.password,
            },
        )
        established = await self.adapter.complete(ConnectCompletion(values=values, renew=renew))
        self.credentials = established.credentials
        return self.credentials

    async def read(self) -> list[SyncBatch]:
        batches = [batch async for batch in self.adapter.sync(self.credentials, self.book.cursor)]
        for batch in batches:
            self.book.take(batch)
        return batches

    def told(self) -> dict[str, Counter[Any]]:
        """By account of the world."""
        return {
            self.server.trace_account(account_id) or "?": Counter(
                (row.transaction_date, row.amount, row.currency, row.status) for row in rows
            )
            for account_id, rows in self.book.rows.items()
            if rows
        }

    def true(self) -> dict[str, Counter[Any]]:
        found = {}
        for account in self.world.shown_accounts(self.login):
            truth = self.world.truth(account.account_id)
            rows = truth.settled if account.kind is AccountKind.BROKERAGE else truth.rows
            if rows:
                found[account.account_id] = Counter(
                    (row.booked_on, row.amount, row.currency, row.state.value) for row in rows
                )
        return found


OpenBench = Callable[..., Any]


@pytest.fixture
async def open_bench() -> AsyncIterator[OpenBench]:
    """`await open_bench(slug, ...)` opens a bench on a calm family, or with `turmoil=True` on a turbulent one."""
    opened: list[httpx2.AsyncClient] = []

    async def make(
        slug: str,
        *,
        seed: int = 5,
        policy: IdPolicy | None = None,
        shares: Mapping[str, float] | None = None,
        turmoil: bool = False,
        days: int = 20,
        **face_settings: Any,
    ) -> Bench:
        view = View(seed, shares, {slug: policy} if policy is not None else None)
        if turmoil:
            currencies = ("USD", "EUR", "JPY", "KWD")
            world = build_turmoil(seed, tenants=1, start=START, days=days, view=view, currencies=currencies)
        else:
            world = World(seed, start=START, history_days=40, families=1, view=view)
        server = replace(FACES[slug], **face_settings).build(world)
        calls: list[httpx2.Request] = []

        async def note(request: httpx2.Request) -> None:
            calls.append(request)

        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=server), event_hooks={"request": [note]})
        opened.append(client)
        adapter = SPECS[slug].factory(
            ProviderContext(
                settings={
                    f"{slug}_secret": server.credentials()["secret"],
                    f"{slug}_base_url": f"http://bank.test/{slug}",
                },
                clock=world.clock,
                http_client=client,
            )
        )
        login = max(world.logins, key=lambda one: any(a.kind is AccountKind.BROKERAGE for a in one.accounts))
        bench = Bench(world, server, adapter, login, calls)
        await bench.connect()
        return bench

    yield make
    for client in opened:
        await client.aclose()
