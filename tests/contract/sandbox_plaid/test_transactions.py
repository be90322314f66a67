"""Transactions by list and by cursor, replayed against the world's truth."""

import json
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import plaid
import pytest
from plaid.model.transactions_get_request import TransactionsGetRequest
from plaid.model.transactions_get_request_options import TransactionsGetRequestOptions
from plaid.model.transactions_refresh_request import TransactionsRefreshRequest
from plaid.model.transactions_sync_request import TransactionsSyncRequest
from plaid.model.transactions_sync_request_options import TransactionsSyncRequestOptions
from tests.contract.sandbox_plaid.conftest import Stage

from bursar.sandbox.ledger import RowState

CHECKING = "hudson-first-river-checking"
HUDSON = [f"hudson-first-river-{kind}" for kind in ("checking", "savings", "credit-card", "loan")]
QUIET = ["quiet-first-river-checking"]


class Ledger:
    """A client that does what the documentation says, and nothing clever."""

    def __init__(self, stage: Stage, token: str, account_id: str | None = None) -> None:
        self.stage = stage
        self.token = token
        self.account_id = account_id
        self.cursor = ""
        self.rows: dict[str, Any] = {}
        self.counts = Counter()

    def sync(self, count: int = 500) -> int:
        """Runs one loop; returns the number of pages."""
        cursor, pages = self.cursor, 0
        while True:
            options = {} if self.account_id is None else {"account_id": self.account_id}
            request = TransactionsSyncRequest(
                access_token=self.token,
                cursor=cursor,
                count=count,
                options=TransactionsSyncRequestOptions(include_original_description=True, **options),
            )
            page = self.stage.api.transactions_sync(request)
            pages += 1
            for row in [*page.added, *page.modified]:
                self.rows[row.transaction_id] = row
            for row in page.removed:
                self.rows.pop(row.transaction_id)
            self.counts.update(added=len(page.added), modified=len(page.modified), removed=len(page.removed))
            cursor = page.next_cursor
            if not page.has_more:
                self.cursor = cursor
                return pages

    def contents(self) -> Counter:
        return Counter(
            (-Decimal(str(row.amount)), row.iso_currency_code, row.date, row.pending, row.name)
            for row in self.rows.values()
        )


def truth_contents(stage: Stage, account_ids: list[str]) -> Counter:
    return Counter(
        (row.amount, row.currency, row.booked_on, row.state is RowState.PENDING, row.description)
        for account_id in account_ids
        for row in stage.world.truth(account_id).rows
    )


def refused_code(refused: pytest.ExceptionInfo[plaid.ApiException]) -> tuple[int, str]:
    return refused.value.status, json.loads(refused.value.body)["error_code"]


def test_first_sync_equals_the_truth_over_many_pages(stage: Stage) -> None:
    ledger = Ledger(stage, stage.link())
    pages = ledger.sync(count=60)
    assert pages > 3
    assert ledger.contents() == truth_contents(stage, HUDSON)
    assert ledger.counts["removed"] == 0


def test_a_month_of_weekly_syncs_equals_the_truth_and_a_replay(stage: Stage) -> None:
    token = stage.link()
    ledger = Ledger(stage, token)
    ledger.sync()
    for _ in range(5):
        stage.advance(days=7)
        ledger.sync(count=25)
        assert ledger.contents() == truth_contents(stage, HUDSON)
    assert min(ledger.counts.values()) > 0, "the month must have had additions, changes and removals"
    replay = Ledger(stage, token)
    replay.sync()
    assert replay.contents() == ledger.contents()
    assert set(replay.rows) == set(ledger.rows)


def test_posting_gives_a_new_id_that_points_at_the_removed_pending_one(stage: Stage) -> None:
    ledger = Ledger(stage, stage.link())
    world_id = stage.world.script.add_pending(CHECKING, Decimal("-40.00"), "NOODLE LANTERN 0042")
    ledger.sync()
    [pending] = [row for row in ledger.rows.values() if row.amount == 40.0 and row.pending]
    stage.world.script.post(world_id, amount=Decimal("-47.20"), booked_on=stage.world.now.date() + timedelta(days=1))
    ledger.sync()
    posted = next(row for row in ledger.rows.values() if row.pending_transaction_id == pending.transaction_id)
    assert (posted.amount, posted.pending, posted.date) == (47.2, False, date(2026, 3, 3))
    assert pending.transaction_id not in ledger.rows
    assert posted.original_description == "NOODLE LANTERN 0042"


def test_a_row_modified_and_a_row_removed_reach_the_client(stage: Stage) -> None:
    script = stage.world.script
    ledger = Ledger(stage, stage.link())
    kept = script.add_settled(CHECKING, Decimal("-5.50"), "BEFORE")
    gone = script.add_settled(CHECKING, Decimal("-6.50"), "GONE")
    ledger.sync()
    ledger.counts.clear()
    script.modify(kept, description="AFTER")
    script.remove(gone)
    ledger.sync()
    assert ledger.counts == Counter(modified=1, removed=1, added=0)
    assert ledger.contents() == truth_contents(stage, HUDSON)


def test_late_row_counts_in_the_balance_before_it_is_listed(stage: Stage) -> None:
    ledger = Ledger(stage, stage.link())
    script, before = stage.world.script, stage.world.truth(CHECKING)
    script.add_late(
        CHECKING, Decimal("-12.34"), "LATE", booked_on=date(2026, 2, 27), listed_after=timedelta(days=1, hours=1)
    )
    ledger.sync()
    truth = stage.world.truth(CHECKING)
    assert (truth.balance - before.balance, truth.gap - before.gap) == (Decimal("-12.34"), Decimal("-12.34"))
    assert "LATE" not in {row.name for row in ledger.rows.values()}
    stage.advance(days=2)
    ledger.sync()
    [late] = [row for row in ledger.rows.values() if row.name == "LATE"]
    assert late.date == date(2026, 2, 27)


def test_change_between_pages_is_refused_until_the_loop_starts_again(stage: Stage) -> None:
    ledger = Ledger(stage, stage.link())
    fault = {"kind": "mutate_between_pages", "path": "/plaid/transactions/sync", "page": 2}
    stage.control.post("/control/faults", json=fault).raise_for_status()
    with pytest.raises(plaid.ApiException) as refused:
        ledger.sync(count=50)
    assert refused_code(refused) == (400, "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")
    ledger.rows.clear()
    ledger.sync(count=50)
    assert ledger.contents() == truth_contents(stage, HUDSON)


def test_repeating_only_the_failed_page_fails_for_ever(stage: Stage) -> None:
    token = stage.link()
    first = stage.api.transactions_sync(TransactionsSyncRequest(access_token=token, count=50))
    stage.world.script.add_settled(CHECKING, Decimal("-1.00"), "MEANWHILE")
    for _ in range(3):
        with pytest.raises(plaid.ApiException) as refused:
            stage.api.transactions_sync(TransactionsSyncRequest(access_token=token, cursor=first.next_cursor))
        assert refused_code(refused)[1] == "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"


def test_account_stream_is_separate_from_the_item_stream(stage: Stage) -> None:
    token = stage.link()
    item_wide = Ledger(stage, token)
    item_wide.sync()
    wire = stage.raw("/accounts/get", {"access_token": token}).json()["accounts"]
    card_id = next(account["account_id"] for account in wire if account["type"] == "credit")
    card = Ledger(stage, token, card_id)
    card.sync(count=30)
    assert card.contents() == truth_contents(stage, ["hudson-first-river-credit-card"])
    stage.world.script.add_settled(CHECKING, Decimal("-1.00"), "ELSEWHERE")
    card.counts.clear()
    card.sync()
    assert sum(card.counts.values()) == 0
    card.cursor = item_wide.cursor
    with pytest.raises(plaid.ApiException) as refused:
        card.sync()
    assert refused_code(refused) == (400, "INVALID_FIELD")


@pytest.mark.parametrize("cursor", ["nonsense", "bm90LWEtY3Vyc29y", "é"])
def test_made_up_cursor_is_an_invalid_field(stage: Stage, cursor: str) -> None:
    answer = stage.raw("/transactions/sync", {"access_token": stage.link(), "cursor": cursor})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_FIELD")


def test_cursor_lives_a_year_and_now_skips_the_past(stage: Stage) -> None:
    token = stage.link("ins_117650")
    now = stage.raw("/transactions/sync", {"access_token": token, "cursor": "now"}).json()
    assert (now["added"], now["has_more"]) == ([], False)
    request = {"access_token": token, "cursor": now["next_cursor"], "count": 1}
    stage.world.advance(timedelta(days=364))
    assert stage.raw("/transactions/sync", request).json()["has_more"] is True
    stage.world.advance(timedelta(days=10))
    assert stage.raw("/transactions/sync", request).json()["error_code"] == "INVALID_FIELD"


def test_before_the_first_pull_sync_is_empty_and_get_is_an_error(stage: Stage) -> None:
    token = stage.link()
    stage.control.post("/control/faults", json={"kind": "not_ready", "path": "/plaid/transactions", "times": 2})
    page = stage.api.transactions_sync(TransactionsSyncRequest(access_token=token))
    assert (page.transactions_update_status.value, page.next_cursor, page.has_more) == ("NOT_READY", "", False)
    request = TransactionsGetRequest(access_token=token, start_date=date(2026, 1, 1), end_date=date(2026, 3, 2))
    with pytest.raises(plaid.ApiException) as refused:
        stage.api.transactions_get(request)
    assert refused_code(refused) == (400, "PRODUCT_NOT_READY")
    assert stage.api.transactions_get(request).total_transactions > 0


def test_get_pages_newest_first_through_the_whole_range(stage: Stage) -> None:
    token, start, end = stage.link(), date(2025, 12, 1), date(2026, 1, 31)
    collected: list[Any] = []
    while True:
        options = TransactionsGetRequestOptions(count=70, offset=len(collected))
        answer = stage.api.transactions_get(
            TransactionsGetRequest(access_token=token, start_date=start, end_date=end, options=options)
        )
        collected += answer.transactions
        if len(collected) >= answer.total_transactions:
            break
    expected = [row for one in HUDSON for row in stage.world.truth(one).rows if start <= row.booked_on <= end]
    assert len(collected) == len(expected) > 70
    assert Counter(-Decimal(str(row.amount)) for row in collected) == Counter(row.amount for row in expected)
    assert [row.date for row in collected] == sorted((row.date for row in collected), reverse=True)


def test_history_is_as_long_as_was_asked_for_at_linking(stage: Stage) -> None:
    ledger = Ledger(stage, stage.link(transactions={"days_requested": 30}))
    ledger.sync()
    earliest = date(2026, 3, 2) - timedelta(days=30)
    assert min(row.date for row in ledger.rows.values()) >= earliest
    recent = [row for one in HUDSON for row in stage.world.truth(one).rows if row.booked_on >= earliest]
    assert len(ledger.rows) == len(recent)


def test_salary_is_negative_and_a_purchase_positive_with_categories(stage: Stage) -> None:
    ledger = Ledger(stage, stage.link())
    ledger.sync()
    salary = next(row for row in ledger.rows.values() if row.name == "ACORN WORKS PAYROLL")
    coffee = next(row for row in ledger.rows.values() if row.name == "SQ *COPPER KETTLE")
    assert salary.amount < 0 < coffee.amount
    assert salary.personal_finance_category.detailed == "INCOME_SALARY"
    assert coffee.personal_finance_category.detailed == "FOOD_AND_DRINK_COFFEE"
    assert coffee.merchant_name == "Copper Kettle Coffee"


def test_refresh_of_the_dynamic_user_moves_everything_one_step(stage: Stage) -> None:
    token = stage.link(override_username="user_transactions_dynamic", override_password="anything")
    ledger = Ledger(stage, token)
    ledger.sync()
    pending = {row.transaction_id for row in ledger.rows.values() if row.pending}
    assert 40 <= len(ledger.rows) <= 60
    assert pending
    ledger.counts.clear()
    stage.api.transactions_refresh(TransactionsRefreshRequest(access_token=token))
    ledger.sync()
    assert ledger.counts["modified"] == 1
    assert not pending & set(ledger.rows)
    assert pending == {row.pending_transaction_id for row in ledger.rows.values()} - {None}
    assert ledger.contents() == truth_contents(stage, QUIET)


def test_transactions_can_be_created_for_the_dynamic_user_only(stage: Stage) -> None:
    created = {
        "date_transacted": "2026-03-01",
        "date_posted": "2026-03-02",
        "amount": 12.3,
        "description": "MADE UP",
        "iso_currency_code": "USD",
    }
    dynamic = stage.link(override_username="user_transactions_dynamic")
    answer = stage.raw("/sandbox/transactions/create", {"access_token": dynamic, "transactions": [created]})
    assert answer.status_code == 200
    ledger = Ledger(stage, dynamic)
    ledger.sync()
    assert [row.amount for row in ledger.rows.values() if row.name == "MADE UP"] == [12.3]
    refused = stage.raw("/sandbox/transactions/create", {"access_token": stage.link(), "transactions": [created]})
    assert refused.json()["error_code"] == "INVALID_FIELD"
    early = {"access_token": dynamic, "transactions": [{**created, "date_transacted": "2026-02-01"}]}
    assert stage.raw("/sandbox/transactions/create", early).json()["error_code"] == "INVALID_FIELD"
