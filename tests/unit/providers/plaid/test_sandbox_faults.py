"""Each fault of data and identity is seen on the simulated Plaid's wire, and the adapter still reads the truth."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from bursar.domain.sync import SyncBatch
from bursar.ports.errors import ProviderError
from bursar.ports.provider import Credentials
from bursar.providers.plaid import PlaidClient
from bursar.providers.plaid.adapter import PlaidAdapter
from bursar.providers.plaid.sandbox import SANDBOX, TRAITS, PlaidFace
from bursar.providers.plaid.sandbox.face import PlaidServer
from bursar.sandbox.people import Login
from bursar.sandbox.turmoil import build_turmoil
from bursar.sandbox.view import View
from bursar.sandbox.world import World

START = date(2026, 3, 2)
CODES = ("iso_currency_code", "unofficial_currency_code")


class Desk:
    """One login behind the simulated Plaid: the raw wire, the adapter, and what a ledger would hold by its word."""

    def __init__(self, world: World, server: PlaidServer, http: httpx2.AsyncClient, login: Login) -> None:
        self.world, self.server, self.login = world, server, login
        self._http = http
        client = PlaidClient(SANDBOX.client_id, SANDBOX.secret, base_url="http://bank.test", http_client=http)
        self.adapter = PlaidAdapter(client, world.clock)
        self.token = self.item_id = ""
        self.cursor: Mapping[str, str] | None = None
        self.rows: dict[tuple[str, str], tuple[object, ...]] = {}
        self.batches: list[SyncBatch] = []

    async def raw(self, path: str, **body: Any) -> dict[str, Any]:
        keys = {"PLAID-CLIENT-ID": SANDBOX.client_id, "PLAID-SECRET": SANDBOX.secret}
        sent = body if "public_token" in body or path.startswith("/link") else {"access_token": self.token, **body}
        answer = await self._http.post(f"http://bank.test{path}", json=sent, headers=keys)
        return json.loads(answer.content, parse_float=Decimal)

    async def consent(self) -> None:
        """Gives consent, at first and again."""
        again = {"access_token": self.token} if self.token else {"products": ["transactions"]}
        link = await self.raw(
            "/link/token/create",
            client_name="x",
            language="en",
            country_codes=["US"],
            user={"client_user_id": "u"},
            **({"transactions": {"days_requested": 730}} if not self.token else {}),
            **again,
        )
        arguments = {"link_token": link["link_token"], **TRAITS.login(self.login)}
        public = self.server.act(TRAITS.consent, arguments)["public_token"]
        if not self.token:
            done = await self.raw("/item/public_token/exchange", public_token=public)
            self.token, self.item_id = done["access_token"], done["item_id"]

    async def read(self) -> None:
        """One sync; what the adapter refuses is read the next time."""
        try:
            async for batch in self.adapter.sync(Credentials({"access_token": self.token}), self.cursor):
                self._take(batch)
        except ProviderError:
            return

    def _take(self, batch: SyncBatch) -> None:
        self.batches.append(batch)
        told = {
            (row.provider_account_id, row.provider_transaction_id or ""): (
                row.amount,
                row.currency,
                row.transaction_date,
                row.status,
            )
            for row in batch.transactions
        }
        if batch.listings:
            self.rows = told  # a whole history: nothing else exists
        self.rows |= told
        for gone in batch.removed:
            self.rows.pop((gone.provider_account_id or "", gone.provider_transaction_id), None)
        self.cursor = batch.cursor if batch.cursor is not None else self.cursor

    def told(self) -> Counter:
        """What the ledger holds, by the ids of the world."""
        return Counter((self.server.trace_transaction(*key), *values) for key, values in self.rows.items())

    def truth(self) -> Counter:
        return Counter(
            (row.world_id, row.amount, row.currency, row.booked_on, row.state.value)
            for account in self.world.shown_accounts(self.login)
            if account.kind != "brokerage"
            for row in self.world.truth(account.account_id).rows
        )


@asynccontextmanager
async def open_desk(seed: int, shares: Mapping[str, float], days: int = 30, **world: Any) -> AsyncIterator[Desk]:
    """A turbulent household in front of the simulated Plaid."""
    view = View(seed, shares)
    built = build_turmoil(seed, tenants=1, start=START, days=days, view=view, **world)
    server = PlaidFace(rate_limits=False).build(built)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=server)) as http:
        desk = Desk(built, server, http, built.logins[0])
        await desk.consent()
        yield desk


async def live(desk: Desk, steps: int, hours: int = 17, renew_at: int | None = None) -> None:
    for step in range(steps):
        await desk.read()
        desk.world.advance(timedelta(hours=hours))
        if step == renew_at:
            await desk.consent()


FAULTS = ("A2", "A3", "A7", "A9", "A13", "A14", "A15", "A16", "A17", "A18", "B1", "B2", "B10", "C10", "C11", "C12")
MIXTURE = dict.fromkeys(("A3", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A13", "A15", "C10", "C12"), 0.2)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_reading_ends_at_the_truth_whatever_the_fault(fault: str, seed: int) -> None:
    async with open_desk(seed, {fault: 0.4, "B8": 0.3, "A12": 0.2}) as desk:
        await live(desk, 45, renew_at=20)
        desk.world.view.stop()
        desk.world.advance(timedelta(days=40))
        for _ in range(3):
            await desk.read()
        assert not desk.truth() - desk.told()
        extra = desk.told() - desk.truth()
        shown = {account.account_id for account in desk.world.shown_accounts(desk.login)}
        assert not [row for row in extra if str(row[0]).rpartition(".")[0].partition(".")[0] in shown]


@pytest.mark.parametrize("seed", range(4, 10))
async def test_mixture_ends_at_the_truth_and_one_more_reading_tells_nothing(seed: int) -> None:
    async with open_desk(seed, MIXTURE) as desk:
        await live(desk, 45)
        desk.world.view.stop()
        desk.world.advance(timedelta(days=40))
        for _ in range(3):
            await desk.read()
        assert desk.told() == desk.truth()
        before = desk.cursor
        again = await desk.raw("/transactions/sync", cursor=(before or {})["transactions"])
        assert (again["added"], again["modified"], again["removed"]) == ([], [], [])


async def updates(desk: Desk, steps: int = 60, **options: Any) -> list[dict[str, Any]]:
    """Every raw answer of a client that follows the feed."""
    cursor, answers = "", []
    for _ in range(steps):
        answer = await desk.raw("/transactions/sync", cursor=cursor, count=500, **options)
        answers.append(answer)
        cursor = answer.get("next_cursor", "" if answer.get("error_code") == "INVALID_FIELD" else cursor)
        if not answer.get("has_more"):
            desk.world.advance(timedelta(hours=13))
    return answers


def rows_of(answers: list[dict[str, Any]], *members: str) -> list[dict[str, Any]]:
    return [row for answer in answers for member in members for row in answer.get(member, [])]


def seed_where(check: Callable[[list[dict[str, Any]]], bool]) -> Callable[..., Any]:
    async def find(shares: Mapping[str, float], **world: Any) -> list[dict[str, Any]]:
        for seed in range(1, 9):
            async with open_desk(seed, shares, **world) as desk:
                answers = await updates(desk)
            if check(answers):
                return answers
        raise AssertionError("no world shows this fault")

    return find


async def test_nothing_is_spoilt_without_shares() -> None:
    async with open_desk(1, {}) as desk:
        answers = await updates(desk)
        added, removed = rows_of(answers, "added"), rows_of(answers, "removed")
        links = {row["pending_transaction_id"] for row in added if row["pending_transaction_id"]}
        assert links == {row["transaction_id"] for row in removed}
        assert not [place for _, place in desk.world.view.hits if place == "plaid"]
        assert all(sum(row[code] is not None for code in CODES) == 1 for row in added)


async def test_a2_leaves_the_link_out() -> None:
    async with open_desk(1, {"A2": 1.0}) as desk:
        answers = await updates(desk)
        assert rows_of(answers, "removed")
        assert not [row for row in rows_of(answers, "added") if row["pending_transaction_id"]]


async def test_a3_tells_the_posted_row_before_the_pending_one_goes() -> None:
    async with open_desk(1, {"A3": 1.0}) as desk:
        both = 0
        for answer in await updates(desk):
            gone = {row["transaction_id"] for row in answer["removed"]}
            both += sum(
                bool(row["pending_transaction_id"]) and row["pending_transaction_id"] not in gone
                for row in answer["added"]
            )
        assert both


async def test_a7_gives_a_pending_row_a_second_id() -> None:
    async with open_desk(2, {"A7": 1.0}) as desk:
        added = rows_of(await updates(desk), "added")
        ids = Counter(
            desk.server.trace_transaction(row["account_id"], row["transaction_id"]) for row in added if row["pending"]
        )
        assert max(ids.values()) == 2
        assert None not in ids


async def test_a13_sends_rows_again_as_modified_in_other_words() -> None:
    async with open_desk(1, {"A13": 1.0}) as desk:
        answers = await updates(desk)
        names = {row["transaction_id"]: {row["name"]} for row in rows_of(answers, "added")}
        for row in rows_of(answers, "modified"):
            names[row["transaction_id"]].add(row["name"])
        assert max(map(len, names.values())) >= 4


async def test_a14_cuts_zeros_in_the_list_by_date_only() -> None:
    async with open_desk(1, {"A14": 1.0}, currencies=("KWD", "XAU")) as desk:
        listed = await desk.raw("/transactions/get", start_date="2025-01-01", end_date="2026-12-31")
        fed = {row["transaction_id"]: row["amount"] for row in rows_of(await updates(desk, 1), "added")}
        pairs = [(row["amount"], fed[row["transaction_id"]]) for row in listed["transactions"]]
        assert pairs
        assert all(Decimal(one) == Decimal(other) for one, other in pairs)
        assert any(str(one) != str(other) for one, other in pairs)


async def test_a15_varies_what_is_optional_and_nothing_else() -> None:
    needed = {"transaction_id", "account_id", "amount", "date", "name", "pending", "pending_transaction_id", *CODES}
    async with open_desk(3, {"A15": 1.0}) as desk:
        added = rows_of(await updates(desk), "added")
        assert all(needed <= row.keys() for row in added)
        assert any("settlement_rail" in row for row in added) or any("counterparties" not in row for row in added)


async def test_a16_has_old_dated_missing_and_unknown_balances() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(1, 6):
        async with open_desk(seed, {"A16": 1.0}) as desk:
            for _ in range(20):
                for account in (await desk.raw("/accounts/get"))["accounts"]:
                    balances = account["balances"]
                    if balances.get("last_updated_datetime"):
                        kinds["dated"] += 1
                    elif balances["current"] is None:
                        kinds["missing" if any(balances[code] for code in CODES) else "unknown"] += 1
                desk.world.advance(timedelta(hours=7))
    assert set(kinds) == {"dated", "missing", "unknown"}


async def test_a18_hides_the_currency_of_one_row_and_the_adapter_keeps_its_place() -> None:
    async with open_desk(1, {"A18": 1.0}) as desk:
        await desk.read()
        assert desk.batches[0].rejected
        assert desk.cursor is None
        [bad] = [row for row in rows_of(await updates(desk, 1), "added") if not any(row[code] for code in CODES)]
        assert bad["amount"] is not None


@pytest.mark.parametrize("seed", range(1, 5))
async def test_b1_gives_every_row_another_id_at_the_same_item(seed: int) -> None:
    async with open_desk(seed, {"B1": 1.0}) as desk:
        before = {row["transaction_id"]: row for row in rows_of(await updates(desk, 1), "added")}
        await desk.consent()
        after = {row["transaction_id"]: row for row in rows_of(await updates(desk, 1), "added")}
        assert before
        assert not before.keys() & after.keys()
        trace = desk.server.trace_transaction
        worlds = [{trace(row["account_id"], name) for name, row in rows.items()} for rows in (before, after)]
        assert worlds[0] == worlds[1]


async def test_b2_gives_accounts_other_ids_and_some_institutions_keep_one() -> None:
    persistent = []
    for seed in range(1, 7):
        async with open_desk(seed, {"B2": 1.0}) as desk:
            before = (await desk.raw("/accounts/get"))["accounts"]
            await desk.consent()
            after = (await desk.raw("/accounts/get"))["accounts"]
            trace = desk.server.trace_account
            assert [trace(one["account_id"]) for one in before] == [trace(one["account_id"]) for one in after]
            kept = [one.get("persistent_account_id") for one in before]
            assert kept == [one.get("persistent_account_id") for one in after]
            persistent += kept
            changed = [one["account_id"] != other["account_id"] for one, other in zip(before, after, strict=True)]
    assert any(changed)
    assert None in persistent
    assert any(persistent)


async def test_b9_second_item_of_a_login_has_ids_of_its_own_for_the_same_accounts() -> None:
    async with open_desk(1, {}) as desk:
        before = (await desk.raw("/accounts/get"))["accounts"]
        desk.token = ""
        await desk.consent()
        after = (await desk.raw("/accounts/get"))["accounts"]
        assert not {one["account_id"] for one in before} & {one["account_id"] for one in after}
        trace = desk.server.trace_account
        assert [trace(one["account_id"]) for one in before] == [trace(one["account_id"]) for one in after]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("C10", "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"), ("C11", "INVALID_FIELD")],
)
async def test_errors_of_the_feed_are_told(fault: str, code: str) -> None:
    find = seed_where(lambda answers: code in {answer.get("error_code") for answer in answers})
    assert await find({fault: 0.5})


async def test_units_have_all_their_decimals_and_the_code_they_are_entitled_to() -> None:
    decimals: dict[str, set[int]] = {}
    for seed in range(1, 7):
        async with open_desk(seed, {}, currencies=("KWD", "XAU", "JPY")) as desk:
            for row in rows_of(await updates(desk, 20), "added"):
                iso, unofficial = (row[code] for code in CODES)
                assert unofficial is None
                amount = Decimal(row["amount"])
                decimals.setdefault(iso or unofficial, set()).add(-int(amount.as_tuple().exponent))
            await desk.read()
            assert {row[1] for row in desk.rows.values()} <= {"KWD", "XAU", "JPY"}
    assert decimals == {"KWD": {3}, "XAU": {8}, "JPY": {0}}
