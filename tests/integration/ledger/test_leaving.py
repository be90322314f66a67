"""Does whoever leaves leave the providers, too, and is it told honestly what could not be withdrawn?"""

from dataclasses import replace
from io import BytesIO
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from bursar.domain.failures import NotFound
from bursar.domain.result import Failure, Success
from bursar.importers.ofx.sandbox import write_qfx
from bursar.services.imports import ImportRequest
from bursar.testing.loopback import Answer

CHECKING = "hudson-first-river-checking"


async def other_tenant(bank):
    tenant_id, user_id = uuid4(), uuid4()
    await bank.platform.access.create_tenant(tenant_id, user_id, name="the others")
    return replace(bank, tenant_id=tenant_id, user_id=user_id)


def left_of(bank) -> dict[str, int]:
    """How many rows each table has of a tenant."""
    with psycopg.connect(bank.database_url) as raw:
        raw.execute("SELECT set_config('app.tenant_id', %s, false)", [str(bank.tenant_id)])
        tables = raw.execute(
            "SELECT table_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name = 'tenant_id'"
        ).fetchall()
        query = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id = %s")
        counts = {
            name: raw.execute(query.format(sql.Identifier(name)), [bank.tenant_id]).fetchone()[0]  # pyright: ignore
            for (name,) in tables
        }
    return {name: count for name, count in counts.items() if count}


def dump_of_everybody(bank) -> str:
    with psycopg.connect(bank.database_url) as raw:
        raw.execute("SET ROLE bursar_scheduler")
        return str(raw.execute("SELECT p::text FROM erasure_proofs p").fetchall())


def paths(bank) -> list[str]:
    return [answer.path.rpartition("/plaid")[2] for answer in bank.wire.answers]


def down(answer: Answer) -> Answer:
    return answer.saying(b"<html>down</html>", status=503) if answer.path.endswith("/item/remove") else answer


async def test_erased_tenant_is_removed_at_its_providers_first_and_leaves_a_proof(bank, connection) -> None:
    others = await other_tenant(bank)
    theirs = await others.connect()
    await others.sync(theirs)
    account = (await others.accounts())[0]
    await bank.platform.owners.refresh(others.tenant_id, others.user_id, account.id, reason="to see")
    rows = left_of(others)
    outcome = await bank.platform.erasure.erase_tenant(others.tenant_id, others.user_id)
    assert isinstance(outcome, Success)
    proof = outcome.value
    assert paths(bank).count("/item/remove") == 1
    assert (proof.revoked_count, proof.not_revoked) == (1, ())
    assert proof.row_counts["transactions"] == rows["transactions"]
    assert proof.row_counts["account_owners"] == 1
    assert proof.audit_length == 3
    assert left_of(others) == {}
    assert await bank.platform.erasure.list_proofs(others.tenant_id) == [proof]
    assert await bank.platform.erasure.list_proofs(bank.tenant_id) == []
    told = dump_of_everybody(bank)
    people = [person for household in bank.world.households for person in household.people]
    private = {text for one in people for text in (one.name, one.email, one.phone)}
    private |= {str(others.tenant_id), str(others.user_id), str(theirs.external_login_id), account.name}
    assert not [text for text in private if text in told]
    await bank.assert_equal_truth()
    again = await bank.platform.erasure.erase_tenant(others.tenant_id)
    assert isinstance(again, Failure)
    assert isinstance(again.error, NotFound)


async def test_access_that_could_not_be_withdrawn_is_told_and_the_rows_go_all_the_same(bank) -> None:
    others = await other_tenant(bank)
    await others.sync(await others.connect())
    with bank.tampering(down):
        outcome = await bank.platform.erasure.erase_tenant(others.tenant_id)
    assert isinstance(outcome, Success)
    assert outcome.value.revoked_count == 0
    (left,) = outcome.value.not_revoked
    assert (left.provider, left.code) == ("plaid", "provider_unavailable")
    assert left_of(others) == {}


async def test_every_proof_is_listed_for_whoever_runs_the_installation(bank) -> None:
    service = bank.platform.erasure
    proofs = []
    for _ in range(3):
        others = await other_tenant(bank)
        outcome = await service.erase_tenant(others.tenant_id)
        assert isinstance(outcome, Success)
        proofs.insert(0, outcome.value)
    assert await service.list_every_proof(limit=10) == proofs
    assert await service.list_every_proof(limit=2) == proofs[:2]


async def test_proof_of_an_erased_connection_says_what_the_provider_was_told(bank) -> None:
    service = bank.platform.erasure
    first, second = await bank.connect(), await bank.connect()
    with bank.tampering(down):
        assert isinstance(await service.erase_connection(bank.tenant_id, bank.user_id, first.id), Success)
    assert isinstance(await service.erase_connection(bank.tenant_id, bank.user_id, second.id), Success)
    listed, total = await service.list_connection_proofs(bank.tenant_id, limit=1)
    assert (total, [each.connection_id for each in listed]) == (2, [second.id])
    assert (listed[0].revoked_upstream, listed[0].not_revoked_code) == ("yes", None)
    listed, total = await service.list_connection_proofs(bank.tenant_id, limit=1, offset=1)
    assert (total, [each.connection_id for each in listed]) == (2, [first.id])
    assert (listed[0].revoked_upstream, listed[0].not_revoked_code) == ("no", "provider_unavailable")
    assert listed[0].actor_user_id == bank.user_id
    of_first, total = await service.list_connection_proofs(bank.tenant_id, connection_id=first.id, limit=9)
    assert (of_first, total) == (listed, 1)


async def test_what_an_earlier_disconnection_could_not_withdraw_is_told_at_the_erasure(bank) -> None:
    others = await other_tenant(bank)
    connected = await others.connect()
    with bank.tampering(down):
        await bank.platform.connect.disconnect(others.tenant_id, connected.id)
    outcome = await bank.platform.erasure.erase_tenant(others.tenant_id)
    assert isinstance(outcome, Success)
    assert [(each.provider, each.code) for each in outcome.value.not_revoked] == [("plaid", "not_revoked_upstream")]


async def test_erasure_that_was_broken_off_goes_on_when_called_again(bank, monkeypatch) -> None:
    others = await other_tenant(bank)
    await others.sync(await others.connect())

    class BrokenOffError(Exception):
        pass

    def die(_answer: Answer) -> Answer:
        raise BrokenOffError

    with bank.tampering(die):
        try:
            await bank.platform.erasure.erase_tenant(others.tenant_id)
        except* BrokenOffError:
            pass
    assert left_of(others)["transactions"]
    outcome = await bank.platform.erasure.erase_tenant(others.tenant_id)
    assert isinstance(outcome, Success)
    assert outcome.value.revoked_count == 1
    assert left_of(others) == {}


async def test_pending_connection_has_nothing_to_withdraw(bank) -> None:
    others = await other_tenant(bank)
    await others.begin()
    outcome = await bank.platform.erasure.erase_tenant(others.tenant_id)
    assert isinstance(outcome, Success)
    assert (outcome.value.revoked_count, outcome.value.not_revoked) == (0, ())


async def test_user_whose_key_is_lost_can_leave_and_is_told(bank, connection) -> None:
    bank.query("UPDATE connection_credentials SET sealed = '\\x00' RETURNING 1")
    left = await bank.platform.connect.disconnect(bank.tenant_id, connection.id, user_id=bank.user_id)
    assert isinstance(left, Success)
    assert left.value.not_revoked_code == "credentials_unreadable"
    assert bank.query("SELECT * FROM connection_credentials") == []
    (event,), _ = await bank.platform.audit.list_events(bank.tenant_id, subject_id=connection.id, limit=5)
    assert (event.event_type, event.data["revoked_upstream"]) == ("connection.left", "no")


async def erase(bank, connection) -> Any:
    return await bank.platform.erasure.erase_connection(bank.tenant_id, bank.user_id, connection.id)


async def test_erased_connection_takes_its_accounts_and_rows_with_it_and_no_other(bank, connection) -> None:
    others = await other_tenant(bank)
    await others.sync(await others.connect())
    rows, accounts = len(await bank.rows()), len(await bank.accounts())
    await bank.platform.owners.refresh(bank.tenant_id, bank.user_id, (await bank.accounts())[0].id, reason="to see")
    outcome = await erase(bank, connection)
    assert isinstance(outcome, Success), outcome
    assert (outcome.value.account_count, outcome.value.transaction_count) == (accounts, rows)
    assert "/item/remove" in paths(bank)
    kept = left_of(bank)
    assert kept.keys() <= {
        *("tenants", "users", "tenant_keys", "connections", "api_tokens"),
        *("audit_events", "audit_heads", "audit_links"),
    }
    (row,) = bank.query("SELECT * FROM connections WHERE id = %(id)s", id=connection.id)
    assert (row["external_login_id"], row["institution_name"], row["sync_cursor"]) == (None, None, None)
    await others.assert_equal_truth()
    again = await erase(bank, connection)
    assert isinstance(again, Failure)
    assert isinstance(again.error, NotFound)
    renewed = await bank.connect()
    await bank.sync(renewed)
    await bank.assert_equal_truth()


async def test_account_that_a_file_feeds_too_stays_with_what_the_file_told(bank, connection) -> None:
    account = await bank.account(CHECKING)
    told = await bank.rows(account)
    month = bank.world.now.date().replace(day=1)
    statement = write_qfx(bank.world, CHECKING, month, bank.world.now.date())
    imported = await bank.platform.imports.import_file(
        bank.tenant_id,
        bank.user_id,
        ImportRequest(stream=BytesIO(statement), file_name="month.qfx", account_id=account.id),
    )
    assert isinstance(imported, Success), imported
    outcome = await erase(bank, connection)
    assert isinstance(outcome, Success)
    (kept,) = await bank.accounts()
    assert kept.id == account.id
    assert {row.id for row in await bank.rows()} == {
        row.id for row in told if row.transaction_date >= month and row.status == "settled"
    }
