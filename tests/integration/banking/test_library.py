"""A program reads a bank through the interface: a real client, real HTTP, a simulated provider with a known truth."""

import asyncio
import json
import logging
from datetime import date, timedelta
from decimal import Decimal

import pytest
from tests.integration.banking.conftest import open_bank

from bursar.banking import Banking
from bursar.banking.exceptions import (
    BankingProviderError,
    InvalidCredentialsError,
    InvalidInputError,
    ItemLoginRequiredError,
    NotFoundError,
    ProviderDownError,
    ProviderNotConfiguredError,
    RateLimitError,
    SyncCallInLoopError,
    UnexpectedAnswerError,
    UnsupportedError,
)
from bursar.banking.history import get_balance_history, track_logins
from bursar.models import Transaction
from bursar.sandbox.faults import FaultKind


async def test_accounts_are_all_there_with_signs_and_their_institution(bank, banking, token) -> None:
    accounts = await banking.get_accounts(token)
    assert {account.kind for account in accounts} == {"checking", "savings", "credit_card", "loan", "brokerage"}
    assert all(account.account_id == account.id for account in accounts)
    for account in accounts:
        truth = bank.world.accounts[bank.server.trace_account(account.id)]
        assert (account.currency, account.mask[-4:]) == (truth.currency, truth.mask)
        assert account.official_name == truth.official_name
        assert (account.institution_id, account.institution_name) == ("ins_109508", "First Platypus Bank")
        assert account.provider == "plaid"
    (card,) = [account for account in accounts if account.kind == "credit_card"]
    assert (card.type, card.subtype) == ("credit", "credit card")
    assert card.balance < 0 < card.reported_balance == -card.balance
    assert card.limit == Decimal(6000)
    assert accounts.complete
    assert not accounts.rejected


async def test_institution_is_asked_once_for_a_login(bank, banking, token) -> None:
    for _ in range(3):
        await banking.get_accounts(token)
    assert bank.paths().count("/item/get") == 1  # it proved the exchange
    with bank.open() as later:
        for _ in range(3):
            accounts = await later.get_accounts(token)
    assert bank.paths().count("/item/get") == 2
    assert {account.institution_name for account in accounts} == {"First Platypus Bank"}


async def test_transactions_of_a_window_are_all_there_newest_first(bank, banking, token) -> None:
    rows = await banking.get_transactions(token, "2026-02-01", date(2026, 2, 28))
    assert [row.date for row in rows] == sorted((row.date for row in rows), reverse=True)
    assert {row.date for row in rows} <= {date(2026, 2, 1) + timedelta(days=day) for day in range(28)}
    assert len({row.id for row in rows}) == len(rows) > 50
    assert rows.complete
    payday = [row for row in rows if row.amount > 1000]
    assert payday, "the salary enters the account"
    groceries = [row for row in rows if row.categories == ["Food & Drink", "Groceries"]]
    assert groceries
    assert all(row.amount < 0 for row in groceries)


async def test_rows_of_all_accounts_are_the_rows_of_each(banking, token) -> None:
    window = ("2025-12-01", "2026-03-02")
    everything = await banking.get_transactions(token, *window)
    by_account = [
        await banking.get_transactions(token, *window, account_id=account.id)
        for account in await banking.get_accounts(token)
    ]
    assert sorted(row.id for rows in by_account for row in rows) == sorted(row.id for row in everything)
    assert sum(bool(rows) for rows in by_account) >= 3


async def test_every_page_of_a_long_history_is_read() -> None:
    with open_bank(history_days=720) as bank, bank.open() as banking:
        token = await bank.link(banking)
        (checking,) = [account for account in await banking.get_accounts(token) if account.kind == "checking"]
        rows = await banking.get_transactions(token, "2024-03-10", "2026-03-02", account_id=checking.id)
        pages = [answer for answer in bank.wire.answers if answer.path.endswith("/transactions/get")]
        assert len(pages) >= 2
        assert len({row.id for row in rows}) == len(rows) == json.loads(pages[0].body)["total_transactions"] > 500


async def test_filters_choose_among_the_rows_of_the_window(banking, token) -> None:
    window = ("2026-02-01", "2026-02-28")
    everything = await banking.get_transactions(token, *window)
    spent = await banking.get_transactions(
        token, *window, min_amount=50, max_amount="200", category="food & drink", exclude_pending=True, sort_by="amount"
    )
    expected = [
        row for row in everything if 50 <= abs(row.amount) <= 200 and row.category == "Food & Drink" and not row.pending
    ]
    assert spent
    assert sorted(row.id for row in spent) == sorted(row.id for row in expected)
    assert [abs(row.amount) for row in spent] == sorted((abs(row.amount) for row in expected), reverse=True)
    first, second = [await banking.get_transactions(token, *window, page=page, page_size=10) for page in (1, 2)]
    assert [*first, *second] == everything[:20]
    assert await banking.get_transactions(token, *window, category="Moon Travel") == []


async def test_balances_are_those_of_the_accounts(banking, token) -> None:
    accounts = {account.id: account for account in await banking.get_accounts(token)}
    balances = await banking.get_balances(token)
    assert {one.account_id: (one.current, one.available) for one in balances} == {
        id_: (account.balance, account.available) for id_, account in accounts.items()
    }
    one = next(iter(accounts))
    assert [each.account_id for each in await banking.get_balances(token, [one])] == [one]
    with pytest.raises(NotFoundError):
        await banking.get_balances(token, ["no-such-account"])


def test_both_faces_say_the_same_and_several_loops_share_the_connections(bank, banking) -> None:
    token = asyncio.run(bank.link(banking))
    window = ("2026-02-01", "2026-02-28")
    assert banking.accounts(access_token=token) == asyncio.run(banking.get_accounts(token))
    assert banking.balances(access_token=token) == asyncio.run(banking.get_balances(token))
    one = banking.transactions(access_token=token, start_date=window[0], end_date=window[1], min_amount=20)
    assert one == asyncio.run(banking.get_transactions(token, *window, min_amount=20))
    assert banking.accounts(token)[0].id == banking.accounts(access_token=token)[0].id
    clients = {answer.client for answer in bank.wire.answers}
    assert len(clients) <= 5  # one pool: as many connections as there were calls at once


async def test_blocking_call_in_a_loop_is_refused_before_anything_is_sent(bank, banking, token) -> None:
    asked = len(bank.paths())
    for call, twin in [
        (lambda: banking.accounts(token), "get_accounts"),
        (lambda: banking.transactions(token), "get_transactions"),
        (lambda: banking.balances(token), "get_balances"),
        (lambda: banking.identity(token), "get_identity"),
    ]:
        with pytest.raises(SyncCallInLoopError, match=twin):
            call()
    assert len(bank.paths()) == asked


@pytest.mark.parametrize(
    ("window", "says"),
    [
        (("2026-02-28", "2026-02-01"), "exchange them"),
        (("2026-02-30", None), "YYYY-MM-DD"),
        (("yesterday", None), "YYYY-MM-DD"),
        (("2027-01-01", None), "future"),
    ],
)
async def test_days_that_make_no_sense_are_refused_before_anything_is_sent(bank, banking, token, window, says) -> None:
    asked = len(bank.paths())
    with pytest.raises(InvalidInputError, match=says):
        await banking.get_transactions(token, *window)
    assert len(bank.paths()) == asked


async def test_login_that_must_sign_in_again_is_renewed_with_the_same_token(bank, banking, token) -> None:
    bank.break_item(token, "ITEM_LOGIN_REQUIRED")
    with pytest.raises(ItemLoginRequiredError) as caught:
        await banking.get_accounts(token)
    assert caught.value.message == "The bank asks you to sign in again."
    link = await banking.create_link_token(user_id="user_123", access_token=token)
    assert (link.kind, link.needs) == ("link_token", ())
    bank.sign_in(link.link_token)
    assert len(await banking.get_accounts(token)) == 5


async def test_dead_token_and_refused_keys_are_told_apart(bank, banking, token) -> None:
    with pytest.raises(InvalidCredentialsError) as dead:
        await banking.get_accounts("access-sandbox-00000000-0000-4000-8000-000000000000")
    assert not isinstance(dead.value, ProviderNotConfiguredError)
    with bank.open(secret="wrong") as stranger, pytest.raises(ProviderNotConfiguredError) as refused:
        await stranger.get_accounts(token)
    assert "wrong" not in str(refused.value)


async def test_removed_login_is_gone_and_removing_it_again_is_no_error(banking, token) -> None:
    await banking.remove_item(token)
    with pytest.raises(InvalidCredentialsError):
        await banking.get_accounts(token)
    await banking.remove_item(token)


async def test_throttling_says_how_long_to_wait(bank, banking, token) -> None:
    bank.fault(FaultKind.STATUS, "/accounts/get", status=429, times=None)
    with pytest.raises(RateLimitError) as caught:
        await banking.get_accounts(token)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0
    assert caught.value.retryable


async def test_reading_is_tried_three_times_and_an_outage_is_told(bank, banking, token) -> None:
    bank.fault(FaultKind.STATUS, "/accounts/get", status=500, times=2)
    assert len(await banking.get_accounts(token)) == 5
    asked = bank.paths().count("/accounts/get")
    bank.fault(FaultKind.STATUS, "/accounts/get", status=500, times=None)
    with pytest.raises(ProviderDownError):
        await banking.get_accounts(token)
    assert bank.paths().count("/accounts/get") - asked == 3


async def test_exchange_is_sent_once_whatever_happens(bank, banking) -> None:
    start = await banking.create_link_token(user_id="user_123")
    public_token = bank.sign_in(start.link_token)
    bank.fault(FaultKind.STATUS, "/item/public_token/exchange", status=500, times=None)
    with pytest.raises(ProviderDownError):
        await banking.exchange_public_token(public_token)
    assert bank.paths().count("/item/public_token/exchange") == 1


async def test_used_and_missing_public_tokens_are_refused(bank, banking) -> None:
    start = await banking.create_link_token(user_id="user_123")
    public_token = bank.sign_in(start.link_token)
    await banking.exchange_public_token(public_token)
    with pytest.raises(InvalidCredentialsError, match="Start it again"):
        await banking.exchange_public_token(public_token)
    with pytest.raises(InvalidInputError, match="public token is missing"):
        await banking.exchange_public_token()
    with pytest.raises(InvalidInputError, match="user_id"):
        await banking.create_link_token(user_id=" ")


async def test_answer_that_breaks_the_contract_is_no_empty_list(bank, banking, token) -> None:
    with bank.saying("/accounts/get", b'{"request_id": "r-1"}', 200), pytest.raises(UnexpectedAnswerError) as caught:
        await banking.get_accounts(token)
    assert "r-1" not in caught.value.message


async def test_row_that_cannot_be_read_is_told_beside_the_others(bank, banking, token) -> None:
    (checking,) = [account for account in await banking.get_accounts(token) if account.kind == "checking"]

    whole = await banking.get_transactions(token, account_id=checking.id)
    bank.wire.tamper = lambda answer: spoil_last_row(answer) if answer.path.endswith("/transactions/get") else answer
    spoilt = await banking.get_transactions(token, account_id=checking.id)
    assert (len(spoilt), len(spoilt.rejected), spoilt.complete) == (len(whole) - 1, 1, False)


def spoil_last_row(answer):
    """Let the last row of a listing have a currency that does not exist."""
    head, _, tail = answer.body.rpartition(b'"iso_currency_code":"USD"')
    return answer.saying(head + b'"iso_currency_code":"QQQ"' + tail)


async def test_unknown_account_is_an_error_and_not_an_empty_list(banking, token) -> None:
    with pytest.raises(NotFoundError):
        await banking.get_transactions(token, account_id="no-such-account")


async def test_what_a_provider_does_not_offer_is_told(bank, token) -> None:
    from dataclasses import replace

    from bursar.banking import easy_banking
    from bursar.domain.connections import ProviderCapability
    from bursar.registry import Registry

    spec = Registry.discover().providers["plaid"]
    bare = replace(spec, capabilities=spec.capabilities - {ProviderCapability.IDENTITY, ProviderCapability.WEBHOOKS})
    with easy_banking("plaid", registry=Registry([bare], []), environ=bank.environ) as banking:
        with pytest.raises(UnsupportedError, match="does not tell who owns"):
            await banking.get_identity(token)
        with pytest.raises(UnsupportedError, match="sends no webhooks"):
            await banking.read_webhook({}, b"{}")
        with pytest.raises(TypeError, match="raw body bytes"):
            await banking.read_webhook({}, {})


async def test_secrets_are_in_no_log_line_even_at_debug(bank, banking, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        token = await bank.link(banking)
        await banking.get_accounts(token)
        await banking.get_transactions(token)
        with pytest.raises(BankingProviderError) as caught:
            await banking.get_accounts(token + "x")
    secrets = (token, bank.environ["PLAID_SECRET"])
    assert caplog.records
    assert not [line for line in caplog.messages if any(secret in line for secret in secrets)]
    assert not any(secret in repr(banking) + repr(caught.value) + str(caught.value) for secret in secrets)


async def test_two_objects_with_different_keys_live_side_by_side(bank, banking, token) -> None:
    with bank.open(secret="wrong") as other:
        with pytest.raises(ProviderNotConfiguredError):
            await other.get_accounts(token)
        assert len(await banking.get_accounts(token)) == 5


async def test_forgotten_object_can_be_opened_again_after_closing(banking, token) -> None:
    await banking.aclose()
    assert len(await banking.get_accounts(token)) == 5


async def test_daily_job_keeps_every_balance_and_one_failing_login_stops_nothing(
    bank, banking, token, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("BURSAR_BALANCE_HISTORY", str(tmp_path / "history.db"))
    broken = await bank.link(banking)
    bank.break_item(broken, "ITEM_LOGIN_REQUIRED")
    logins = [("ben", broken), ("ada", token)]
    for _ in range(2):  # the second run of a day replaces
        report = await track_logins(banking, logins, "2026-03-02")
        assert (report.recorded, report.unknown) == (5, 0)
        assert [(owner, type(error)) for owner, error in report.failed] == [("ben", ItemLoginRequiredError)]
    for account in await banking.get_accounts(token):
        (snapshot,) = get_balance_history(account.id, owner="ada")
        assert (snapshot.balance, snapshot.currency) == (account.balance, account.currency)
        assert get_balance_history(account.id, owner="ben") == []


def test_rows_are_the_models_of_the_interface(bank, banking: Banking) -> None:
    token = asyncio.run(bank.link(banking))
    assert all(type(row) is Transaction for row in banking.transactions(token))
