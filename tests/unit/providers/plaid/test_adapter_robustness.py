"""Whatever comes over the wire, the adapter gives a result or one of its own errors."""

import asyncio
import copy
import json
import random
from datetime import date
from typing import Any

import httpx2
import pytest

from bursar.ports.errors import ProviderError
from bursar.ports.provider import Credentials
from bursar.providers.plaid.adapter import PlaidAdapter

CREDENTIALS = Credentials({"access_token": "access-1"})
ODDITIES: list[Any] = [
    *(
        None,
        True,
        "",
        "null",
        "NaN",
        "1,234.50",
        0,
        -1,
        10**40,
        1.5,
        [],
        {},
        [[]],
        {"a": 1},
        "\ud83d",
        "x" * 5000,
    ),
    *("2026-02-30", "9999-99-99", "2026-01-01T00:00:00", [None], "1e400", 1e300),
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    found: list[tuple[Any, Any]] = []
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        found.append((value, key))
        found.extend(places(value[key]))
    return found


def mutate(body: dict[str, Any], dice: random.Random) -> bytes:
    for _ in range(dice.randint(1, 3)):
        container, key = dice.choice(places(body))
        if isinstance(container, dict) and dice.random() < 0.3:
            del container[key]
        else:
            container[key] = dice.choice(ODDITIES)
    text = json.dumps(body).encode()
    if dice.random() < 0.1:
        text = text[: dice.randrange(len(text))]
    if dice.random() < 0.05:
        at = dice.randrange(len(text) + 1)
        text = text[:at] + bytes([dice.randrange(256)]) + text[at:]
    return text


def healthy(shapes, path: str) -> dict[str, Any]:
    broker = shapes.account("acc-2", type="investment", subtype="brokerage")
    item = {**shapes.item, "products": ["transactions", "investments"]}
    security = {"security_id": "sec-1", "name": "Acme", "ticker_symbol": "ACME", "type": "equity"}
    position = {
        "account_id": "acc-2",
        "security_id": "sec-1",
        "quantity": 3,
        "iso_currency_code": "USD",
        "institution_price": 10,
        "institution_value": 30,
        "cost_basis": 20,
    }
    movement = {
        "investment_transaction_id": "m-1",
        "account_id": "acc-2",
        "security_id": "sec-1",
        "date": "2026-11-20",
        "name": "BUY",
        "quantity": 3,
        "amount": 30,
        "price": 10,
        "fees": 1,
        "type": "buy",
        "subtype": "buy",
        "iso_currency_code": "USD",
    }
    accounts = [shapes.account(), broker]
    body: dict[str, Any] = {
        "/accounts/get": {"accounts": accounts, "item": item},
        "/transactions/sync": shapes.sync_page(
            added=[shapes.transaction(1), shapes.transaction(2)],
            removed=[{"transaction_id": "tx-3", "account_id": "acc-1"}],
            accounts=[shapes.account()],
        ),
        "/transactions/get": {
            "accounts": accounts,
            "transactions": [shapes.transaction(1)],
            "total_transactions": 1,
            "item": item,
        },
        "/investments/holdings/get": {
            "accounts": [broker],
            "holdings": [position],
            "securities": [security],
            "item": item,
        },
        "/investments/transactions/get": {
            "accounts": [broker],
            "securities": [security],
            "investment_transactions": [movement],
            "item": item,
            "total_investment_transactions": 1,
        },
    }[path]
    return copy.deepcopy({"request_id": "r", **body})


@pytest.mark.parametrize("seed", range(25))
async def test_mutated_answers_give_a_result_or_a_typed_error(client, wire, still, shapes, seed) -> None:
    adapter = PlaidAdapter(client, still)
    dice = random.Random(seed)
    paths = ["/accounts/get", "/transactions/sync", "/transactions/get"]
    paths += ["/investments/holdings/get", "/investments/transactions/get"]
    outcomes = {"result": 0, "error": 0}
    for _ in range(20):
        broken = dice.choice(paths)
        for path in paths:
            body = healthy(shapes, path)
            wire.answers[path] = mutate(body, dice) if path == broken else body
        try:
            async with asyncio.timeout(5):
                _ = [batch async for batch in adapter.sync(CREDENTIALS, {"transactions": "c-0"})]
                await adapter.fetch_transactions(CREDENTIALS, "acc-1", date(2026, 1, 1), date(2026, 12, 31))
        except ProviderError:
            outcomes["error"] += 1
        else:
            outcomes["result"] += 1
    assert outcomes["result"]
    assert outcomes["error"] + outcomes["result"] == 20


@pytest.mark.parametrize("status", [200, 400, 429, 500])
@pytest.mark.parametrize(
    "content", [b"", b"null", b"[]", b"\xff\xfe", b'"text"', b"[" * 100_000, b'{"error_type": 5}', b"{}" * 3]
)
async def test_any_answer_of_any_status_is_a_typed_error(client, wire, still, status, content) -> None:
    wire.answers["/accounts/get"] = lambda _: httpx2.Response(status, content=content)
    with pytest.raises(ProviderError):
        await PlaidAdapter(client, still).fetch_accounts(CREDENTIALS)
