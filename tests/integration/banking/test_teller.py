"""The interface over Teller, whose access token says nothing of the login that it opens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from tests.integration.banking.conftest import IMPATIENT, START

from bursar.banking import Banking, add_banking, easy_banking
from bursar.banking.exceptions import InvalidInputError, ItemLoginRequiredError
from bursar.models import LinkedItem
from bursar.providers.teller.sandbox import TellerFace
from bursar.sandbox.app import create_app
from bursar.sandbox.world import World
from bursar.testing.loopback import LoopbackServer, Tampering


class TellerBank:
    """A simulated Teller, and somebody who links a login there."""

    def __init__(self, world: World, url: str, app, wire: Tampering) -> None:
        self.world = world
        self.server = app.faces["teller"]
        self.wire = wire
        published = {f"TELLER_{name.upper()}": value for name, value in self.server.credentials().items()}
        self.environ = {**published, "TELLER_BASE_URL": f"{url}/teller"}

    def open(self) -> Banking:
        return easy_banking("teller", environ=self.environ, clock=self.world.clock, timing=IMPATIENT)

    def sign_in(self, config: dict[str, object]) -> dict[str, str]:
        """What the user does in the provider's window; returns what the page gets."""
        return self.server.act("complete_link", {"link_token": json.dumps(config), "institution_id": "first_river"})

    async def link(self, banking: Banking) -> LinkedItem:
        start = await banking.create_link_token(user_id="user_123")
        told = self.sign_in(start.config)
        return await banking.exchange_public_token(user_id="user_123", **{name: told[name] for name in start.needs})

    def disconnect(self, item: LinkedItem) -> None:
        self.server.act("disconnect", {"enrollment_id": item.item_id, "reason": "user_action.mfa_required"})

    def asked(self) -> list[str]:
        return [answer.path.removeprefix("/teller") for answer in self.wire.answers]


@contextmanager
def open_teller() -> Iterator[TellerBank]:
    world = World(5, start=START, history_days=40, families=1)
    app = create_app(world, control_token="control", faces=[TellerFace()])
    wire = Tampering(app)
    with LoopbackServer(wire) as server:
        yield TellerBank(world, server.url, app, wire)


@pytest.fixture
def bank() -> Iterator[TellerBank]:
    with open_teller() as bank:
        yield bank


@pytest.fixture
def banking(bank: TellerBank) -> Iterator[Banking]:
    with bank.open() as banking:
        yield banking


async def test_bare_token_tells_its_institution_and_every_operation_works(bank, banking) -> None:
    item = await bank.link(banking)
    assert item.access_token.startswith("test_token_")
    assert item.item_id is not None and item.item_id.startswith("enr_")
    assert (item.institution_id, item.institution_name) == ("first_river", "First River Bank")
    with bank.open() as later:
        accounts = await later.get_accounts(item.access_token)
        assert {(one.institution_id, one.institution_name) for one in accounts} == {("first_river", "First River Bank")}
        rows = await later.get_transactions(item.access_token, page_size=200, sort_by="amount")
        balances = await later.get_balances(item.access_token, live=True)
        identity = await later.get_identity(item.access_token)
    assert rows.complete and len(rows) > 20
    assert [one.current for one in balances] == [one.balance for one in accounts]
    assert identity.owners and all(owner.name for owner in identity.owners)


async def test_login_that_must_sign_in_again_is_renewed_by_the_token_alone_where_it_was_read_before(
    bank, banking
) -> None:
    item = await bank.link(banking)
    with bank.open() as later:
        await later.get_accounts(item.access_token)
        bank.disconnect(item)
        with pytest.raises(ItemLoginRequiredError):
            await later.get_accounts(item.access_token)
        start = await later.create_link_token("user_123", item.access_token)
        assert (start.kind, start.config["enrollmentId"], start.needs) == ("connect_config", item.item_id, ())
        bank.sign_in(start.config)
        assert len(await later.get_accounts(item.access_token)) > 0


async def test_login_that_nobody_knows_any_more_is_renewed_by_its_id(bank, banking, serve) -> None:
    item = await bank.link(banking)
    bank.disconnect(item)
    with bank.open() as later:
        with pytest.raises(InvalidInputError, match="Hand over the enrolment's id") as caught:
            await later.create_link_token("user_123", item.access_token)
        assert caught.value.field == "item_id"
        start = await later.create_link_token("user_123", item.access_token, item_id=item.item_id)
        assert start.config["enrollmentId"] == item.item_id
        app = FastAPI()
        add_banking(app, later)
        client = await serve(app, item.access_token)
        refused = await client.post("/banking/link", json={"user_id": "user_123", "update": True})
        assert (refused.status_code, refused.json()["field"]) == (422, "item_id")
        begun = await client.post(
            "/banking/link", json={"user_id": "user_123", "update": True, "item_id": item.item_id}
        )
        assert (begun.status_code, begun.json()["config"]["enrollmentId"]) == (200, item.item_id)
        bank.sign_in(begun.json()["config"])
        assert (await client.get("/banking/accounts")).status_code == 200


async def test_token_that_works_tells_which_enrolment_is_renewed(bank, banking) -> None:
    item = await bank.link(banking)
    with bank.open() as later:
        start = await later.create_link_token("user_123", item.access_token)
    assert start.config["enrollmentId"] == item.item_id
    assert bank.asked()[-1] == "/accounts"
