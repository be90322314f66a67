"""Is the ledger what the bank says, row for row and cent for cent, for weeks?"""

from decimal import Decimal

from bursar.domain.sync import SyncStatus
from bursar.sandbox.faults import FaultKind
from bursar.sandbox.ledger import EventKind
from bursar.sandbox.people import AccountKind


async def test_first_sync_is_the_banks_truth(bank) -> None:
    connected = await bank.connect()
    run = await bank.sync(connected)
    assert run.status is SyncStatus.SUCCEEDED
    count = await bank.assert_equal_truth()
    assert count > 50
    assert run.counts["transactions"]["created"] == count
    assert len(await bank.accounts()) == 5


async def test_weeks_of_postings_edits_removals_and_late_rows_end_in_the_banks_truth(open_bank) -> None:
    bank = await open_bank(seed=23, history_days=30)
    connected = await bank.connect()
    await bank.sync(connected)
    before = bank.world.head
    for _ in range(14):
        bank.live(days=3, hours=5)
        run = await bank.sync(connected)
        assert run.status is SyncStatus.SUCCEEDED
        await bank.assert_equal_truth()
    kinds = {event.kind for event in bank.world.events_after(before)}
    assert kinds >= {EventKind.POSTED, EventKind.PENDING, EventKind.MODIFIED, EventKind.SURFACED}


async def test_positions_are_those_of_the_broker(bank, connection) -> None:
    holdings = await bank.platform.queries.list_holdings(bank.tenant_id)
    (broker,) = [one for one in bank.world.accounts.values() if one.kind is AccountKind.BROKERAGE]
    positions = {one.symbol: (one.quantity, one.value) for one in bank.world.positions(broker.account_id)}
    cash = {"CUR:USD": (bank.world.balance(broker.account_id),) * 2}
    assert {one.symbol: (one.quantity, one.market_value) for one in holdings} == positions | cash
    assert positions


async def test_sync_of_an_unchanged_bank_writes_no_row_of_the_ledger(bank, connection) -> None:
    before = bank.versions()
    run = await bank.sync(connection)
    assert bank.versions() == before
    assert all(count["created"] == count["updated"] == count["closed"] == 0 for count in run.counts.values())


async def test_second_reading_of_the_whole_history_writes_no_row_of_the_ledger(bank, connection) -> None:
    before = bank.versions()
    bank_rows = await bank.rows()
    with_no_cursor = "UPDATE connections SET sync_cursor = NULL RETURNING id"
    assert bank.query(with_no_cursor)
    run = await bank.sync(connection)
    assert bank.versions() == before
    assert run.counts["transactions"]["unchanged"] == len(bank_rows)


async def test_posted_row_keeps_the_id_of_its_pending_one_and_the_feed_tells_it(bank, connection) -> None:
    world_id = bank.world.script.add_pending("hudson-first-river-checking", Decimal("-20.00"), "DINER")
    await bank.sync(connection)
    pending = await bank.row("DINER")
    assert pending.status == "pending"
    bank.live(days=2)
    bank.world.script.post(world_id, amount=Decimal("-23.50"), description="DINER WITH TIP")
    run = await bank.sync(connection)
    posted = await bank.row("DINER WITH TIP")
    assert (posted.id, posted.status, posted.amount) == (pending.id, "settled", Decimal("-23.50"))
    (change,) = [one for one in await bank.changes(run) if one.transaction_id == pending.id]
    assert change.type == "transaction.updated"
    assert (change.before["status"], change.before["amount"]) == ("pending", "-20.00")
    assert (change.after["status"], change.after["amount"]) == ("settled", "-23.50")
    assert not [row for row in await bank.rows() if row.description == "DINER"]
    await bank.assert_equal_truth()


async def test_pending_row_that_vanishes_is_removed_and_told(bank, connection) -> None:
    world_id = bank.world.script.add_pending("hudson-first-river-checking", Decimal("-20.00"), "HOTEL HOLD")
    await bank.sync(connection)
    pending = await bank.row("HOTEL HOLD")
    bank.world.script.cancel(world_id)
    run = await bank.sync(connection)
    assert (await bank.find(pending.id)).removed_at is not None
    assert [one.type for one in await bank.changes(run)] == ["transaction.removed"]
    assert [row["reason"] for row in bank.query("SELECT reason FROM tombstones")] == ["pending_vanished"]
    await bank.assert_equal_truth()


async def test_removed_row_leaves_a_tombstone_and_its_id_still_resolves(bank, connection) -> None:
    world_id = bank.world.script.add_settled("hudson-first-river-checking", Decimal("-9.99"), "BOOKED TWICE")
    await bank.sync(connection)
    row = await bank.row("BOOKED TWICE")
    bank.world.script.remove(world_id)
    run = await bank.sync(connection)
    gone = await bank.find(row.id)
    assert gone.removed_at is not None
    assert row.id not in {one.id for one in await bank.rows()}
    (tombstone,) = bank.query("SELECT * FROM tombstones")
    assert (tombstone["transaction_id"], tombstone["reason"]) == (row.id, "removed_by_source")
    assert tombstone["last_content"]["amount"] == "-9.99"
    (change,) = await bank.changes(run)
    assert (change.type, change.transaction_id) == ("transaction.removed", row.id)
    await bank.assert_equal_truth()


async def test_row_that_comes_back_comes_back_under_its_id(bank, connection) -> None:
    world_id = bank.world.script.add_settled("hudson-first-river-checking", Decimal("-9.99"), "ON AND OFF")
    await bank.sync(connection)
    row = await bank.row("ON AND OFF")
    bank.world.script.remove(world_id)
    await bank.sync(connection)
    bank.world.script.restore(world_id)
    run = await bank.sync(connection)
    back = await bank.row("ON AND OFF")
    assert (back.id, back.removed_at) == (row.id, None)
    assert [one.type for one in await bank.changes(run)] == ["transaction.created"]
    await bank.assert_equal_truth()


async def test_edit_by_the_bank_is_one_update_with_both_versions_in_the_feed(bank, connection) -> None:
    world_id = bank.world.script.add_settled("hudson-first-river-checking", Decimal("-40.00"), "CORRECTED LATER")
    await bank.sync(connection)
    row = await bank.row("CORRECTED LATER")
    bank.world.script.modify(world_id, amount=Decimal("-41.00"))
    run = await bank.sync(connection)
    assert run.counts["transactions"]["updated"] == 1
    assert "conflict" in {warning["code"] for warning in run.warnings}
    (change,) = await bank.changes(run)
    assert (change.transaction_id, change.before["amount"], change.after["amount"]) == (row.id, "-40.00", "-41.00")
    await bank.assert_equal_truth()


async def test_late_row_arrives_under_its_own_date(bank, connection) -> None:
    world_id = bank.world.script.add_late("hudson-first-river-checking", Decimal("-12.00"), "SLOW CHEQUE")
    booked_on = bank.world.script.get_row(world_id).booked_on
    bank.live(days=20)
    await bank.sync(connection)
    assert "SLOW CHEQUE" not in {row.description for row in await bank.rows()}
    bank.world.script.surface(world_id)
    await bank.sync(connection)
    assert (await bank.row("SLOW CHEQUE")).transaction_date == booked_on
    await bank.assert_equal_truth()


async def test_bank_that_changes_while_its_pages_are_read_is_read_whole(bank, connection) -> None:
    for number in range(600):
        bank.world.script.add_settled("hudson-first-river-checking", Decimal(-number - 1), "BULK")
    bank.world.faults.add(FaultKind.MUTATE_BETWEEN_PAGES, path="/plaid/transactions/sync", page=1)
    run = await bank.sync(connection)
    assert run.counts["transactions"]["created"] == 601
    assert bank.world.faults.list_all() == ()
    await bank.assert_equal_truth()


async def test_bank_that_was_not_read_yet_is_read_later(bank) -> None:
    connected = await bank.connect()
    bank.world.faults.add(FaultKind.NOT_READY, path="/plaid/transactions/sync")
    run = await bank.sync(connected)
    assert "not_ready" in {warning["code"] for warning in run.warnings}
    await bank.sync(connected)
    assert await bank.assert_equal_truth() > 50
