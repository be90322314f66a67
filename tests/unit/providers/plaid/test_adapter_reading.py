from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bursar.domain.sync import RejectReason, SyncBatch
from bursar.ports import errors as ports
from bursar.ports.provider import Credentials
from bursar.providers.plaid.adapter import PlaidAdapter

CREDENTIALS = Credentials({"access_token": "access-1", "item_id": "it-1"})


@pytest.fixture
def adapter(client, still) -> PlaidAdapter:
    return PlaidAdapter(client, still)


@pytest.fixture
def bank(wire, shapes):
    """Sets what the bank shows."""

    def show(accounts: list[dict[str, Any]] | None = None, products: tuple[str, ...] = ("transactions",)) -> None:
        item = {**shapes.item, "products": list(products), "billed_products": list(products)}
        wire.answers["/accounts/get"] = {"accounts": accounts or [shapes.account()], "item": item}

    show()
    return show


async def batches(adapter: PlaidAdapter, cursor: dict[str, str] | None = None) -> list[SyncBatch]:
    return [batch async for batch in adapter.sync(CREDENTIALS, cursor)]


async def test_sync_gives_rows_accounts_and_cursor_in_one_batch(adapter, bank, wire, shapes) -> None:
    gone = {"transaction_id": "tx-9", "account_id": "acc-1"}
    wire.answers["/transactions/sync"] = [
        shapes.sync_page(added=[shapes.transaction(1)], next_cursor="c-1", has_more=True),
        shapes.sync_page(modified=[shapes.transaction(2)], removed=[gone], next_cursor="c-2"),
    ]
    (batch,) = await batches(adapter, {"transactions": "c-0"})
    assert [body.get("cursor") for path, body in wire.calls if path == "/transactions/sync"] == ["c-0", "c-1"]
    assert [row.provider_transaction_id for row in batch.transactions] == ["tx-1", "tx-2"]
    assert [row.provider_transaction_id for row in batch.removed] == ["tx-9"]
    assert [(account.provider_account_id, account.balance) for account in batch.accounts] == [
        ("acc-1", Decimal("902.4"))
    ]
    assert (batch.accounts_complete, batch.cursor, batch.rejected) == (True, {"transactions": "c-2"}, [])


async def test_balance_read_with_the_rows_wins_over_the_earlier_listing(adapter, bank, wire, shapes) -> None:
    later = shapes.account(balances={"current": 700.01})
    wire.answers["/transactions/sync"] = shapes.sync_page(accounts=[later])
    (batch,) = await batches(adapter)
    assert [account.balance for account in batch.accounts] == [Decimal("700.01")]


async def test_bank_not_read_yet_leaves_the_cursor_alone(adapter, bank, wire, shapes) -> None:
    wire.answers["/transactions/sync"] = shapes.sync_page(next_cursor="", transactions_update_status="NOT_READY")
    (batch,) = await batches(adapter)
    assert batch.cursor is None
    assert len(batch.accounts) == 1
    assert [warning.code for warning in batch.warnings] == ["not_ready"]


@pytest.mark.parametrize(
    ("members", "reason", "field"),
    [
        ({"amount": "x"}, RejectReason.BAD_NUMBER, "added.1.amount"),
        ({"date": "2026-13-01"}, RejectReason.BAD_DATE, "added.1.date"),
        ({"name": None}, RejectReason.MISSING_FIELD, "added.1.name"),
        ({"pending": "yes"}, RejectReason.INCONSISTENT, "added.1.pending"),
    ],
)
async def test_unreadable_row_is_counted_and_holds_the_cursor(
    adapter, bank, wire, shapes, members, reason, field
) -> None:
    wire.answers["/transactions/sync"] = shapes.sync_page(
        added=[shapes.transaction(0), shapes.transaction(1, **members)]
    )
    (batch,) = await batches(adapter, {"transactions": "c-0"})
    (rejected,) = batch.rejected
    assert (rejected.reason, rejected.field, rejected.index) == (reason, field, 1)
    assert (rejected.provider_id, rejected.provider_account_id) == ("tx-1", "acc-1")
    assert len(rejected.redacted_excerpt) <= 200
    assert len(batch.transactions) == 1
    assert batch.cursor is None


async def test_row_in_points_is_rejected_as_unknown_currency(adapter, bank, wire, shapes) -> None:
    points = shapes.transaction(1, iso_currency_code=None, unofficial_currency_code="MILES")
    wire.answers["/transactions/sync"] = shapes.sync_page(added=[points])
    (batch,) = await batches(adapter)
    assert [(record.reason, record.field, record.provider_id) for record in batch.rejected] == [
        (RejectReason.UNKNOWN_CURRENCY, "added.0.unofficial_currency_code", "tx-1")
    ]


async def test_unreadable_account_makes_the_listing_incomplete_and_is_told_once(adapter, wire, bank, shapes) -> None:
    unreadable = shapes.account("acc-2", type=None)
    bank([shapes.account("acc-1"), unreadable])
    wire.answers["/transactions/sync"] = shapes.sync_page(accounts=[unreadable])
    (batch,) = await batches(adapter)
    assert [account.provider_account_id for account in batch.accounts] == ["acc-1"]
    assert not batch.accounts_complete
    assert [record.provider_id for record in batch.rejected] == ["acc-2"]


async def test_cursor_that_plaid_forgot_is_replaced_by_the_whole_history(adapter, bank, wire, shapes) -> None:
    def answer(body: dict[str, Any]) -> Any:
        if body.get("cursor"):
            return shapes.refusal("INVALID_REQUEST", "INVALID_FIELD")
        return shapes.sync_page(added=[shapes.transaction(1)], next_cursor="fresh")

    wire.answers["/transactions/sync"] = answer
    (batch,) = await batches(adapter, {"transactions": "old"})
    assert batch.cursor == {"transactions": "fresh"}
    assert [warning.code for warning in batch.warnings] == ["full_resync"]


async def test_failing_page_yields_nothing(adapter, bank, wire, shapes) -> None:
    wire.answers["/transactions/sync"] = [
        shapes.sync_page(added=[shapes.transaction(1)], next_cursor="c-1", has_more=True),
        shapes.refusal("INSTITUTION_ERROR", "INSTITUTION_DOWN"),
    ]
    with pytest.raises(ports.ProviderUnavailableError):
        await anext(adapter.sync(CREDENTIALS, None))


async def test_broken_item_is_an_error_though_plaid_answers_from_its_cache(adapter, wire, shapes) -> None:
    state = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED", "error_message": "x"}
    wire.answers["/accounts/get"] = {"accounts": [shapes.account()], "item": {**shapes.item, "error": state}}
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await adapter.fetch_accounts(CREDENTIALS)
    assert (caught.value.code, caught.value.needs_user) == ("login_required", True)


SECURITY = {"security_id": "sec-1", "name": "Acme", "ticker_symbol": "ACME", "type": "equity"}


def position(**members: Any) -> dict[str, Any]:
    return {
        "account_id": "inv-1",
        "security_id": "sec-1",
        "quantity": 3,
        "institution_price": 10,
        "institution_value": 30,
        "iso_currency_code": "USD",
        **members,
    }


@pytest.fixture
def broker(bank, wire, shapes):
    bank(
        [shapes.account(), shapes.account("inv-1", type="investment", subtype="brokerage")],
        ("transactions", "investments"),
    )
    wire.answers["/transactions/sync"] = shapes.sync_page(next_cursor="c-1")

    def show(positions: list[dict[str, Any]]) -> None:
        wire.answers["/investments/holdings/get"] = {
            "accounts": [shapes.account("inv-1", type="investment", subtype="brokerage")],
            "holdings": positions,
            "securities": [SECURITY],
            "item": shapes.item,
        }
        movement = {
            "investment_transaction_id": "m-1",
            "account_id": "inv-1",
            "security_id": "sec-1",
            "date": "2026-11-20",
            "name": "BUY",
            "quantity": 3,
            "amount": 30,
            "price": 10,
            "fees": None,
            "type": "buy",
            "subtype": "buy",
            "iso_currency_code": "USD",
        }
        wire.answers["/investments/transactions/get"] = {
            "accounts": [shapes.account("inv-1", type="investment", subtype="brokerage")],
            "securities": [SECURITY],
            "investment_transactions": [movement],
            "total_investment_transactions": 1,
            "item": shapes.item,
        }

    show([position()])
    return show


def windows(wire) -> list[tuple[str, str]]:
    return [
        (body["start_date"], body["end_date"]) for path, body in wire.calls if path == "/investments/transactions/get"
    ]


async def test_investments_come_in_a_batch_of_their_own(adapter, broker, wire) -> None:
    banking, investing = await batches(adapter)
    assert banking.cursor == {"transactions": "c-1"}
    assert investing.cursor == {
        "transactions": "c-1",
        "investments_on": "2026-11-21",
        "investments_whole_on": "2026-11-21",
        "investments_of": "inv-1",
    }
    assert [(row.subtype, row.amount) for row in investing.transactions] == [("buy", Decimal(-30))]
    (listing,) = investing.holdings
    assert (listing.provider_account_id, listing.complete, len(listing.holdings)) == ("inv-1", True, 1)
    assert windows(wire) == [("2024-11-21", "2026-11-22")]


READ = {
    "transactions": "c-0",
    "investments_on": "2026-11-18",
    "investments_whole_on": "2026-11-16",
    "investments_of": "inv-1",
}


async def test_next_reading_of_investments_reaches_fifty_days_back_and_says_what_it_is_complete_for(
    adapter, broker, wire
) -> None:
    _, investing = await batches(adapter, READ)
    assert windows(wire) == [("2026-09-29", "2026-11-22")]
    assert [(one.provider_account_id, one.since) for one in investing.listings] == [("inv-1", date(2026, 9, 29))]
    assert investing.cursor == {**READ, "transactions": "c-1", "investments_on": "2026-11-21"}


async def test_all_movements_are_read_again_after_a_week(adapter, broker, wire) -> None:
    _, investing = await batches(adapter, {**READ, "investments_whole_on": "2026-11-14"})
    assert windows(wire) == [("2024-11-21", "2026-11-22")]
    assert investing.cursor is not None
    assert investing.cursor["investments_whole_on"] == "2026-11-21"


async def test_all_movements_are_read_when_an_account_has_been_added(adapter, broker, wire) -> None:
    _, investing = await batches(adapter, {**READ, "investments_of": "inv-0"})
    assert windows(wire) == [("2024-11-21", "2026-11-22")]
    assert investing.cursor == {
        **READ,
        "transactions": "c-1",
        "investments_on": "2026-11-21",
        "investments_whole_on": "2026-11-21",
    }


async def test_unread_bank_keeps_its_old_cursor_in_the_investments_batch(adapter, broker, wire, shapes) -> None:
    wire.answers["/transactions/sync"] = shapes.sync_page(next_cursor="", transactions_update_status="NOT_READY")
    _, investing = await batches(adapter, {"transactions": "c-0"})
    assert investing.cursor == {
        "transactions": "c-0",
        "investments_on": "2026-11-21",
        "investments_whole_on": "2026-11-21",
        "investments_of": "inv-1",
    }


async def test_unreadable_position_closes_nothing(adapter, broker) -> None:
    broker([position(), position(security_id="unknown")])
    _, investing = await batches(adapter)
    assert not investing.holdings[0].complete
    assert [record.field for record in investing.rejected] == ["holdings.1.security_id"]
    assert investing.cursor is None


async def test_item_without_bank_accounts_still_gives_its_investments(adapter, broker, wire, shapes) -> None:
    wire.answers["/transactions/sync"] = shapes.refusal("ITEM_ERROR", "PRODUCTS_NOT_SUPPORTED")
    _, investing = await batches(adapter)
    assert investing.cursor == {
        "investments_on": "2026-11-21",
        "investments_whole_on": "2026-11-21",
        "investments_of": "inv-1",
    }


async def test_positions_of_an_account_are_separate_and_closed_ones_named(adapter, broker, wire, shapes) -> None:
    broker([position(), position(quantity=1), position(security_id="sec-2", quantity=0)])
    wire.answers["/accounts/get"] = {
        "accounts": [shapes.account("inv-1", type="investment", subtype="brokerage")],
        "item": shapes.item,
    }
    found = await adapter.fetch_holdings(CREDENTIALS, "inv-1")
    assert [holding.provider_holding_id for holding in found] == ["sec-1", "sec-1#2"]
    assert (found.closed, found.complete) == (["sec-2"], True)


async def test_checking_account_has_no_positions(adapter, bank) -> None:
    assert await adapter.fetch_holdings(CREDENTIALS, "acc-1") == []


async def test_window_is_inclusive_and_read_whole(adapter, bank, wire, shapes) -> None:
    rows = [
        shapes.transaction(n, date=day)
        for n, day in enumerate(["2026-07-31", "2026-07-15", "2026-07-01", "2026-06-30"])
    ]
    wire.answers["/transactions/get"] = {
        "accounts": [],
        "transactions": rows,
        "total_transactions": 4,
        "item": shapes.item,
    }
    found = await adapter.fetch_transactions(CREDENTIALS, "acc-1", date(2026, 7, 1), date(2026, 7, 31))
    assert [row.provider_transaction_id for row in found] == ["tx-0", "tx-1", "tx-2"]
    body = wire.calls[-1][1]
    assert (body["start_date"], body["end_date"]) == ("2026-07-01", "2026-07-31")
    assert body["options"]["account_ids"] == ["acc-1"]


async def test_window_that_ends_before_it_starts_is_refused_without_a_call(adapter, wire) -> None:
    with pytest.raises(ports.ProviderValidationError):
        await adapter.fetch_transactions(CREDENTIALS, "acc-1", date(2026, 7, 2), date(2026, 7, 1))
    assert wire.calls == []


async def test_open_window_is_two_years(adapter, bank, wire, shapes) -> None:
    wire.answers["/transactions/get"] = {
        "accounts": [],
        "transactions": [],
        "total_transactions": 0,
        "item": shapes.item,
    }
    await adapter.fetch_transactions(CREDENTIALS, "acc-1", None, None)
    assert (wire.calls[-1][1]["start_date"], wire.calls[-1][1]["end_date"]) == ("2024-11-21", "2026-11-22")


async def test_movements_of_an_investment_account_are_its_transactions(adapter, broker, wire, shapes) -> None:
    found = await adapter.fetch_transactions(CREDENTIALS, "inv-1", date(2026, 11, 1), date(2026, 11, 30))
    assert [row.subtype for row in found] == ["buy"]


async def test_unknown_account_is_not_found(adapter, wire, shapes) -> None:
    wire.answers["/accounts/get"] = shapes.refusal("INVALID_INPUT", "INVALID_ACCOUNT_ID")
    for read in (
        adapter.fetch_transactions(CREDENTIALS, "nope", None, None),
        adapter.fetch_holdings(CREDENTIALS, "nope"),
    ):
        with pytest.raises(ports.ProviderNotFoundError):
            await read


async def test_missing_credential_is_a_typed_error(adapter) -> None:
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await adapter.fetch_accounts(Credentials({"item_id": "it-1"}))
    assert caught.value.code == "missing_credential"
