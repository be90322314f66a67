"""Where can a secret be found after a day of use, and what does a rotation of keys change?"""

import logging
from contextlib import asynccontextmanager
from io import BytesIO
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from bursar.bootstrap import open_platform
from bursar.domain.result import Failure, Success
from bursar.domain.sync import SyncStatus
from bursar.importers.ofx.sandbox import write_qfx
from bursar.security.failures import VaultError
from bursar.security.keys import new_master_key_entry
from bursar.services.imports import ImportRequest
from bursar.settings import Settings

CHECKING = "hudson-first-river-checking"


def dump(database_url: str, tenant_id: UUID) -> str:
    """Everything that is stored of a tenant and of nobody, bytes as text and as hexadecimal digits."""
    with psycopg.connect(database_url) as raw:
        raw.execute("SELECT set_config('app.tenant_id', %s, false)", [str(tenant_id)])
        tables = raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            str(row)
            for (table,) in tables
            for (row,) in raw.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))).fetchall()
        )


async def open_token(bank, connection) -> str:
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        found = await bank.platform.keys.open_credentials(tx, bank.tenant_id, connection.id, provider_slug="plaid")
    assert found is not None
    return found.require("access_token")


async def test_secrets_are_in_no_table_no_job_and_no_log(bank, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    connection_id, public_token = await bank.begin()
    connection = await bank.complete(connection_id, {"public_token": public_token})
    await bank.sync(connection)
    token = await open_token(bank, connection)
    bank.plaid.act("break_item", {"item_id": connection.external_login_id, "code": "ITEM_LOGIN_REQUIRED"})
    assert isinstance(await bank.platform.sync.sync_now(bank.tenant_id, connection.id), Failure)
    account = bank.world.accounts[CHECKING]
    statement = write_qfx(bank.world, CHECKING, bank.world.started_at.date().replace(day=1), bank.world.now.date())
    imported = await bank.platform.imports.import_file(
        bank.tenant_id, bank.user_id, ImportRequest(stream=BytesIO(statement), file_name="march.qfx")
    )
    assert isinstance(imported, Success)
    stored = dump(bank.database_url, bank.tenant_id)
    assert str(connection.id) in stored
    assert "bursar.sync_connection" in stored
    for secret in (token, public_token, "sandbox-secret", account.number):
        for spelling in (secret, secret.encode().hex()):
            assert spelling not in stored
            assert spelling not in caplog.text


async def test_credentials_of_one_connection_do_not_open_as_those_of_another(bank, connection) -> None:
    second = await bank.connect(institution_id="ins_109509", username="user_transactions_dynamic")
    bank.query(
        """
        UPDATE connection_credentials SET sealed = (
            SELECT sealed FROM connection_credentials WHERE connection_id = %(first)s)
        WHERE connection_id = %(second)s RETURNING 1
        """,
        first=connection.id,
        second=second.id,
    )
    with pytest.raises(VaultError):
        await open_token(bank, second)


async def test_rotated_master_key_opens_everything_and_the_old_one_may_go(bank, tmp_path) -> None:
    old, new = new_master_key_entry(), new_master_key_entry()

    @asynccontextmanager
    async def with_keys(*entries: str):
        settings = Settings(
            database_url=SecretStr(bank.database_url), home=tmp_path, master_keys=SecretStr(",".join(entries))
        )
        async with open_platform(settings, **bank.options) as platform:
            bank.platform = platform
            yield platform

    async with with_keys(old) as platform:
        connection = await bank.connect()
        await bank.sync(connection)
        token = await open_token(bank, connection)
        stranger = uuid4()
        await platform.access.create_tenant(stranger, uuid4(), name="somebody else")
        async with platform.database.transaction(stranger) as tx:
            await platform.keys.hasher(tx, stranger, bank.world.now)
    async with with_keys(new, old) as platform:
        assert await platform.keys.rewrap_every_tenant(platform.database) == 3
        assert await platform.keys.rewrap_every_tenant(platform.database) == 0
        bank.live(days=2)
        assert (await bank.sync(connection)).status is SyncStatus.SUCCEEDED
    async with with_keys(new) as platform:
        async with platform.database.transaction(bank.tenant_id) as tx:
            await platform.keys.prove(tx, bank.tenant_id)
        assert await open_token(bank, connection) == token
        bank.live(days=2)
        assert (await bank.sync(connection)).status is SyncStatus.SUCCEEDED
        await bank.assert_equal_truth()
    async with with_keys(old) as platform:
        with pytest.raises(VaultError):
            async with platform.database.transaction(bank.tenant_id) as tx:
                await platform.keys.prove(tx, bank.tenant_id)
