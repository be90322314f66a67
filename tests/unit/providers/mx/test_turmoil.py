"""Does the simulated MX show what goes wrong in a turbulent world, and does the adapter read it as it is?"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bursar.domain.sync import RecordKind, SyncBatch, SyncCursor
from bursar.ports.errors import ProviderUnavailableError
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials, ProviderContext
from bursar.providers.mx.adapter import PROVIDER
from bursar.providers.mx.sandbox import SANDBOX, TRAITS
from bursar.sandbox.app import create_app
from bursar.sandbox.people import AccountKind, Login
from bursar.sandbox.turmoil import build_turmoil
from bursar.sandbox.view import View
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer

START = date(2026, 3, 2)


@dataclass
class Bench:
    """A turbulent world, the simulator in front of it, and one connected login."""

    world: World
    server: Any
    adapter: Any
    login: Login
    credentials: Credentials

    async def sync(self, cursor: SyncCursor | None = None) -> list[SyncBatch]:
        return [batch async for batch in self.adapter.sync(self.credentials, cursor)]

    async def consent(self, renew: Credentials | None = None) -> Any:
        start = await self.adapter.begin(ConnectRequest(connection_id="1", user_reference="u", renew=renew))
        answers = self.server.act(TRAITS.consent, {"link_token": start.link_token, **TRAITS.login(self.login)})
        values = {name: answers[name] for name in start.needs}
        return await self.adapter.complete(ConnectCompletion(values=values, user_reference="u", renew=renew))

    def hits(self, fault: str) -> int:
        return self.world.view.hits[fault, "mx"]


@pytest.fixture
def turbulent() -> Callable[..., Any]:
    @asynccontextmanager
    async def run(shares: dict[str, float] | None = None, *, seed: int = 3) -> AsyncIterator[Bench]:
        world = build_turmoil(seed, tenants=3, start=START, days=60, view=View(seed, shares))
        world.advance(timedelta(days=40))
        app = create_app(world, control_token="mx-tests", faces=[SANDBOX])
        with LoopbackServer(app) as server:
            adapter = PROVIDER.factory(
                ProviderContext(
                    settings={
                        "mx_client_id": SANDBOX.client_id,
                        "mx_api_key": SANDBOX.api_key,
                        "mx_base_url": f"{server.url}/mx",
                    },
                    clock=world.clock,
                )
            )
            # The login with a brokerage account, where there is one: it can show everything.
            login = max(
                world.logins,
                key=lambda one: (
                    any(account.kind is AccountKind.BROKERAGE for account in one.accounts),
                    len(one.accounts),
                ),
            )
            bench = Bench(world, app.faces["mx"], adapter, login, Credentials({}))
            try:
                bench.credentials = (await bench.consent()).credentials
                yield bench
            finally:
                await adapter.aclose()

    return run


def keys(batch: SyncBatch) -> list[tuple[date, Decimal, str]]:
    return sorted((row.transaction_date, row.amount, row.status) for row in batch.transactions)


def truth(bench: Bench) -> list[tuple[date, Decimal, str]]:
    rows = [
        row
        for account in bench.world.shown_accounts(bench.login)
        for row in (
            bench.world.truth(account.account_id).settled
            if account.kind is AccountKind.BROKERAGE
            else bench.world.truth(account.account_id).rows
        )
    ]
    return sorted((row.booked_on, row.amount, row.state.value) for row in rows)


async def test_quiet_view_shows_the_truth_and_no_fault(turbulent):
    async with turbulent() as bench:
        rows = (await bench.sync())[0]
        assert keys(rows) == truth(bench)
        assert rows.transactions
        assert not [fault for (fault, place) in bench.world.view.hits if place == "mx"]
        for row in rows.transactions:
            assert bench.server.trace_transaction(row.provider_account_id, row.provider_transaction_id)


@pytest.mark.parametrize("fault", ["A2", "A13", "A14", "A15"])
async def test_rows_are_the_truth_however_they_are_written(turbulent, fault):
    async with turbulent({fault: 1.0}) as bench:
        rows = (await bench.sync())[0]
        assert bench.hits(fault)
        assert keys(rows) == truth(bench)
        assert not rows.rejected


async def test_currency_that_is_missing_is_the_accounts_and_an_account_without_one_is_rejected(turbulent):
    async with turbulent({"A18": 0.4}) as bench:
        rows = (await bench.sync())[0]
        assert bench.hits("A18")
        assert {record.kind for record in rows.rejected} <= {RecordKind.ACCOUNT, RecordKind.TRANSACTION}
        assert all(record.reason == "missing_field" for record in rows.rejected)
        assert (rows.cursor is None) == bool(rows.rejected)


@pytest.mark.parametrize("seed", [3, 6, 7, 8])
async def test_posted_row_takes_another_guid_where_the_link_is_missing(turbulent, seed):
    async with turbulent({"A2": 1.0}, seed=seed) as bench:
        account = next(one for one in bench.login.accounts if one.kind is not AccountKind.BROKERAGE)
        row_id = bench.world.script.add_pending(account.account_id, Decimal(-4), "LINKLESS")
        first = (await bench.sync())[0]
        bench.world.script.post(row_id)
        second = (await bench.sync(first.cursor))[0]
        before, after = (
            [row.provider_transaction_id for row in batch.transactions if row.description == "LINKLESS"]
            for batch in (first, second)
        )
        assert len(before) == len(after) == 1
        assert before != after


async def test_pending_row_stays_beside_the_posted_one_for_a_while_where_it_has_another_guid(turbulent):
    async with turbulent({"A2": 1.0, "A3": 0.02}) as bench:
        account = next(one for one in bench.login.accounts if one.kind is not AccountKind.BROKERAGE)
        rows = [bench.world.script.add_pending(account.account_id, Decimal(-4), "LINGERING") for _ in range(20)]
        bench.world.advance(timedelta(hours=1))
        for row_id in rows:
            bench.world.script.post(row_id)

        async def states() -> Counter[str]:
            found = (await bench.sync())[0].transactions
            return Counter(row.status for row in found if row.description == "LINGERING")

        told = await states()
        assert told["settled"] == 20
        assert 0 < told["pending"] < 20
        assert bench.hits("A3")
        bench.world.advance(timedelta(hours=72))
        assert await states() == {"settled": 20}


@pytest.mark.parametrize("fault", ["C9", "C10"])
async def test_pages_that_do_not_fit_are_read_again_or_told(turbulent, fault):
    async with turbulent({fault: 0.5}) as bench:
        for _ in range(4):
            try:
                rows = (await bench.sync())[0]
            except ProviderUnavailableError as error:
                assert error.code == "data_changing"
            else:
                ids = [row.provider_transaction_id for row in rows.transactions]
                assert len(ids) == len(set(ids))
            bench.world.advance(timedelta(minutes=1))
        assert bench.hits(fault)


async def test_old_answer_is_older_and_the_next_one_is_not(turbulent):
    async with turbulent({"C12": 0.5}) as bench:
        for _ in range(6):
            await bench.sync()
        assert bench.hits("C12")
        bench.world.view.stop()
        assert keys((await bench.sync())[0]) == truth(bench)


async def test_balances_are_missing_or_old_and_say_so(turbulent):
    async with turbulent({"A16": 0.6}) as bench:
        missing = old = 0
        for _ in range(12):
            for account in (await bench.sync())[0].accounts:
                missing += not account.balance_known
                old += account.balance_as_of is not None and account.balance_as_of < bench.world.now - timedelta(
                    hours=1
                )
            bench.world.advance(timedelta(hours=7))
        assert missing
        assert old


async def test_positions_are_missing_or_nameless_and_an_unreadable_one_closes_nothing(turbulent):
    for seed in range(3, 12):
        async with turbulent({"A17": 0.6}, seed=seed) as bench:
            if not any(account.kind is AccountKind.BROKERAGE for account in bench.login.accounts):
                continue
            incomplete = False
            for _ in range(10):
                batches = await bench.sync()
                held = [listing for batch in batches for listing in batch.holdings]
                rejected = [one for batch in batches for one in batch.rejected if one.kind is RecordKind.HOLDING]
                assert all(listing.complete == (not rejected) for listing in held)
                incomplete = incomplete or bool(rejected)
                bench.world.advance(timedelta(hours=7))
            if incomplete:
                return
    pytest.fail("no seed had an unreadable position")


@pytest.mark.parametrize(("fault", "rows_change", "accounts_change"), [("B1", True, False), ("B2", False, True)])
async def test_signing_in_again_changes_guids_and_older_rows_are_told_again(
    turbulent, fault, rows_change, accounts_change
):
    async with turbulent({fault: 1.0}) as bench:
        before = (await bench.sync())[0]
        bench.world.advance(timedelta(days=2))
        again = await bench.consent(renew=bench.credentials)
        assert again.external_login_id == bench.credentials["member_guid"]
        after = (await bench.sync(before.cursor))[0]

        def ids(batch):
            return {row.provider_transaction_id for row in batch.transactions}

        def account_ids(batch):
            return {account.provider_account_id for account in batch.accounts}

        assert ids(before).isdisjoint(ids(after)) == rows_change
        assert account_ids(before).isdisjoint(account_ids(after)) == accounts_change
        assert keys(after) == truth(bench)
        for row in after.transactions:
            assert bench.server.trace_transaction(row.provider_account_id, row.provider_transaction_id)


async def test_ended_consent_is_told_by_the_state(turbulent):
    async with turbulent() as bench:
        action, arguments = TRAITS.end_consent(bench.credentials["member_guid"])
        bench.server.act(action, arguments)
        assert bench.server.trace_account("ACT-nobody") is None
        with pytest.raises(Exception, match="sign in again"):
            await bench.sync()
