import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bursar.providers.plaid.sdk import errors
from bursar.providers.plaid.sdk.models.transactions import SyncPage
from bursar.providers.plaid.sdk.transactions import merge_pages
from bursar.transport import json as exact_json

MUTATION = ("TRANSACTIONS_ERROR", "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")


def paged(shapes, row_count: int, **last: Any):
    """Pages of up to `count` rows behind cursors that are row numbers."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        start = int(body.get("cursor", "0"))
        end = min(start + body["count"], row_count)
        rows = [shapes.transaction(number) for number in range(start, end)]
        return shapes.sync_page(added=rows, next_cursor=str(end), has_more=end < row_count, **last)

    return answer


@pytest.mark.parametrize("row_count", [0, 1, 500, 501, 1250])
async def test_every_row_of_every_page_arrives_once(client, wire, shapes, row_count) -> None:
    wire.answers["/transactions/sync"] = paged(shapes, row_count)
    update = await client.sync_transactions("access-1")
    assert [row.transaction_id for row in update.added] == [f"tx-{number}" for number in range(row_count)]
    assert update.next_cursor == str(row_count)
    assert update.pages == max(1, -(-row_count // 500))


async def test_first_call_sends_no_cursor_and_names_the_category_version(client, wire, shapes) -> None:
    wire.answers["/transactions/sync"] = shapes.sync_page()
    await client.sync_transactions("access-1", "")
    assert wire.calls[0][1] == {
        "access_token": "access-1",
        "count": 500,
        "options": {"personal_finance_category_version": "v2"},
    }


async def test_mutation_restarts_at_the_first_cursor_and_drops_what_was_read(client, wire, shapes, still) -> None:
    state = {"refused": False}

    def answer(body: dict[str, Any]) -> Any:
        if body["cursor"] == "start":
            rows = [shapes.transaction(1, amount=2.5 if state["refused"] else 1.5)]
            return shapes.sync_page(added=rows, next_cursor="middle", has_more=True)
        if not state["refused"]:
            state["refused"] = True
            return shapes.refusal(*MUTATION)
        return shapes.sync_page(added=[shapes.transaction(2)])

    wire.answers["/transactions/sync"] = answer
    update = await client.sync_transactions("access-1", "start")
    assert [body["cursor"] for _, body in wire.calls] == ["start", "middle", "start", "middle"]
    assert [(row.transaction_id, row.amount) for row in update.added] == [
        ("tx-1", Decimal("2.5")),
        ("tx-2", Decimal("38.64")),
    ]
    assert update.restarts == 1
    assert still.slept == [0.5]


async def test_mutation_without_end_gives_up_after_five_restarts(client, wire, shapes, still) -> None:
    wire.answers["/transactions/sync"] = lambda _: shapes.refusal(*MUTATION)
    with pytest.raises(errors.PlaidSyncMutationError):
        await client.sync_transactions("access-1", "start")
    assert len(wire.calls) == 6
    assert still.slept == [0.5, 1.0, 2.0, 4.0, 8.0]


async def test_failed_page_gives_nothing_of_the_update(client, wire, shapes) -> None:
    wire.answers["/transactions/sync"] = [
        shapes.sync_page(added=[shapes.transaction(1)], next_cursor="middle", has_more=True),
        shapes.refusal("INSTITUTION_ERROR", "INSTITUTION_DOWN"),
    ]
    with pytest.raises(errors.PlaidInstitutionDownError):
        await client.sync_transactions("access-1", "start")


async def test_bank_not_read_yet_gives_no_cursor_to_store(client, wire, shapes) -> None:
    wire.answers["/transactions/sync"] = shapes.sync_page(next_cursor="", transactions_update_status="NOT_READY")
    update = await client.sync_transactions("access-1")
    assert (update.next_cursor, update.status) == (None, "NOT_READY")


@pytest.mark.parametrize("first", ["a", None])
async def test_repeated_cursor_is_an_error(client, wire, shapes, first) -> None:
    following = {None: "a", "a": "b", "b": "a"}
    wire.answers["/transactions/sync"] = lambda body: shapes.sync_page(
        next_cursor=following[body.get("cursor")], has_more=True
    )
    with pytest.raises(errors.PlaidResponseError, match="already used"):
        await client.sync_transactions("access-1", first)


def pages_of(shapes, *pages: dict[str, Any]) -> list[SyncPage]:
    return [
        exact_json.decode(json.dumps({"request_id": "r", **shapes.sync_page(**page)}).encode(), SyncPage)
        for page in pages
    ]


def test_later_page_wins_over_the_earlier(shapes) -> None:
    gone = {"transaction_id": "tx-1", "account_id": "acc-1"}
    update = merge_pages(
        pages_of(
            shapes,
            {"added": [shapes.transaction(1), shapes.transaction(2)], "modified": [shapes.transaction(3)]},
            {"removed": [gone], "modified": [shapes.transaction(2, amount=9.99)]},
        )
    )
    assert [(row.transaction_id, row.amount) for row in update.added] == [("tx-2", Decimal("9.99"))]
    assert [row.transaction_id for row in update.modified] == ["tx-3"]
    assert [row.transaction_id for row in update.removed] == ["tx-1"]


def test_row_that_returns_after_its_removal_is_there(shapes) -> None:
    gone = {"transaction_id": "tx-1", "account_id": "acc-1"}
    update = merge_pages(pages_of(shapes, {"removed": [gone]}, {"added": [shapes.transaction(1)]}))
    assert [row.transaction_id for row in update.added] == ["tx-1"]
    assert update.removed == ()


@given(st.lists(st.tuples(st.sampled_from(["added", "modified", "removed"]), st.integers(0, 4)), max_size=30))
def test_merged_update_names_each_row_once_with_its_last_word(words: list[tuple[str, int]]) -> None:
    pages = []
    for member, number in words:
        row: dict[str, Any] = {"transaction_id": f"tx-{number}", "account_id": "acc-1"}
        if member != "removed":
            row |= {"pending": False, "amount": 1, "date": "2026-01-02", "name": "x", "iso_currency_code": "USD"}
        envelope: dict[str, Any] = {"added": [], "modified": [], "removed": [], "accounts": [], "request_id": "r"}
        envelope |= {"transactions_update_status": "X", "next_cursor": "c", "has_more": False, member: [row]}
        pages.append(exact_json.decode(json.dumps(envelope).encode(), SyncPage))
    if not pages:
        return
    update = merge_pages(pages)
    kept = [row.transaction_id for row in (*update.added, *update.modified)]
    gone = [row.transaction_id for row in update.removed]
    last = {f"tx-{number}": member for member, number in words}
    assert sorted(kept) == sorted(name for name, member in last.items() if member != "removed")
    assert sorted(gone) == sorted(name for name, member in last.items() if member == "removed")


@pytest.mark.parametrize("member", ["added", "modified", "removed", "accounts", "next_cursor", "has_more"])
async def test_missing_envelope_member_is_an_error_not_an_empty_update(client, wire, shapes, member) -> None:
    page = shapes.sync_page()
    del page[member]
    wire.answers["/transactions/sync"] = page
    with pytest.raises(errors.PlaidResponseError):
        await client.sync_transactions("access-1")


REQUIRED = ["transaction_id", "account_id", "pending", "amount", "date", "name"]


@pytest.mark.parametrize("member", REQUIRED)
@pytest.mark.parametrize("damage", ["removed", None, {"of": "another type"}])
async def test_broken_row_costs_only_itself(client, wire, shapes, member, damage) -> None:
    broken = shapes.transaction(1)
    if damage == "removed":
        del broken[member]
    else:
        broken[member] = damage
    wire.answers["/transactions/sync"] = shapes.sync_page(
        added=[shapes.transaction(0), broken, shapes.transaction(2)], accounts=[shapes.account()]
    )
    update = await client.sync_transactions("access-1")
    assert [row.transaction_id for row in update.added] == ["tx-0", "tx-2"]
    assert [(row.member, row.index, row.path) for row in update.rejected] == [("added", 1, f"added.1.{member}")]
    assert len(update.accounts) == 1


@pytest.mark.parametrize("amount", ["1e400", '""', '"null"', '"1,234.50"', '"NaN"', "true", "1" + "0" * 40])
async def test_unreadable_amount_is_rejected_and_never_zero(client, wire, shapes, amount) -> None:
    page = {"request_id": "r", **shapes.sync_page(added=[shapes.transaction(0), shapes.transaction(1, amount="@")])}
    wire.answers["/transactions/sync"] = json.dumps(page).replace('"@"', amount).encode()
    update = await client.sync_transactions("access-1")
    assert [row.transaction_id for row in update.added] == ["tx-0"]
    assert [row.path for row in update.rejected] == ["added.1.amount"]


@pytest.mark.parametrize("amount", ["0.1", "1234567.89", "12345678901234567.89", "1.10", "-0.01", "0.123456789012345"])
async def test_amount_keeps_its_digits(client, wire, shapes, amount) -> None:
    page = {"request_id": "r", **shapes.sync_page(added=[shapes.transaction(1, amount="@")])}
    wire.answers["/transactions/sync"] = json.dumps(page).replace('"@"', amount).encode()
    update = await client.sync_transactions("access-1")
    assert str(update.added[0].amount) == amount


async def test_members_that_plaid_adds_or_leaves_out_do_not_disturb(client, wire, shapes) -> None:
    lean = {name: shapes.transaction(1)[name] for name in REQUIRED}
    rich = shapes.transaction(2, brand_new={"a": [1]}, payment_channel="telepathy")
    wire.answers["/transactions/sync"] = shapes.sync_page(added=[lean, rich], brand_new=True)
    update = await client.sync_transactions("access-1")
    assert [row.payment_channel for row in update.added] == [None, "telepathy"]


def by_offset(shapes, rows: list[dict[str, Any]]):
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        offset, count = body["options"]["offset"], body["options"]["count"]
        page = rows[offset : offset + count]
        return {"accounts": [], "transactions": page, "total_transactions": len(rows), "item": shapes.item}

    return answer


@pytest.mark.parametrize("row_count", [0, 1, 500, 501, 1250])
async def test_date_range_is_always_read_whole(client, wire, shapes, row_count) -> None:
    wire.answers["/transactions/get"] = by_offset(shapes, [shapes.transaction(n) for n in range(row_count)])
    listing = await client.get_transactions("access-1", date(2026, 1, 1), date(2026, 7, 31))
    assert [row.transaction_id for row in listing.transactions] == [f"tx-{n}" for n in range(row_count)]
    assert wire.calls[0][1]["start_date"] == "2026-01-01"


async def test_row_that_arrives_between_pages_starts_the_reading_again(client, wire, shapes, still) -> None:
    rows = [shapes.transaction(n) for n in range(3)]
    serve = by_offset(shapes, rows)

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        page = serve(body)
        if len(rows) == 3:
            rows.insert(0, shapes.transaction(99))
        return page

    wire.answers["/transactions/get"] = answer
    listing = await client.get_transactions("access-1", date(2026, 1, 1), date(2026, 7, 31), count=2)
    assert [row.transaction_id for row in listing.transactions] == ["tx-99", "tx-0", "tx-1", "tx-2"]
    assert still.slept == [0.5]


async def test_row_that_is_exchanged_between_pages_starts_the_reading_again(client, wire, shapes) -> None:
    rows = [shapes.transaction(n) for n in range(4)]
    serve = by_offset(shapes, rows)
    pages = 0

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        nonlocal pages
        pages += 1
        page = serve(body)
        if pages == 1:
            rows.insert(0, shapes.transaction(99))
            rows.pop()
        return page

    wire.answers["/transactions/get"] = answer
    listing = await client.get_transactions("access-1", date(2026, 1, 1), date(2026, 7, 31), count=2)
    assert [row.transaction_id for row in listing.transactions] == ["tx-99", "tx-0", "tx-1", "tx-2"]


async def test_empty_page_before_the_total_is_an_error(client, wire, shapes) -> None:
    wire.answers["/transactions/get"] = {
        "accounts": [],
        "transactions": [],
        "total_transactions": 7,
        "item": shapes.item,
    }
    with pytest.raises(errors.PlaidResponseError, match="empty"):
        await client.get_transactions("access-1", date(2026, 1, 1), date(2026, 7, 31))


async def test_listing_that_never_stands_still_is_given_up(client, wire, shapes) -> None:
    total = 10

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        nonlocal total
        total += 1
        row = shapes.transaction(total)
        return {"accounts": [], "transactions": [row], "total_transactions": total, "item": shapes.item}

    wire.answers["/transactions/get"] = answer
    with pytest.raises(errors.PlaidServerError, match="changed"):
        await client.get_transactions("access-1", date(2026, 1, 1), date(2026, 7, 31))


async def test_unreadable_row_does_not_shift_the_offsets(client, wire, shapes) -> None:
    rows = [shapes.transaction(n) for n in range(4)]
    rows[1]["amount"] = "x"
    wire.answers["/transactions/get"] = by_offset(shapes, rows)
    listing = await client.get_transactions("access-1", date(2026, 1, 1), date(2026, 7, 31), count=2)
    assert [row.transaction_id for row in listing.transactions] == ["tx-0", "tx-2", "tx-3"]
    assert [row.path for row in listing.rejected] == ["transactions.1.amount"]
