"""A user adds accounts to a login, or takes some away, and the access token stays the same."""

import pytest
from fastapi import FastAPI
from tests.integration.banking.test_teller import TellerBank, open_teller

from bursar.banking import add_banking
from bursar.banking.exceptions import InvalidInputError, UnsupportedError


async def names(banking, token: str) -> list[str]:
    return sorted(account.name for account in await banking.get_accounts(token))


async def test_accounts_are_chosen_anew_with_the_same_token(bank, banking, token) -> None:
    every = await names(banking, token)
    before = {account.name: account.id for account in await banking.get_accounts(token)}
    start = await banking.create_link_token("user_123", token, account_selection=True)
    assert start.needs == ()
    bank.sign_in(start.link_token, accounts="Everyday Checking,Brokerage")
    assert await names(banking, token) == ["Brokerage", "Everyday Checking"]
    rows = await banking.get_transactions(token, start_date="2026-01-01")
    assert {row.account_id for row in rows} <= {before["Brokerage"], before["Everyday Checking"]}
    start = await banking.create_link_token("user_123", token, account_selection=True)
    bank.sign_in(start.link_token, accounts=",".join(every))
    assert {account.name: account.id for account in await banking.get_accounts(token)} == before


async def test_selection_without_a_login_is_refused_before_anything_is_sent(bank, banking) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await banking.create_link_token("user_123", account_selection=True)
    assert caught.value.field == "account_selection"
    assert bank.paths() == []


async def test_selection_at_a_provider_that_has_none_is_told_before_anything_is_sent() -> None:
    with open_teller() as teller:
        assert isinstance(teller, TellerBank)
        with teller.open() as banking, pytest.raises(UnsupportedError, match="leave account_selection out"):
            await banking.create_link_token("user_123", "test_token_x", account_selection=True)
        assert teller.asked() == []


async def test_route_begins_the_selection_and_the_refreshed_listing_has_it(bank, banking, token, serve) -> None:
    app = FastAPI()
    add_banking(app, banking)
    client = await serve(app, token)
    assert len((await client.get("/banking/accounts")).json()["accounts"]) == 5
    begun = await client.post("/banking/link", json={"user_id": "u", "update": True, "account_selection": True})
    assert begun.status_code == 200, begun.text
    bank.sign_in(begun.json()["link_token"], accounts="Everyday Checking")
    anew = (await client.post("/banking/accounts/refresh")).json()["accounts"]
    assert [account["name"] for account in anew] == ["Everyday Checking"]
    alone = await client.post("/banking/link", json={"user_id": "u", "account_selection": True})
    assert (alone.status_code, alone.json()["field"]) == (422, "account_selection")
