"""What stays true when rows, providers, logins and consents go wrong?"""

import json
from collections import Counter
from decimal import Decimal

import pytest

from bursar.domain.balances import SnapshotSource
from bursar.domain.connections import ConnectionStatus
from bursar.domain.evidence import IdTrust
from bursar.domain.failures import Conflict, ProviderFailed
from bursar.domain.result import Failure, Success
from bursar.domain.sync import SyncBatch, SyncStatus
from bursar.domain.transactions import ProviderTransactionData
from bursar.sandbox.faults import FaultKind
from bursar.services.ingest import apply_batch
from bursar.services.ingest_target import IngestTarget
from bursar.testing.loopback import Answer

CHECKING = "hudson-first-river-checking"


def spoiling(name: str):
    """Takes the date out of the row of that name."""

    def tamper(answer: Answer) -> Answer:
        body = json.loads(answer.body, parse_float=str)
        for row in body.get("added", []):
            if row["name"] == name:
                row["date"] = None
        return answer.saying(json.dumps(body).encode()) if "added" in body else answer

    return tamper


def hiding(kind: str):
    """Takes the accounts of a type off every list; their rows are told all the same."""

    def tamper(answer: Answer) -> Answer:
        body = json.loads(answer.body, parse_float=str)
        accounts = body.get("accounts", [])
        body["accounts"] = [account for account in accounts if account["type"] != kind]
        return answer.saying(json.dumps(body).encode()) if accounts else answer

    return tamper


async def test_rejected_row_makes_the_run_partial_is_kept_once_and_is_resolved_later(bank, connection) -> None:
    bank.world.script.add_settled(CHECKING, Decimal("-1.01"), "UNREADABLE")
    bank.world.script.add_settled(CHECKING, Decimal("-1.02"), "READABLE")
    cursor = (await bank.connection(connection)).sync_cursor
    with bank.tampering(spoiling("UNREADABLE")):
        for _ in range(3):
            run = await bank.sync(connection)
            assert run.status is SyncStatus.PARTIAL
            assert run.counts["transactions"]["rejected"] == 1
            assert (await bank.connection(connection)).sync_cursor == cursor
    (rejected,) = await bank.platform.queries.list_rejected(bank.tenant_id)
    assert (rejected["kind"], rejected["reason"]) == ("transaction", "missing_field")
    assert str(rejected["field"]).endswith("date")
    assert Counter(row.description for row in await bank.rows())["READABLE"] == 1
    run = await bank.sync(connection)
    assert run.status is SyncStatus.SUCCEEDED
    assert await bank.platform.queries.list_rejected(bank.tenant_id) == []
    assert (await bank.connection(connection)).sync_cursor != cursor
    await bank.assert_equal_truth()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_limits_and_outages_never_change_the_status(bank, connection, status) -> None:
    bank.world.faults.add(FaultKind.STATUS, path="/plaid", status=status, times=None, retry_after="3600")
    outcome = await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, ProviderFailed)
    assert outcome.error.retryable
    after = await bank.connection(connection)
    assert after.status is ConnectionStatus.ACTIVE
    assert after.last_error_code == outcome.error.code
    assert after.last_success_at == connection.last_success_at
    bank.world.faults.clear()
    early = await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    assert isinstance(early, Failure)
    assert (early.error.code, early.error.retry_after_s) == ("too_early", 3600)
    bank.live(hours=1)
    run = await bank.sync(connection)
    assert run.status is SyncStatus.SUCCEEDED
    assert (await bank.connection(connection)).last_error_code is None


async def test_bank_that_is_down_leaves_the_connection_alive_and_the_ledger_as_it_is(bank, connection) -> None:
    before = bank.versions()
    bank.world.faults.add(FaultKind.INSTITUTION_DOWN, path="/plaid", times=None)
    outcome = await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    assert isinstance(outcome, Failure)
    assert outcome.error.code == "institution_down"
    assert (await bank.connection(connection)).status is ConnectionStatus.ACTIVE
    assert bank.versions() == before


async def test_failure_after_some_pages_stores_nothing_of_them(bank) -> None:
    connected = await bank.connect()
    for number in range(600):
        bank.world.script.add_settled(CHECKING, Decimal(-number - 1), "BULK")
    bank.world.faults.add(FaultKind.HTML, path="/plaid/transactions/sync", skip=1, times=None)
    outcome = await bank.platform.sync.sync_now(bank.tenant_id, connected.id)
    assert isinstance(outcome, Failure)
    assert outcome.error.code == "unexpected_payload"
    assert await bank.rows() == []
    bank.world.faults.clear()
    await bank.sync(connected)
    await bank.assert_equal_truth()


async def test_login_required_expires_and_renewal_in_place_keeps_connection_accounts_and_rows(bank, connection) -> None:
    accounts = {account.id for account in await bank.accounts()}
    rows = {row.id for row in await bank.rows()}
    bank.plaid.act("break_item", {"item_id": connection.external_login_id, "code": "ITEM_LOGIN_REQUIRED"})
    outcome = await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    assert isinstance(outcome, Failure)
    assert (outcome.error.code, outcome.error.action) == ("login_required", "reauthenticate")
    assert (await bank.connection(connection)).status is ConnectionStatus.EXPIRED
    refused = await bank.platform.sync.sync_now(bank.tenant_id, connection.id)
    assert isinstance(refused, Failure)
    assert isinstance(refused.error, Conflict)
    assert refused.error.code == "reauthentication_required"

    renewal = await bank.platform.connect.renew(bank.tenant_id, connection.id)
    assert isinstance(renewal, Success)
    assert renewal.value.start.needs == ()
    bank.consent(renewal.value.start.link_token)
    renewed = await bank.complete(connection.id, {})
    assert (renewed.id, renewed.status, renewed.last_error_code) == (connection.id, ConnectionStatus.ACTIVE, None)
    assert renewed.connected_at == connection.connected_at
    run = await bank.sync(connection)
    assert run.status is SyncStatus.SUCCEEDED
    assert {account.id for account in await bank.accounts()} == accounts
    assert {row.id for row in await bank.rows()} == rows
    await bank.assert_equal_truth()


async def test_renewal_that_is_given_up_leaves_the_old_consent_working(bank, connection) -> None:
    assert isinstance(await bank.platform.connect.renew(bank.tenant_id, connection.id), Success)
    assert (await bank.connection(connection)).status is ConnectionStatus.ACTIVE
    assert (await bank.sync(connection)).status is SyncStatus.SUCCEEDED


async def test_withdrawn_consent_revokes_the_connection(bank, connection) -> None:
    bank.plaid.act("break_item", {"item_id": connection.external_login_id, "code": "USER_PERMISSION_REVOKED"})
    assert isinstance(await bank.platform.sync.sync_now(bank.tenant_id, connection.id), Failure)
    assert (await bank.connection(connection)).status is ConnectionStatus.REVOKED


async def test_relink_with_new_ids_keeps_accounts_and_rows_without_duplicates(bank, connection) -> None:
    accounts = {account.name: account.id for account in await bank.accounts()}
    rows = {row.id: row.provider_transaction_id for row in await bank.rows()}
    bank.live(days=3)
    _, public_token = await bank.begin()
    relinked = await bank.complete(connection.id, {"public_token": public_token})
    assert relinked.external_login_id != connection.external_login_id
    run = await bank.sync(connection)
    assert {account.name: account.id for account in await bank.accounts()} == accounts
    after = {row.id: row.provider_transaction_id for row in await bank.rows()}
    # A pending row of the old consent may have posted under an id that nobody links to it; settled rows all stay.
    lost = [await bank.find(row_id) for row_id in rows.keys() - after.keys()]
    assert {row.status for row in lost} <= {"pending"}
    assert all(rows[row_id] != after[row_id] for row_id in rows.keys() & after.keys())
    assert "account_rebound" in {warning["code"] for warning in run.warnings}
    await bank.assert_equal_truth()
    bank.live(days=3)
    await bank.sync(connection)
    await bank.assert_equal_truth()


async def test_rows_removed_reworded_or_posted_between_two_consents_are_told_by_the_new_one(bank, connection) -> None:
    gone = bank.world.script.add_settled(CHECKING, Decimal("-8.00"), "GONE BETWEEN CONSENTS")
    reworded = bank.world.script.add_settled(CHECKING, Decimal("-9.00"), "FIRST WORDS")
    pending = bank.world.script.add_pending(CHECKING, Decimal("-10.00"), "POSTS BETWEEN CONSENTS")
    bank.live(days=1)
    await bank.sync(connection)
    known = {name: (await bank.row(name)).id for name in ("FIRST WORDS", "POSTS BETWEEN CONSENTS")}
    bank.world.script.remove(gone)
    bank.world.script.modify(reworded, description="OTHER WORDS")
    bank.world.script.post(pending)
    _, public_token = await bank.begin()
    await bank.complete(connection.id, {"public_token": public_token})
    await bank.sync(connection)
    await bank.assert_equal_truth()
    assert "GONE BETWEEN CONSENTS" not in {row.description for row in await bank.rows()}
    assert (await bank.row("OTHER WORDS")).id == known["FIRST WORDS"]
    posted = await bank.row("POSTS BETWEEN CONSENTS")
    assert (posted.id, posted.status) == (known["POSTS BETWEEN CONSENTS"], "settled")


async def test_relink_to_an_unchanged_bank_changes_no_row_and_tells_no_change(bank, connection) -> None:
    before = bank.query("SELECT id, version FROM transactions ORDER BY id")
    _, public_token = await bank.begin()
    await bank.complete(connection.id, {"public_token": public_token})
    run = await bank.sync(connection)
    assert run.counts["transactions"]["updated"] == run.counts["transactions"]["created"] == 0
    assert bank.query("SELECT id, version FROM transactions ORDER BY id") == before
    assert await bank.changes(run) == []


async def test_row_of_an_account_that_nobody_listed_is_rejected_and_holds_the_cursor(bank, connection) -> None:
    cursor = (await bank.connection(connection)).sync_cursor
    (run, *_) = await bank.platform.sync.list_runs(bank.tenant_id, connection.id)
    stray = ProviderTransactionData(
        provider_account_id="nobody-listed-it",
        provider_transaction_id="stray",
        transaction_type="payment",
        subtype="purchase",
        amount=Decimal("-1.00"),
        currency="USD",
        transaction_date=bank.world.now.date(),
    )
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        target = IngestTarget(
            connection_id=connection.id,
            provider_slug="plaid",
            institution_name=None,
            id_trust=IdTrust.STABLE,
            sync_run_id=run.id,
            snapshot_source=SnapshotSource.MANUAL_SYNC,
            hash_identity=str,
        )
        batch = SyncBatch(transactions=[stray], cursor={"transactions": "further on"})
        report = await apply_batch(tx, bank.tenant_id, target, batch, bank.world.now)
    assert report.transactions.rejected == 1
    assert report.status() is SyncStatus.PARTIAL
    assert (await bank.connection(connection)).sync_cursor == cursor
    assert [one["provider_id"] for one in await bank.platform.queries.list_rejected(bank.tenant_id)] == ["stray"]


async def test_rows_of_an_account_that_is_away_are_read_again_though_later_steps_of_the_run_succeed(bank) -> None:
    connected = await bank.connect()
    with bank.tampering(hiding("depository")):
        run = await bank.sync(connected)
    assert run.status is SyncStatus.PARTIAL
    assert run.counts["transactions"]["rejected"] > 0
    assert run.counts["holdings"]["created"] > 0
    assert not (await bank.connection(connected)).sync_cursor
    run = await bank.sync(connected)
    assert run.status is SyncStatus.SUCCEEDED
    assert (await bank.connection(connected)).sync_cursor
    await bank.assert_equal_truth()


async def test_same_login_connected_again_is_the_first_connection(bank, connection) -> None:
    renewal = await bank.platform.connect.renew(bank.tenant_id, connection.id)
    assert isinstance(renewal, Success)
    public_token = bank.consent(renewal.value.start.link_token)
    pending, _ = await bank.begin()
    done = await bank.complete(pending, {"public_token": public_token})
    assert done.id == connection.id
    listed, _ = await bank.platform.connect.list_connections(bank.tenant_id, limit=10, offset=0, statuses=("active",))
    assert [one.id for one in listed] == [connection.id]


async def test_disconnected_connection_keeps_its_history_and_no_credentials(bank, connection) -> None:
    rows = {row.id for row in await bank.rows()}
    assert isinstance(await bank.platform.connect.disconnect(bank.tenant_id, connection.id), Success)
    assert {row.id for row in await bank.rows()} == rows
    assert not [account for account in await bank.accounts() if account.is_active]
    assert bank.query("SELECT * FROM connection_credentials") == []
    assert isinstance(await bank.platform.sync.sync_now(bank.tenant_id, connection.id), Failure)


async def test_rows_removed_while_the_stored_position_was_lost_are_taken_back(bank, connection) -> None:
    kept = bank.world.script.add_settled(CHECKING, Decimal("-1.11"), "STAYS")
    gone = bank.world.script.add_settled(CHECKING, Decimal("-2.22"), "GOES")
    await bank.sync(connection)
    assert {"STAYS", "GOES"} <= {row.description for row in await bank.rows()}
    assert kept != gone
    bank.world.script.remove(gone)
    bank.query(
        """UPDATE connections SET sync_cursor = '{"transactions": "lost"}' WHERE id = %(id)s RETURNING 1""",
        id=connection.id,
    )
    run = await bank.sync(connection)
    assert "full_resync" in {warning["code"] for warning in run.warnings}
    descriptions = [row.description for row in await bank.rows()]
    assert ("STAYS" in descriptions, "GOES" in descriptions) == (True, False)
    await bank.assert_equal_truth()


async def test_leaving_a_provider_that_is_no_longer_set_up_says_that_it_was_not_told(
    bank, connection, open_test_platform, monkeypatch
) -> None:
    for name in ("PLAID_CLIENT_ID", "PLAID_SECRET", "BURSAR_PLAID_CLIENT_ID", "BURSAR_PLAID_SECRET"):
        monkeypatch.delenv(name, raising=False)
    platform = await open_test_platform()
    assert isinstance(await platform.connect.disconnect(bank.tenant_id, connection.id), Success)
    left = await bank.connection(connection)
    assert (left.status, left.last_error_code) == (ConnectionStatus.DISCONNECTED, "not_revoked_upstream")
