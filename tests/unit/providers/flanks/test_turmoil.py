"""Does the simulated Flanks show what goes wrong in a turbulent world, and does the adapter read it as it is?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from bursar.domain.sync import SyncBatch
from bursar.ports.errors import ProviderInvalidResponseError
from bursar.ports.provider import ConnectCompletion, ConnectRequest, Credentials, ProviderContext
from bursar.providers.flanks.adapter import PROVIDER, FlanksAdapter
from bursar.providers.flanks.sandbox import SANDBOX, TRAITS, FlanksFace
from bursar.providers.flanks.sandbox.extraction import shows_number
from bursar.sandbox.app import create_app
from bursar.sandbox.faces import TracedFace
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import EventKind
from bursar.sandbox.people import AccountKind, Login
from bursar.sandbox.turmoil import build_turmoil
from bursar.sandbox.view import View
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer

START = date(2026, 3, 2)
SOON = timedelta(minutes=1)


@dataclass
class Bench:
    """A world, the simulator in front of it, and one connected login."""

    world: World
    server: Any
    adapter: FlanksAdapter
    login: Login
    credentials: Credentials
    login_id: str = ""

    async def sync(self) -> SyncBatch:
        (batch,) = [batch async for batch in self.adapter.sync(self.credentials, None)]
        return batch

    async def consent(self, renew: Credentials | None = None) -> Any:
        start = await self.adapter.begin(ConnectRequest(connection_id="1", user_reference="u", renew=renew))
        given = {"authorization_url": start.authorization_url, **TRAITS.login(self.login)}
        answers = self.server.act(TRAITS.consent, given)
        values = {name: answers[name] for name in start.needs}
        return await self.adapter.complete(ConnectCompletion(values=values, renew=renew))


@pytest.fixture
def turbulent() -> Callable[..., Any]:
    @contextmanager
    def run(shares: dict[str, float] | None = None, *, seed: int = 3, page_size: int = 50) -> Iterator[Bench]:
        world = build_turmoil(seed, tenants=2, start=START, days=40, view=View(seed, shares))
        world.advance(timedelta(days=30))
        app = create_app(world, control_token="flanks-tests", faces=[FlanksFace(page_size=page_size)])
        with LoopbackServer(app) as server:
            settings = {f"flanks_{name}": value for name, value in SANDBOX.build(world).credentials().items()}
            settings["flanks_base_url"] = f"{server.url}/flanks"
            adapter = PROVIDER.factory(ProviderContext(settings=settings, clock=world.clock))
            yield Bench(world, app.faces["flanks"], adapter, world.households[0].logins[0], Credentials({}))

    return run


async def connected(bench: Bench, login: Login | None = None) -> Bench:
    bench.login = login or bench.login
    established = await bench.consent()
    bench.credentials, bench.login_id = established.credentials, established.external_login_id
    return bench


def _true(bench: Bench) -> list[tuple[str, date, object]]:
    return sorted(
        (account.account_id, row.booked_on, row.amount)
        for account in bench.world.shown_accounts(bench.login)
        for row in bench.world.truth(account.account_id).settled
    )


def _told(bench: Bench, batch: SyncBatch) -> list[tuple[str | None, date, object]]:
    return sorted(
        (bench.server.trace_account(row.provider_account_id), row.transaction_date, row.amount)
        for row in batch.transactions
    )


async def test_every_bank_of_a_world_can_be_chosen_on_the_page(turbulent) -> None:
    with turbulent() as bench:
        for login in bench.world.logins:
            await connected(bench, login)
            assert _told(bench, await bench.sync()) == _true(bench)
        await bench.adapter.aclose()


async def test_ids_lead_back_to_the_world(turbulent) -> None:
    with turbulent() as bench:
        await connected(bench)
        batch = await bench.sync()
        assert isinstance(bench.server, TracedFace)
        assert batch.transactions
        for row in batch.transactions:
            world_id = bench.server.trace_transaction(row.provider_account_id, row.provider_transaction_id)
            account_id = bench.server.trace_account(row.provider_account_id)
            assert bench.world.find_row(account_id, world_id).amount == row.amount
        assert bench.server.trace_account("nobody") is None
        assert bench.server.trace_transaction("nobody", "nothing") is None
        await bench.adapter.aclose()


async def test_listing_is_of_all_days_so_that_the_oldest_row_can_be_taken_back(turbulent) -> None:
    with turbulent() as bench:
        await connected(bench)
        batch = await bench.sync()
        account_id = next(
            row.provider_account_id for row in sorted(batch.transactions, key=lambda row: row.transaction_date)
        )
        world_account = bench.server.trace_account(account_id)
        oldest = bench.world.truth(world_account).settled[0]
        bench.world.record(bench.world.now, EventKind.REMOVED, oldest)
        again = await bench.sync()
        assert len(again.transactions) == len(batch.transactions) - 1
        (listing,) = [one for one in again.listings if one.provider_account_id == account_id]
        assert listing.since < oldest.booked_on
        await bench.adapter.aclose()


async def test_account_that_is_away_is_not_listed(turbulent) -> None:
    with turbulent() as bench:
        await connected(bench)
        gone = bench.login.accounts[0].account_id
        bench.world.hide(gone, bench.world.now + SOON, bench.world.now + timedelta(days=2))
        bench.world.advance(2 * SOON)
        batch = await bench.sync()
        assert gone not in [bench.server.trace_account(one.provider_account_id) for one in batch.accounts]
        assert batch.accounts_complete
        bench.world.advance(timedelta(days=3))
        back = await bench.sync()
        assert gone in [bench.server.trace_account(one.provider_account_id) for one in back.accounts]
        await bench.adapter.aclose()


@pytest.mark.parametrize("fault", ["B1", "B2"])
async def test_new_consent_keeps_the_credential_and_may_change_ids(turbulent, fault) -> None:
    with turbulent({fault: 1.0}) as bench:
        for login in bench.world.logins:
            await connected(bench, login)
            before = await bench.sync()
            action, arguments = TRAITS.end_consent(bench.login_id)
            bench.server.act(action, arguments)
            renewed = await bench.consent(bench.credentials)
            assert renewed.credentials == bench.credentials
            after = await bench.sync()
            assert _told(bench, after) == _told(bench, before)
            rows = [{row.provider_transaction_id for row in one.transactions} for one in (before, after)]
            assert not rows[0] & rows[1] if fault == "B1" else rows[0] == rows[1]
            numbered = {
                one.provider_account_id
                for one in before.accounts
                if shows_number(bench.world.accounts[bench.server.trace_account(one.provider_account_id)])
            }
            kept = {one.provider_account_id for one in after.accounts}
            assert numbered <= kept if fault == "B1" else not numbered & kept
        assert bench.world.view.hits[fault, "flanks"]
        await bench.adapter.aclose()


async def test_page_that_is_no_longer_known_is_read_again_from_the_start(turbulent) -> None:
    # Every third token or so is refused: one of three tries gets through sooner or later.
    with turbulent({"C11": 0.4}, page_size=2) as bench:
        await connected(bench)
        tries = 0
        while True:
            tries += 1
            try:
                batch = await bench.sync()
            except ProviderInvalidResponseError:
                continue
            break
        assert _told(bench, batch) == _true(bench)
        assert bench.world.view.hits["C11", "flanks"]
        await bench.adapter.aclose()


async def test_empty_listing_is_not_believed_of_a_credential_with_movements(turbulent) -> None:
    with turbulent() as bench:
        await connected(bench)
        # The answer that comes again is of a moment at which the login showed nothing.
        bench.world.faults.add(FaultKind.STALE, path="/flanks/aggregation/v2/list-transactions")
        accounts = [account.account_id for account in bench.login.accounts]
        until = bench.world.now + 10 * SOON
        for account_id in accounts:
            bench.world.hide(account_id, bench.world.now + SOON, until)
        bench.world.advance(2 * SOON)
        assert list((await bench.sync()).accounts) == []
        bench.world.advance(20 * SOON)
        with pytest.raises(ProviderInvalidResponseError):
            await bench.sync()
        assert _told(bench, await bench.sync()) == _true(bench)
        await bench.adapter.aclose()


@pytest.mark.parametrize("fault", ["A13", "A14", "A15", "A16"])
async def test_rows_are_the_same_however_they_are_written(turbulent, fault) -> None:
    with turbulent({fault: 1.0}) as bench:
        await connected(bench)
        batch = await bench.sync()
        assert not batch.rejected
        if fault != "A16":
            assert _told(bench, batch) == _true(bench)
        bench.world.view.stop()
        assert _told(bench, await bench.sync()) == _true(bench)
        assert bench.world.view.hits[fault, "flanks"]
        await bench.adapter.aclose()


async def test_position_without_details_is_rejected_and_closes_nothing(turbulent) -> None:
    with turbulent({"A17": 1.0}, seed=_seed_with_positions()) as bench:
        await connected(bench, next(one for one in bench.world.logins if _has_positions(bench.world, one)))
        batch = await bench.sync()
        assert {record.kind for record in batch.rejected} == {"holding"}
        assert not any(one.complete for one in batch.holdings)
        assert {one.provider_account_id for one in batch.listings} == {
            one.provider_account_id for one in batch.accounts
        }
        await bench.adapter.aclose()


async def test_row_without_currency_is_rejected_and_takes_nothing_back(turbulent) -> None:
    with turbulent({"A18": 1.0}) as bench:
        await connected(bench)
        assert AccountKind.BROKERAGE not in {account.kind for account in bench.login.accounts}
        batch = await bench.sync()
        assert [(record.kind, record.reason) for record in batch.rejected] == [("transaction", "missing_field")]
        assert not batch.accounts_complete
        (rejected,) = batch.rejected
        # A listing of an account with an unread row takes nothing back.
        assert rejected.provider_account_id in {None, *(one.provider_account_id for one in batch.listings)}
        bench.world.view.stop()
        assert _told(bench, await bench.sync()) == _true(bench)
        await bench.adapter.aclose()


def _has_positions(world: World, login: Login) -> bool:
    return any(world.positions(account.account_id) for account in login.accounts)


def _seed_with_positions() -> int:
    for seed in range(200):
        world = build_turmoil(seed, tenants=2, start=START, days=40, view=View(seed))
        world.advance(timedelta(days=30))
        if any(_has_positions(world, login) for login in world.logins):
            return seed
    raise LookupError
