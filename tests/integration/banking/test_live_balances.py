"""Balances are those that were read last, unless somebody asks for those of this moment."""

import pytest
from fastapi import FastAPI

from bursar.banking import add_banking
from bursar.banking.exceptions import ItemLoginRequiredError, NotFoundError, ProviderDownError
from bursar.sandbox.faults import FaultKind

LIVE = "/accounts/balance/get"


async def test_nothing_is_billed_unless_it_is_asked_for(bank, banking, token) -> None:
    await banking.get_accounts(token)
    cached = await banking.get_balances(token)
    assert LIVE not in bank.paths()
    live = await banking.get_balances(token, live=True)
    assert bank.paths().count(LIVE) == 1
    assert list(live) == list(cached)
    (one,) = await banking.get_balances(token, [live[1].account_id], live=True)
    assert one == live[1]


def test_blocking_face_asks_the_bank_too(bank, banking) -> None:
    import asyncio

    token = asyncio.run(bank.link(banking))
    assert list(banking.balances(token, live=True)) == list(banking.balances(token))
    assert bank.paths().count(LIVE) == 1


async def test_failures_of_the_bank_are_told_and_the_billed_call_is_not_repeated(bank, banking, token) -> None:
    with pytest.raises(NotFoundError):
        await banking.get_balances(token, ["elsewhere"], live=True)
    assert LIVE not in bank.paths()
    bank.fault(FaultKind.STATUS, LIVE, status=500, times=None)
    with pytest.raises(ProviderDownError):
        await banking.get_balances(token, live=True)
    assert bank.paths().count(LIVE) == 1
    bank.break_item(token, "ITEM_LOGIN_REQUIRED")
    with pytest.raises(ItemLoginRequiredError):
        await banking.get_balances(token, live=True)


async def test_routes_ask_the_bank_past_what_is_kept_and_keep_its_answer(bank, banking, token, serve) -> None:
    app = FastAPI()
    add_banking(app, banking)
    client = await serve(app, token)
    before = (await client.get("/banking/balances")).json()
    asked = len(bank.paths())
    for method, path in (("GET", "/banking/balances?live=true"), ("POST", "/banking/balances/refresh?live=true")):
        answer = await client.request(method, path)
        assert answer.status_code == 200, answer.text
        assert answer.json() == before
    assert bank.paths().count(LIVE) == 2
    assert len(bank.paths()) == asked + 4
    assert (await client.get("/banking/balances?live=false")).json() == before
    assert len(bank.paths()) == asked + 4
    assert (await client.get("/banking/balances?live=perhaps")).status_code == 422
