"""What an account held, over HTTP: to those whose token opens it, and to nobody else."""

import pytest
from fastapi import FastAPI

from bursar.banking import add_banking
from bursar.banking.history import SQLiteBalanceStore, track_balance


@pytest.fixture
def store(tmp_path) -> SQLiteBalanceStore:
    return SQLiteBalanceStore(tmp_path / "history.db")


@pytest.fixture
async def account_id(banking, token) -> str:
    return (await banking.get_accounts(token))[0].id


@pytest.fixture
async def client(banking, token, store, serve):
    app = FastAPI()
    add_banking(app, banking, history_store=store)
    return await serve(app, token)


async def test_snapshots_come_in_the_promised_shape_oldest_first(client, store, account_id) -> None:
    for day, balance in ((3, "5100.00"), (1, "5000.00"), (2, "4950.00")):
        track_balance(account_id, balance, f"2025-01-0{day}", "USD", store=store)
    answer = await client.get(
        f"/banking/balance-history?account_id={account_id}&start_date=2025-01-01&end_date=2025-01-31"
    )
    assert answer.json() == {
        "account_id": account_id,
        "history": [
            {"date": "2025-01-01", "balance": "5000.00", "currency": "USD"},
            {"date": "2025-01-02", "balance": "4950.00", "currency": "USD"},
            {"date": "2025-01-03", "balance": "5100.00", "currency": "USD"},
        ],
        "count": 3,
    }
    rich = (await client.get(f"/banking/accounts/{account_id}/history?start_date=2025-01-01")).json()
    assert rich["history"] == answer.json()["history"]
    assert rich["statistics"] | {"average_daily_balance": None} == {
        "direction": "increasing",
        "change": "100.00",
        "change_percent": "2.00",
        "average_daily_balance": None,
        "days": 3,
    }
    assert rich["statistics"]["average_daily_balance"].startswith("5016.66")


async def test_series_of_nothing_and_of_two_currencies_have_no_figures(client, store, account_id) -> None:
    nothing = (await client.get(f"/banking/accounts/{account_id}/history")).json()
    assert (nothing["history"], nothing["count"]) == ([], 0)
    assert set(nothing["statistics"].values()) == {None, 0}
    track_balance(account_id, 1, "2025-01-01", "USD", store=store)
    track_balance(account_id, 1, "2025-01-02", "EUR", store=store)
    mixed = (await client.get(f"/banking/accounts/{account_id}/history")).json()
    assert (mixed["count"], mixed["statistics"]["change"]) == (2, None)


async def test_account_of_another_login_is_not_found_like_one_that_is_nowhere(
    client, store, account_id, bank, banking
) -> None:
    other = await bank.link(banking)
    foreign = (await banking.get_accounts(other))[0].id
    track_balance(foreign, "31337.00", "2025-01-01", "USD", store=store)
    answers = [
        await client.get(path)
        for path in (
            f"/banking/balance-history?account_id={foreign}",
            "/banking/balance-history?account_id=nowhere",
            f"/banking/accounts/{foreign}/history",
        )
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    theirs = await client.get(f"/banking/balance-history?account_id={foreign}", headers=client.as_user(other))
    assert theirs.json()["count"] == 1


async def test_store_of_several_people_is_read_as_their_owner(banking, token, store, account_id, serve) -> None:
    track_balance(account_id, 1, "2025-01-01", "USD", store=store, owner="ada")
    app = FastAPI()
    add_banking(app, banking, history_store=store, history_owner=lambda request: request.headers["x-user"])
    client = await serve(app, token)
    path = f"/banking/balance-history?account_id={account_id}"
    assert (await client.get(path, headers={"x-user": "ada"})).json()["count"] == 1
    assert (await client.get(path, headers={"x-user": "ben"})).json()["count"] == 0


async def test_parameters_that_make_no_sense_are_422(client, account_id) -> None:
    reversed_days = f"account_id={account_id}&start_date=2025-02-01&end_date=2025-01-01"
    for query in ("", "account_id=", "account_id=a&start_date=x", reversed_days):
        assert (await client.get(f"/banking/balance-history?{query}")).status_code == 422, query
