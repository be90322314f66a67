# ruff: noqa: T201 - programs print
"""Programs as people write them against a banking interface, run as they stand against a simulated provider.

What differs from programs for similar libraries, and why, is a table in docs/reference/banking.md: its rows are tested
in `test_what_differs`. The clock of these programs is the machine's, so the simulated world's day is today.
"""

import logging
import os
import warnings
from datetime import date, timedelta

import httpx2
import pytest
from fastapi import Depends, FastAPI, HTTPException, Query, Request

from bursar.banking.webhooks import verify_plaid_webhook
from bursar.models import BankAccount, Transaction
from bursar.testing.loopback import LoopbackServer


@pytest.fixture
def today(bank_of_today, monkeypatch, tmp_path):
    """A program's environment, and the bank that it leads to."""
    for name in [name for name in os.environ if name.startswith(("TELLER_", "PLAID_"))]:
        monkeypatch.delenv(name)
    for name, value in bank_of_today.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BURSAR_BALANCE_HISTORY", str(tmp_path / "history.db"))
    return bank_of_today


@pytest.fixture
def user_access_token(today) -> str:
    import asyncio

    with today.open() as banking:
        return asyncio.run(today.link(banking))


def test_script_reads_accounts_transactions_and_balances(user_access_token, capsys) -> None:
    from bursar.banking import easy_banking

    banking = easy_banking()

    accounts = banking.accounts(access_token=user_access_token)
    for account in accounts:
        print(f"{account.name}: {account.balance} {account.currency}")
        print(f"Type: {account.type}")
        print(f"Institution: {account.institution_name}")

    end_date = date.today()  # noqa: DTZ011 - as people write it
    start_date = end_date - timedelta(days=30)
    transactions = banking.transactions(
        access_token=user_access_token, start_date=start_date.isoformat(), end_date=end_date.isoformat()
    )
    for txn in transactions:
        print(f"{txn.date}: {txn.description} - ${txn.amount}")
        print(f"Category: {txn.category}")
        print(f"Merchant: {txn.merchant_name}")

    balances = banking.balances(access_token=user_access_token)
    for bal in balances:
        print(f"Account {bal.account_id}: ${bal.current}")
        print(f"Available: ${bal.available}")

    banking.close()
    told = capsys.readouterr().out
    assert "Institution: First Platypus Bank" in told
    assert len(transactions) > 30
    assert len(accounts) == len(balances) == 5


def test_owners_are_read(user_access_token, capsys) -> None:
    from bursar.banking import easy_banking

    with easy_banking() as banking:
        identity = banking.identity(access_token=user_access_token)
    for owner in identity.owners:
        print(f"Name: {owner.name}")
        print(f"Email: {owner.email}")
        print(f"Phone: {owner.phone}")
        print(f"Address: {owner.address}")
    told = capsys.readouterr().out
    assert told.count("Name: ") == len(identity.owners) > 0
    assert "@" in told and "None" not in told


async def test_background_job_reads_a_user(today) -> None:
    from bursar.banking import easy_banking

    banking = easy_banking()
    stored: dict[str, list] = {}

    async def sync_bank_data(user_id: str) -> dict[str, int]:
        """A job carries whose bank it is, never the token: that is looked up where it is sealed."""
        access_token = sealed[user_id]
        accounts = await banking.get_accounts(access_token=access_token)
        transactions = await banking.get_transactions(access_token=access_token, start_date="2025-01-01")
        stored[user_id] = [*accounts, *transactions]
        return {"accounts": len(accounts), "transactions": len(transactions)}

    sealed = {"ada": await today.link(banking)}
    counts = await sync_bank_data("ada")
    assert counts["accounts"] == 5
    assert sum(counts.values()) == len(stored["ada"]) > 50
    await banking.aclose()


def test_first_provider_falls_back_to_the_second(today) -> None:
    from bursar.banking import easy_banking

    try:
        banking = easy_banking(provider="teller")
    except ValueError:
        banking = easy_banking(provider="plaid")
    assert banking.provider == "plaid"


def test_environment_is_chosen_in_the_program(today, monkeypatch) -> None:
    from bursar.banking import easy_banking

    monkeypatch.setenv("APP_ENV", "development")
    env = os.getenv("APP_ENV", "development")
    if env == "production":
        os.environ["TELLER_ENVIRONMENT"] = "production"
        os.environ["PLAID_ENVIRONMENT"] = "production"
    else:
        monkeypatch.setenv("TELLER_ENVIRONMENT", "sandbox")
        monkeypatch.setenv("PLAID_ENVIRONMENT", "sandbox")

    banking = easy_banking()  # the environment as it is now
    assert banking.provider == "plaid"


def test_models_are_made_by_hand() -> None:
    account = BankAccount(
        id="acc_123",
        name="My Checking",
        official_name="Premium Checking Account",
        type="depository",
        subtype="checking",
        balance=5432.10,
        currency="USD",
        institution_id="ins_001",
        institution_name="Chase Bank",
    )
    txn = Transaction(
        id="txn_123",
        account_id="acc_123",
        amount=-45.67,
        date="2025-01-15",
        description="STARBUCKS #12345",
        merchant_name="Starbucks",
        category="Food & Drink",
        pending=False,
        currency="USD",
    )
    assert f"{account.balance} {txn.amount}" == "5432.1 -45.67"


async def test_errors_are_told_apart(today) -> None:
    from bursar.banking import easy_banking
    from bursar.banking.exceptions import (
        BankingProviderError,
        InvalidCredentialsError,
        ItemLoginRequiredError,
        RateLimitError,
    )

    async with easy_banking() as banking:
        access_token = await today.link(banking)
        today.break_item(access_token, "ITEM_LOGIN_REQUIRED")
        link_token = None
        try:
            await banking.get_accounts(access_token)
        except ItemLoginRequiredError:
            # User needs to re-authenticate with their bank
            link_token = await banking.create_link_token(
                user_id="user_123",
                access_token=access_token,  # Update mode
            )
        except RateLimitError:
            pass
        except BankingProviderError as e:
            print(f"Error: {e.message}")
        assert link_token is not None
        today.sign_in(link_token.link_token)
        accounts = await banking.get_accounts(access_token)
        assert len(accounts) > 0
        assert accounts[0].account_id is not None
        with pytest.raises(InvalidCredentialsError):
            await banking.get_accounts("access-sandbox-xxx")


async def test_application_with_routes_of_its_own(today, serve) -> None:
    from bursar.banking import add_banking, easy_banking
    from bursar.banking.exceptions import BankingProviderError

    app = FastAPI(title="Banking API")
    banking_provider = add_banking(app, provider="plaid", prefix="/banking")
    assert app.state.banking_provider is banking_provider
    users = {"ada": await today.link(banking_provider), "ben": None}

    def get_current_user(request: Request) -> str | None:
        return users[request.headers["x-user"]]

    @app.get("/me/accounts")
    async def my_accounts(bank_access_token: str | None = Depends(get_current_user)):
        """Get current user's bank accounts"""
        if not bank_access_token:
            raise HTTPException(status_code=404, detail="No bank connected")
        accounts = await banking_provider.get_accounts(access_token=bank_access_token)
        return {"accounts": accounts}

    @app.get("/me/transactions")
    def my_transactions(
        bank_access_token: str | None = Depends(get_current_user),
        min_amount: float | None = Query(None),
        category: str | None = Query(None),
    ):
        """Get current user's transactions: a plain function runs in a thread, where the blocking face is fine"""
        with easy_banking() as banking:
            txns = banking.transactions(access_token=bank_access_token, min_amount=min_amount, category=category)
        return {"transactions": txns, "count": len(txns)}

    client = await serve(app)
    mine = await client.get("/me/accounts", headers={"x-user": "ada"})
    assert len(mine.json()["accounts"]) == 5
    none = await client.get("/me/accounts", headers={"x-user": "ben"})
    assert (none.status_code, none.json()["detail"]) == (404, "No bank connected")
    spent = (await client.get("/me/transactions?min_amount=20", headers={"x-user": "ada"})).json()
    assert spent["count"] == len(spent["transactions"]) > 0
    large = await client.get(
        "/banking/transactions?min_amount=500&sort_by=amount&sort_order=desc", headers=client.as_user(users["ada"])
    )
    sizes = [abs(float(row["amount"])) for row in large.json()["transactions"]]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size >= 500 for size in sizes)
    with pytest.raises(BankingProviderError):
        await banking_provider.get_accounts("access-sandbox-xxx")
    await banking_provider.aclose()


def test_balances_are_tracked_and_looked_at(user_access_token, capsys) -> None:
    from bursar.banking import easy_banking
    from bursar.banking.history import BalanceHistory, get_balance_history, track_balance

    track_balance(account_id="acc_123", balance=5432.10, date=date.today(), currency="USD")  # noqa: DTZ011

    with easy_banking() as banking:
        accounts = banking.accounts(user_access_token)
    for account in accounts:
        track_balance(
            account_id=account.id,
            balance=account.balance,
            date=date.today(),  # noqa: DTZ011
            currency=account.currency,
        )

    start_date, end_date = date(2025, 1, 1), date.today()  # noqa: DTZ011
    total_history = {}
    for account in accounts:
        history = get_balance_history(account.id, start_date, end_date)
        for snapshot in history:
            total_history[snapshot.date] = total_history.get(snapshot.date, 0) + snapshot.balance
    assert list(total_history.values()) == [sum(account.balance for account in accounts)]

    history = get_balance_history(account_id="acc_123", start_date=start_date, end_date=end_date)
    for snapshot in history:
        assert isinstance(snapshot, BalanceHistory)
        print(f"{snapshot.date}: ${snapshot.balance}")
    trend = "increasing" if history[-1].balance > history[0].balance else "decreasing"
    change_pct = ((history[-1].balance - history[0].balance) / history[0].balance) * 100
    avg_balance = sum(h.balance for h in history) / len(history)
    assert (trend, change_pct, str(avg_balance)) == ("decreasing", 0, "5432.1")
    assert ": $5432.1" in capsys.readouterr().out


async def test_what_differs(today, serve, caplog) -> None:
    """One assertion for each row of the table in docs/reference/banking.md."""
    from bursar.banking import add_banking, easy_banking
    from bursar.banking.exceptions import SyncCallInLoopError

    app = FastAPI()
    banking = add_banking(app)
    token = await today.link(banking)
    client = await serve(app)
    # A token in an address is refused.
    assert (await client.get(f"/banking/accounts?access_token={token}")).status_code == 400
    # Blocking calls inside `async def` are refused.
    with pytest.raises(SyncCallInLoopError, match=r"await banking\.get_accounts"):
        banking.accounts(access_token=token)
    # A webhook is verified over its bytes, and what is not proven is 401.
    with pytest.raises(TypeError, match=r"request\.body"):
        verify_plaid_webhook({}, {"webhook_type": "TRANSACTIONS"})
    # Amounts in JSON are texts.
    rows = (await client.get("/banking/transactions", headers=client.as_user(token))).json()["transactions"]
    assert isinstance(rows[0]["amount"], str)
    # Debug logs of the HTTP client show no secret.
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger="httpx2"):
        await banking.get_accounts(token)
    assert token not in caplog.text
    # The retired environment is production.
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        easy_banking("plaid", environment="development")
    assert any("retired" in str(one.message) for one in told)
    await banking.aclose()


def test_webhook_receiver_answers_401_to_what_is_not_proven(today) -> None:
    app = FastAPI()

    @app.post("/webhooks/plaid")
    async def plaid_webhook(request: Request):
        if not verify_plaid_webhook(request.headers, await request.body(), key_source=lambda key_id: None):
            raise HTTPException(status_code=401, detail="Invalid signature")
        return {"status": "received"}

    with LoopbackServer(app) as server, httpx2.Client(base_url=server.url, verify=False) as client:
        answer = client.post("/webhooks/plaid", json={"webhook_type": "TRANSACTIONS"})
    assert answer.status_code == 401
