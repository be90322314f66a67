"""Can one tenant ever see or touch what belongs to another?"""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from bursar.domain.failures import NotFound
from bursar.domain.result import Failure

SHARED_TABLES = {"providers", "alembic_version", "webhook_notices", "erasure_proofs"}
"""Tables without rows of tenants; the job engine's own tables are the others."""


async def other_tenant(bank):
    tenant_id, user_id = uuid4(), uuid4()
    await bank.platform.access.create_tenant(tenant_id, user_id, name="the others")
    return replace(bank, tenant_id=tenant_id, user_id=user_id)


def tenant_tables(bank) -> list[str]:
    return [
        row["relname"]
        for row in bank.query(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        if row["relname"] not in SHARED_TABLES and not row["relname"].startswith("procrastinate_")
    ]


async def test_two_tenants_with_the_same_login_have_ledgers_of_their_own(bank, connection) -> None:
    others = await other_tenant(bank)
    theirs = await others.connect()
    await others.sync(theirs)
    mine = {row.id for row in await bank.rows()}
    assert mine.isdisjoint({row.id for row in await others.rows()})
    await bank.assert_equal_truth()
    await others.assert_equal_truth()
    bank.world.script.add_settled("hudson-first-river-checking", Decimal("-5.00"), "SEEN BY ONE")
    await others.sync(theirs)
    assert {row.id for row in await bank.rows()} == mine


async def test_ids_of_another_tenant_look_like_ids_that_nobody_has(bank, connection) -> None:
    others = await other_tenant(bank)
    row, account = (await bank.rows())[0], (await bank.accounts())[0]
    run = (await bank.platform.sync.list_runs(bank.tenant_id, connection.id))[0]
    assert await others.rows() == []
    assert await others.accounts() == []
    tenant = others.tenant_id
    for outcome in (
        await bank.platform.queries.get_transaction(tenant, row.id),
        await bank.platform.queries.get_account(tenant, account.id),
        await bank.platform.queries.list_balances(tenant, account.id, limit=5),
        await bank.platform.connect.get_connection(tenant, connection.id),
        await bank.platform.connect.renew(tenant, connection.id),
        await bank.platform.connect.complete(tenant, connection.id, {"public_token": "x"}),
        await bank.platform.connect.disconnect(tenant, connection.id),
        await bank.platform.sync.sync_now(tenant, connection.id),
        await bank.platform.sync.request_sync(tenant, connection.id),
        await bank.platform.sync.get_run(tenant, run.id),
        await bank.platform.proof.prove(tenant, account.id),
    ):
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.error, NotFound)
    assert (await bank.connection(connection)).status == connection.status


async def test_statement_without_a_tenant_sees_and_writes_nothing(bank, connection) -> None:
    with psycopg.connect(bank.database_url) as raw:
        raw.execute("SET ROLE bursar_app")
        for table in tenant_tables(bank):
            count = raw.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert count == (0,), table
        done = raw.execute("UPDATE transactions SET description = 'gone'")
        assert done.rowcount == 0


async def test_row_of_another_tenant_cannot_be_written(bank, connection) -> None:
    others = await other_tenant(bank)
    statement = "INSERT INTO tenants (tenant_id, name, created_at) VALUES (%s, 'intruder', now())"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with bank.platform.database.transaction(others.tenant_id) as tx:
            await tx.execute(statement, [uuid4()])
    async with bank.platform.database.transaction(others.tenant_id) as tx:
        moved = await tx.execute("UPDATE accounts SET name = 'stolen' WHERE tenant_id = %s", [bank.tenant_id])
        assert moved.rowcount == 0


async def test_tenant_does_not_outlive_its_transaction(bank, connection) -> None:
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        assert await (await tx.execute("SELECT current_user, count(*) > 0 FROM accounts")).fetchone() == (
            "bursar_app",
            True,
        )
        await tx.commit()
        left = await (await tx.execute("SELECT current_setting('app.tenant_id', true)")).fetchone()
        assert left in {("",), (None,)}


async def test_scheduler_sees_what_is_due_and_nothing_else(bank, connection) -> None:
    async with bank.platform.database.transaction_across_tenants() as tx:
        assert await (await tx.execute("SELECT count(*) FROM connections")).fetchone() == (1,)
    for table in ("accounts", "connection_credentials", "transactions"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with bank.platform.database.transaction_across_tenants() as tx:
                await tx.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))


def test_every_table_of_tenants_is_fenced_in_the_catalog(database_url) -> None:
    with psycopg.connect(database_url) as raw:
        tables = raw.execute(
            """
            SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity,
                EXISTS (SELECT FROM pg_attribute a
                        WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull)
            FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
            """
        ).fetchall()
        fenced = {}
        for oid, name, has_rls, is_forced, has_tenant in tables:
            if name in SHARED_TABLES or name.startswith("procrastinate_"):
                assert not has_tenant, name
                continue
            assert (has_rls, is_forced, has_tenant) == (True, True, True), name
            fenced[oid] = name
        assert len(fenced) > 10
        for oid, name in fenced.items():
            policies = raw.execute(
                "SELECT pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) FROM pg_policy "
                "WHERE polrelid = %s AND polcmd = '*'",
                [oid],
            ).fetchall()
            assert len(policies) == 1, name
            assert all("tenant_id" in clause and "app.tenant_id" in clause for clause in policies[0]), name
            keys = raw.execute(
                """
                SELECT a.attname FROM pg_index i
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = %s AND i.indisunique
                """,
                [oid],
            ).fetchall()
            first = [key for (key,) in keys]
            assert set(first) <= {"tenant_id", "digest"}, name
            assert "tenant_id" in first, name
        references = raw.execute(
            """
            SELECT k.conrelid, k.confrelid,
                (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY p(num, place)
                    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.num),
                (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.confkey) WITH ORDINALITY p(num, place)
                    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.num)
            FROM pg_constraint k WHERE k.contype = 'f'
            """
        ).fetchall()
        between = [found for found in references if found[0] in fenced and found[1] in fenced]
        assert len(between) > 10
        for source, _, columns, targets in between:
            assert (columns[0], targets[0]) == ("tenant_id", "tenant_id"), fenced[source]


def test_roles_of_the_application_own_nothing_and_cannot_pass_the_fence(database_url) -> None:
    with psycopg.connect(database_url) as raw:
        roles = raw.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles "
            "WHERE rolname IN ('bursar_app', 'bursar_scheduler') ORDER BY 1"
        ).fetchall()
        assert roles == [(name, *[False] * 5) for name in ("bursar_app", "bursar_scheduler")]
        owned = raw.execute("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) LIKE 'bursar_%'").fetchone()
        assert owned == (0,)
        granted = raw.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = 'bursar_app' "
            "AND privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')"
        ).fetchall()
        assert granted == []
        kept = raw.execute(
            "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'bursar_app' "
            "AND privilege_type = 'DELETE' AND table_name IN ('transactions', 'accounts', 'tombstones', 'outbox')"
        ).fetchall()
        assert kept == []
