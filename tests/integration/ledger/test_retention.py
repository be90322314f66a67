"""Is what a tenant does not want kept forgotten everywhere and for ever, and does nothing else change?"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from bursar.domain.failures import Invalid, NotFound
from bursar.domain.result import Failure, Success
from bursar.domain.retention import RetentionCounts, RetentionRun, RetentionSubject
from bursar.importers.ofx.sandbox import write_qfx
from bursar.services.imports import ImportRequest
from bursar.services.retention import RetentionService
from bursar.testing.damage import decode, encode
from bursar.worker.schedule import apply_retention

CHECKING = "hudson-first-river-checking"
TEXTS, IDENTITY = RetentionSubject.TRANSACTION_TEXTS, RetentionSubject.IDENTITY


async def keep(bank, subject, days: int) -> None:
    done = await bank.platform.retention.set_policy(bank.tenant_id, bank.user_id, subject, keep_days=days)
    assert isinstance(done, Success), done


async def forget(bank, *, dry_run: bool = False, service: RetentionService | None = None) -> RetentionRun:
    outcome = await (service or bank.platform.retention).run(bank.tenant_id, bank.user_id, dry_run=dry_run)
    assert isinstance(outcome, Success), outcome
    return outcome.value


def numbers(rows) -> set[tuple[Any, ...]]:
    return {(row.id, row.account_id, row.transaction_date, row.amount, row.currency, row.status) for row in rows}


def dump(bank) -> str:
    with psycopg.connect(bank.database_url) as raw:
        raw.execute("SELECT set_config('app.tenant_id', %s, false)", [str(bank.tenant_id)])
        tables = raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            str(row)
            for (table,) in tables
            for (row,) in raw.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))).fetchall()
        )


async def proofs(bank) -> list[Any]:
    listed = []
    for account in await bank.accounts():
        proof = await bank.platform.proof.prove(bank.tenant_id, account.id)
        assert isinstance(proof, Success)
        listed.append(proof.value)
    return listed


async def test_without_a_policy_everything_is_kept(bank, connection) -> None:
    await bank.platform.owners.refresh(
        bank.tenant_id, bank.user_id, (await bank.accounts())[0].id, reason="to have something"
    )
    before = bank.versions()
    bank.live(days=400)
    run = await forget(bank)
    assert (run.policies, run.counts) == ((), RetentionCounts())
    assert bank.versions() == before
    assert len(bank.query("SELECT 1 FROM account_owners")) == 1
    assert await bank.platform.retention.list_due() == []


async def test_old_texts_are_gone_everywhere_and_amounts_dates_and_proof_stay(bank, connection) -> None:
    bank.world.script.add_settled(CHECKING, Decimal("-12.34"), "MARKER OLD PAYEE")
    await bank.sync(connection)
    marked = await bank.row("MARKER OLD PAYEE")
    rows, proven = await bank.rows(), await proofs(bank)
    assert "MARKER OLD PAYEE" in dump(bank)
    bank.live(days=45)
    await bank.sync(connection)
    await keep(bank, TEXTS, 30)
    preview = await forget(bank, dry_run=True)
    assert "MARKER OLD PAYEE" in dump(bank)
    run = await forget(bank)
    assert run.counts == preview.counts
    assert run.counts.row_count > 20
    assert run.counts.raw_count > 20
    assert run.counts.change_count >= run.counts.row_count
    assert "MARKER OLD PAYEE" not in dump(bank)
    after = await bank.rows()
    assert numbers(rows) <= numbers(after) | {n for n in numbers(rows) if n[5] == "pending"}
    first_kept = run.finished_at.date() - timedelta(days=30)
    for row in after:
        if row.transaction_date < first_kept and row.status != "pending":
            assert (row.description, row.counterparty, row.memo, row.check_number) == ("", None, None, None)
            assert row.texts_removed_at == run.finished_at
        else:
            assert row.texts_removed_at is None
            assert row.description
    assert (await bank.find(marked.id)).amount == Decimal("-12.34")
    assert len(await proofs(bank)) == len(proven)
    await bank.assert_equal_truth()
    again = await forget(bank)
    assert again.counts == RetentionCounts()


async def test_reading_everything_again_neither_doubles_nor_restores_nor_writes(bank, connection) -> None:
    bank.live(days=45)
    await bank.sync(connection)
    await keep(bank, TEXTS, 10)
    forgotten = (await forget(bank)).counts.row_count
    rows = await bank.rows()
    before = bank.versions()
    # Everything from the beginning: the cursor is forgotten, so that each row is told anew.
    bank.query("UPDATE connections SET sync_cursor = NULL WHERE id = %(id)s RETURNING 1", id=connection.id)
    run = await bank.sync(connection)
    counts = run.counts["transactions"]
    assert counts["unchanged"] > 0
    assert (counts["created"], counts["updated"], counts["closed"]) == (0, 0, 0)
    for table in ("transactions", "source_records", "outbox", "tombstones"):
        assert bank.versions()[table] == before[table], table
    assert await bank.rows() == rows
    assert len([row for row in rows if row.texts_removed_at]) == forgotten


async def test_source_that_rewords_an_old_row_changes_its_amount_and_no_text_comes_back(bank, connection) -> None:
    bank.live(days=45)
    await bank.sync(connection)
    await keep(bank, TEXTS, 10)
    await forget(bank)
    old = next(row for row in await bank.rows() if row.texts_removed_at and row.provider_transaction_id)
    bank.query("UPDATE connections SET sync_cursor = NULL WHERE id = %(id)s RETURNING 1", id=connection.id)

    def reword(answer):
        if not answer.path.endswith("/transactions/sync"):
            return answer
        body = decode(answer.body)
        for row in body.get("added", []):
            if row["transaction_id"] == old.provider_transaction_id:
                row["name"], row["merchant_name"] = "REWORDED MARKER", "REWORDED MARKER INC"
                row["amount"] = row["amount"] + 1
        return answer.saying(encode(body))

    with bank.tampering(reword):
        await bank.sync(connection)
    now = await bank.find(old.id)
    assert now.amount == old.amount - 1
    assert (now.description, now.counterparty, now.texts_removed_at) == ("", None, old.texts_removed_at)
    assert "REWORDED" not in dump(bank)
    assert numbers(await bank.rows()) - numbers([now]) == numbers(
        [row for row in await bank.rows() if row.id != old.id]
    )


async def test_file_and_new_consent_find_forgotten_rows_again(bank, connection) -> None:
    bank.live(days=10)
    await bank.sync(connection)
    await keep(bank, TEXTS, 1)
    bank.live(days=5)
    await bank.sync(connection)
    await forget(bank)
    account = await bank.account(CHECKING)
    rows = await bank.rows(account)
    since = bank.world.now.date() - timedelta(days=12)
    statement = write_qfx(bank.world, CHECKING, since, bank.world.now.date() - timedelta(days=6))
    imported = await bank.platform.imports.import_file(
        bank.tenant_id,
        bank.user_id,
        ImportRequest(stream=BytesIO(statement), file_name="again.qfx", account_id=account.id),
    )
    assert isinstance(imported, Success)
    assert numbers(await bank.rows(account)) == numbers(rows)
    left = await bank.platform.connect.disconnect(bank.tenant_id, connection.id)
    assert isinstance(left, Success)
    renewed = await bank.connect()
    await bank.sync(renewed)
    await bank.assert_equal_truth()
    forgotten = {row.id for row in rows if row.texts_removed_at}
    for row in await bank.rows(account):
        if row.id in forgotten:
            assert (row.description, row.counterparty) == ("", None)
    raws = bank.query(
        "SELECT 1 FROM source_records r JOIN transactions t ON t.tenant_id = r.tenant_id AND t.id = r.transaction_id "
        "WHERE t.texts_removed_at IS NOT NULL AND r.raw IS NOT NULL"
    )
    assert raws == []


async def test_rows_are_forgotten_in_batches_and_each_once(bank, connection) -> None:
    bank.live(days=45)
    await bank.sync(connection)
    await keep(bank, TEXTS, 30)
    expected = (await forget(bank, dry_run=True)).counts
    service = RetentionService(bank.platform.database, bank.platform.clock, batch=7)
    assert (await forget(bank, service=service)).counts == expected
    assert (await forget(bank, service=service)).counts == RetentionCounts()


async def test_removed_row_and_its_tombstone_forget_too(bank, connection) -> None:
    row_id = bank.world.script.add_settled(CHECKING, Decimal("-5.55"), "MARKER TAKEN BACK")
    await bank.sync(connection)
    row = await bank.row("MARKER TAKEN BACK")
    bank.world.script.remove(getattr(row_id, "row_id", row_id))
    await bank.sync(connection)
    assert (await bank.find(row.id)).removed_at is not None
    bank.live(days=45)
    await bank.sync(connection)
    await keep(bank, TEXTS, 30)
    await forget(bank)
    assert "MARKER TAKEN BACK" not in dump(bank)


async def test_owners_are_deleted_by_age_and_unknown_afterwards(bank, connection) -> None:
    account = (await bank.accounts())[0]
    arguments = bank.tenant_id, bank.user_id, account.id
    await bank.platform.owners.refresh(*arguments, reason="loan")
    await keep(bank, IDENTITY, 30)
    bank.live(days=29)
    assert (await forget(bank)).counts.account_count == 0
    bank.live(days=2)
    assert (await forget(bank, dry_run=True)).counts.account_count == 1
    known = await bank.platform.owners.read(*arguments, reason="loan")
    assert known.value.told is not None
    assert (await forget(bank)).counts.account_count == 1
    known = await bank.platform.owners.read(*arguments, reason="loan")
    assert known.value.told is None


async def test_each_run_and_each_change_of_a_policy_is_an_audit_event(bank, connection) -> None:
    await keep(bank, IDENTITY, 30)
    preview, run = await forget(bank, dry_run=True), await forget(bank)
    removed = await bank.platform.retention.remove_policy(bank.tenant_id, bank.user_id, IDENTITY)
    assert isinstance(removed, Success)
    again = await bank.platform.retention.remove_policy(bank.tenant_id, bank.user_id, IDENTITY)
    assert isinstance(again, Failure)
    assert isinstance(again.error, NotFound)
    listed, _ = await bank.platform.audit.list_events(bank.tenant_id, limit=10)
    assert [(event.event_type, event.actor_user_id) for event in reversed(listed)] == [
        (name, bank.user_id)
        for name in ("retention.changed", "retention.previewed", "retention.applied", "retention.changed")
    ]
    assert {preview.id, run.id} <= {event.subject_id for event in listed}


@pytest.mark.parametrize("days", [0, -1, 36_501])
async def test_policy_out_of_range_is_refused(bank, days: int) -> None:
    outcome = await bank.platform.retention.set_policy(bank.tenant_id, bank.user_id, TEXTS, keep_days=days)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, Invalid)


async def test_worker_applies_every_policy_and_nobody_elses_rows_are_touched(bank, connection) -> None:
    tenant_id, user_id = uuid4(), uuid4()
    await bank.platform.access.create_tenant(tenant_id, user_id, name="the others")
    others = replace(bank, tenant_id=tenant_id, user_id=user_id)
    await others.sync(await others.connect())
    theirs = await others.rows()
    await keep(bank, TEXTS, 1)
    assert await apply_retention(bank.platform) == 1
    assert await others.rows() == theirs
    assert any(row.texts_removed_at for row in await bank.rows())
    (event,), _ = await bank.platform.audit.list_events(bank.tenant_id, event_types=["retention.applied"], limit=10)
    assert event.actor_user_id is None


async def test_transaction_cannot_forget_for_another_tenant(bank, connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="bound to"):
        async with bank.platform.database.transaction(uuid4()) as tx:
            await tx.execute("SELECT forget_texts(%s, current_date, %s, 1, now())", [bank.tenant_id, uuid4()])
