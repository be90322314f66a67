"""A user adds accounts to a connection, and takes others away, through the API alone."""

from datetime import date, timedelta
from uuid import UUID

import httpx2
import pytest
from tests.integration.server.conftest import client_of, make_user

from bursar.providers.teller.sandbox import TellerFace
from bursar.sandbox.app import create_app as create_sandbox
from bursar.sandbox.faces import RefusedActionError
from bursar.sandbox.world import World

ALL = {"Everyday Checking", "Rainy Day", "Travel Card", "Student Loan", "Brokerage"}


async def connect(banked, accounts: str | None = None) -> str:
    """Connect and read a login; returns the connection's id."""
    begun = (await banked.user.post("/connections", json={"provider": "plaid"})).json()["data"]
    choices = {} if accounts is None else {"accounts": accounts}
    token = banked.consent(begun["connect"]["link_token"], **choices)
    done = await banked.user.post("/connections", json={"connection_id": begun["id"], "public_token": token})
    assert done.status_code == 200, done.text
    await read(banked, begun["id"])
    return begun["id"]


async def read(banked, connection_id: str) -> dict:
    """Read a connection now, in the run that waits for it."""
    run = (await banked.user.post(f"/connections/{connection_id}/syncs")).json()["data"]
    await banked.platform.sync.run(banked.user.tenant_id, UUID(connection_id), UUID(run["id"]))
    ended = (await banked.user.get(f"/syncs/{run['id']}")).json()["data"]
    assert ended["status"] == "succeeded", ended
    return ended


async def select(banked, connection_id: str, accounts: str) -> dict:
    """Renew with other accounts, and read; returns the run."""
    begun = await banked.user.post(f"/connections/{connection_id}/renewals", json={"account_selection": True})
    assert begun.status_code == 201, begun.text
    start = begun.json()["data"]["connect"]
    assert start["needs"] == []
    banked.consent(start["link_token"], accounts=accounts)
    done = await banked.user.post("/connections", json={"connection_id": connection_id})
    assert (done.status_code, done.json()["data"]["status"]) == (200, "active")
    assert done.json()["data"]["id"] == connection_id
    return await read(banked, connection_id)


async def ledger(banked) -> tuple[dict[str, dict], dict[str, list[tuple[str, str]]]]:
    """Accounts by name, and day and amount of each one's rows."""
    accounts = {one["name"]: one for one in await banked.user.list("/accounts?per_page=50")}
    rows: dict[str, list[tuple[str, str]]] = {}
    for name, one in accounts.items():
        answer = (await banked.user.get(f"/accounts/{one['id']}/transactions?limit=100")).json()
        assert len(answer["data"]) < 100, "a page, and perhaps not all"
        rows[name] = sorted((row["transaction_date"], row["amount"]) for row in answer["data"])
    return accounts, rows


def ids_of(accounts: dict[str, dict]) -> dict[str, str]:
    return {name: one["id"] for name, one in accounts.items()}


def active(accounts: dict[str, dict]) -> set[str]:
    return {name for name, one in accounts.items() if one["is_active"]}


async def test_accounts_are_added_and_taken_away_in_place_and_nothing_is_doubled(banked) -> None:
    connection_id = await connect(banked, "Everyday Checking, Travel Card")
    before, rows_before = await ledger(banked)
    assert active(before) == set(before) == {"Everyday Checking", "Travel Card"}
    assert all(rows_before.values())

    run = await select(banked, connection_id, "Everyday Checking, Rainy Day, Brokerage")
    assert run["accounts"]["created"] == 2
    accounts, rows = await ledger(banked)
    assert active(accounts) == {"Everyday Checking", "Rainy Day", "Brokerage"}
    # What was taken away stays with its history; what stays is what it was.
    assert accounts["Travel Card"]["missing_since"] is not None
    assert {name: rows[name] for name in rows_before} == rows_before
    assert {name: ids_of(accounts)[name] for name in before} == ids_of(before)

    banked.world.advance(timedelta(days=6))
    await read(banked, connection_id)
    _, later = await ledger(banked)
    assert later["Travel Card"] == rows_before["Travel Card"]
    assert len(later["Everyday Checking"]) > len(rows_before["Everyday Checking"])

    run = await select(banked, connection_id, ", ".join(ALL))
    assert run["accounts"]["created"] == 1
    accounts, rows = await ledger(banked)
    assert active(accounts) == ALL
    assert accounts["Travel Card"]["missing_since"] is None
    assert ids_of(accounts)["Travel Card"] == ids_of(before)["Travel Card"]
    assert len(rows["Travel Card"]) > len(rows_before["Travel Card"])
    assert [one["id"] for one in await banked.user.list("/connections")] == [connection_id]
    # Somebody who has shared everything from the beginning has the same rows.
    banked.user = await make_user(banked.platform, banked.user.http)
    await connect(banked)
    whole_accounts, whole_rows = await ledger(banked)
    assert whole_rows == rows
    assert {name: one["balance"] for name, one in whole_accounts.items()} == {
        name: one["balance"] for name, one in accounts.items()
    }


async def test_selection_is_refused_where_the_provider_or_the_token_does_not_offer_it(banked) -> None:
    connection_id = await connect(banked)
    plain = (await banked.user.post(f"/connections/{connection_id}/renewals")).json()["data"]["connect"]
    with pytest.raises(RefusedActionError):
        banked.consent(plain["link_token"], accounts="Everyday Checking")
    with pytest.raises(RefusedActionError):
        banked.consent(plain["link_token"])  # a link token is used once, even in vain
    wrong = await banked.user.post(f"/connections/{connection_id}/renewals", json={"account_selection": "perhaps"})
    assert wrong.status_code == 400


async def test_provider_without_a_selection_refuses_it_and_is_not_asked(open_test_platform) -> None:
    world = World(5, start=date(2026, 3, 2), history_days=30, families=1)
    sandbox = create_sandbox(world, control_token="control", faces=[TellerFace()])
    published = {f"teller_{name}": value for name, value in sandbox.faces["teller"].credentials().items()}
    transport = httpx2.ASGITransport(app=sandbox)  # pyright: ignore[reportArgumentType]
    async with httpx2.AsyncClient(transport=transport) as wire:
        platform = await open_test_platform(
            clock=world.clock,
            extra_settings={**published, "teller_base_url": "http://sandbox.test/teller"},
            http_clients={"teller": wire},
        )
        async with client_of(platform) as http:
            user = await make_user(platform, http)
            begun = (await user.post("/connections", json={"provider": "teller"})).json()["data"]
            told = sandbox.faces["teller"].act(
                "complete_link", {"link_token": begun["connect"]["link_token"], "institution_id": "first_river"}
            )
            values = {name: told[name] for name in begun["connect"]["needs"]}
            done = await user.post("/connections", json={"connection_id": begun["id"], "values": values})
            assert done.status_code == 200, done.text
            refused = await user.post(f"/connections/{begun['id']}/renewals", json={"account_selection": True})
            assert refused.status_code == 400, refused.text
            (detail,) = refused.json()["error"]["details"]
            assert detail["field"] == "account_selection"
            assert "leave it out" in detail["message"]
            assert (await user.post(f"/connections/{begun['id']}/renewals")).status_code == 201
