"""Every provider of the interface does the same: from the link to the removal, with every filter and its webhooks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from fastapi import FastAPI
from tests.integration.banking.conftest import IMPATIENT, START

from bursar.banking import Banking, add_banking, easy_banking
from bursar.banking.exceptions import BankingProviderError, InvalidInputError
from bursar.models import LinkStart
from bursar.providers.finicity.sandbox import FinicityFace
from bursar.providers.mx.sandbox import MXFace
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.providers.teller.sandbox import TellerFace
from bursar.sandbox.app import create_app
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer, Tampering

FACES = {
    "plaid": PlaidFace(rate_limits=False),
    "teller": TellerFace(),
    "mx": MXFace(),
    "finicity": FinicityFace(),
}
SHARED_KINDS = {"checking", "savings", "credit_card"}
"""What all four read; Teller knows nothing else."""


class Stage:
    """One simulated provider, the interface in front of it, and a person who has linked a login."""

    def __init__(self, slug: str, world: World, app, wire: Tampering, banking: Banking) -> None:
        self.slug = slug
        self.world = world
        self.server = app.faces[slug]
        self.wire = wire
        self.banking = banking

    def sign_in(self, start: LinkStart) -> dict[str, str]:
        import json

        given = {"link_token": start.link_token or json.dumps(start.config), "authorization_url": start.url}
        login = {"institution_id": "ins_109508" if self.slug == "plaid" else "first_river"}
        told = self.server.act("complete_link", {**{name: one for name, one in given.items() if one}, **login})
        return {name: told[name] for name in start.needs}


@contextmanager
def open_stage(slug: str) -> Iterator[Stage]:
    world = World(5, start=START, history_days=60, families=1)
    app = create_app(world, control_token="control", faces=[FACES[slug]])
    wire = Tampering(app)
    with LoopbackServer(wire) as server:
        published = {f"{slug}_{name}".upper(): one for name, one in app.faces[slug].credentials().items()}
        environ = {**published, f"{slug.upper()}_BASE_URL": f"{server.url}/{slug}"}
        with easy_banking(slug, environ=environ, clock=world.clock, timing=IMPATIENT) as banking:
            yield Stage(slug, world, app, wire, banking)


@pytest.fixture(params=sorted(FACES))
def stage(request) -> Iterator[Stage]:
    with open_stage(request.param) as stage:
        yield stage


async def test_life_of_a_login_is_the_same_everywhere(stage) -> None:
    banking = stage.banking
    start = await banking.create_link_token(user_id="user-123")
    item = await banking.exchange_public_token(user_id="user-123", **stage.sign_in(start))
    accounts = await banking.get_accounts(item.access_token)
    assert accounts.complete
    assert {one.institution_name for one in accounts} == {item.institution_name}
    assert item.institution_name and item.institution_id
    assert {one.kind for one in accounts} >= SHARED_KINDS
    for account in accounts:
        world = stage.world.accounts[stage.server.trace_account(account.id)]
        worth = sum((one.value for one in stage.world.positions(world.account_id)), Decimal(0))
        assert account.balance == stage.world.balance(world.account_id) + worth
    for live in (False, True):
        balances = await banking.get_balances(item.access_token, live=live)
        assert {one.account_id: one.current for one in balances} == {one.id: one.balance for one in accounts}
    owners = (await banking.get_identity(item.access_token)).owners
    assert {account_id for owner in owners for account_id in owner.account_ids} == {one.id for one in accounts}
    again = await banking.create_link_token("user-123", item.access_token)
    assert again.needs == ()
    await banking.remove_item(item.access_token)
    await banking.remove_item(item.access_token)
    with pytest.raises(BankingProviderError):
        await banking.get_accounts(item.access_token)


FILTERS = [
    {},
    {"min_amount": "20"},
    {"max_amount": 20.5},
    {"min_amount": 20, "max_amount": 300},
    {"exclude_pending": True},
    {"is_pending": True},
    {"start_date": "2026-02-01", "end_date": "2026-02-10"},
]


async def test_filters_find_the_same_rows_through_every_provider() -> None:
    found: dict[str, list[Counter]] = {}
    for slug in FACES:
        with open_stage(slug) as stage:
            start = await stage.banking.create_link_token(user_id="user-123")
            item = await stage.banking.exchange_public_token(user_id="user-123", **stage.sign_in(start))
            shared = {one.id for one in await stage.banking.get_accounts(item.access_token) if one.kind in SHARED_KINDS}
            found[slug] = []
            for filters in FILTERS:
                rows = await stage.banking.get_transactions(item.access_token, **filters)
                assert [row.date for row in rows] == sorted((row.date for row in rows), reverse=True)
                found[slug].append(
                    Counter(
                        (row.date, row.amount, row.currency, row.pending) for row in rows if row.account_id in shared
                    )
                )
            await check_words(stage.banking, item.access_token)
    assert found["teller"] == found["plaid"] == found["mx"] == found["finicity"]
    assert all(found["plaid"])


async def check_words(banking: Banking, token: str) -> None:
    """Filters by words, accounts, order and page, whatever words a provider has."""
    rows = await banking.get_transactions(token)
    named = next(row for row in rows if row.merchant_name)
    part = named.merchant_name[:4].upper()
    theirs = await banking.get_transactions(token, merchant_name=part)
    assert {row.id for row in theirs} == {
        row.id for row in rows if part.casefold() in (row.merchant_name or "").casefold()
    }
    sorted_out = next(row for row in rows if row.category)
    same = await banking.get_transactions(token, category=sorted_out.category)
    assert {row.id for row in same} == {row.id for row in rows if sorted_out.category in row.categories}
    assert await banking.get_transactions(token, category="No Such Category") == []
    one = await banking.get_transactions(token, account_id=named.account_id, sort_by="amount", sort_order="asc")
    sizes = [abs(row.amount) for row in one]
    assert sizes == sorted(sizes)
    assert {row.account_id for row in one} == {named.account_id}
    names = [row.merchant_name for row in await banking.get_transactions(token, sort_by="merchant", sort_order="asc")]
    known = [name.casefold() for name in names if name is not None]
    assert names[: len(known)].count(None) == 0
    assert known == sorted(known)
    second = await banking.get_transactions(token, page=2, page_size=7)
    assert [row.id for row in second] == [row.id for row in rows[7:14]]


async def test_dates_that_make_no_sense_are_refused_before_anything_is_sent(stage) -> None:
    start = await stage.banking.create_link_token(user_id="user-123")
    item = await stage.banking.exchange_public_token(user_id="user-123", **stage.sign_in(start))
    stage.wire.answers.clear()
    for window in (("2026-02-02", "2026-02-01"), ("02/01/2026", None), ("2026-02-30", None)):
        with pytest.raises(InvalidInputError) as caught:
            await stage.banking.get_transactions(item.access_token, *window)
        assert caught.value.field == "start_date"
    for token in ("", "two words", "bursar-login.cut"):
        with pytest.raises(BankingProviderError):
            await stage.banking.get_accounts(token)
    assert stage.wire.answers == []


async def test_token_that_is_none_is_a_typed_error_that_says_what_to_do(stage) -> None:
    for call in (stage.banking.get_accounts, stage.banking.get_balances, stage.banking.get_identity):
        with pytest.raises(BankingProviderError) as caught:
            await call("no-token-of-theirs")
        assert type(caught.value) is not BankingProviderError
        assert "no-token-of-theirs" not in caught.value.message


async def test_genuine_webhook_is_taken_once_and_a_forged_one_is_401(stage, serve) -> None:
    told: list[object] = []
    app = FastAPI()
    add_banking(app, stage.banking, on_webhook=told.extend)
    client = await serve(app)
    begun = await client.post("/banking/link", json={"user_id": "user-123"})
    values = stage.sign_in(LinkStart.model_validate(begun.json()))
    brought = {"user_id": "user-123", "link_session": begun.json()["link_session"], **values}
    answer = await client.post("/banking/exchange", json=brought)
    assert answer.status_code == 200, answer.text
    item = answer.json()
    assert (await client.get("/banking/accounts", headers=client.as_user(item["access_token"]))).status_code == 200
    path = f"/banking/webhooks/{stage.slug}"
    delivery = stage.server.make_delivery(item["item_id"])
    for _ in range(2):
        taken = await client.post(path, content=delivery.body, headers=dict(delivery.headers))
        assert (taken.status_code, taken.json()) == (200, {"status": "received"}), taken.text
    assert len(told) == 1
    assert told[0].external_login_id == item["item_id"]
    forged = stage.server.forge_delivery(delivery)
    refused = await client.post(path, content=forged.body, headers=dict(forged.headers))
    assert (refused.status_code, refused.json()["code"]) == (401, "webhook_refused")
    altered = await client.post(path, content=delivery.body + b" ", headers=dict(delivery.headers))
    assert altered.status_code in ((200, 401) if stage.slug == "mx" else (401,))  # MX proves the sender, not the bytes
    assert len(told) <= 2
