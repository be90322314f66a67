"""Does a tenant that is erased leave nothing behind, whatever runs meanwhile?"""

import asyncio
import time
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from bursar.domain.failures import LeaseLost, NotFound
from bursar.domain.result import Failure
from bursar.faultpoints import FaultPoint, listen
from bursar.worker.retry import RetrySchedule
from bursar.worker.tasks import carry_out

SMALL = {"balance_gaps"}
"""Tables of a handful of rows for each tenant: an index on the tenant is enough."""


async def other_tenant(bank):
    tenant_id, user_id = uuid4(), uuid4()
    await bank.platform.access.create_tenant(tenant_id, user_id, name="the others")
    return replace(bank, tenant_id=tenant_id, user_id=user_id)


def left_of(bank, tenant_id) -> dict[str, int]:
    """How many rows each table has of a tenant, and the job engine about it."""
    with psycopg.connect(bank.database_url) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(tenant_id)])
        tables = connection.execute(
            "SELECT table_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1"
        ).fetchall()
        counts = {"jobs": "SELECT count(*) FROM procrastinate_jobs WHERE args ->> 'tenant_id' = %s"} | {
            name: f"SELECT count(*) FROM {name} WHERE tenant_id::text = %s" for (name,) in tables
        }
        found = {
            name: connection.execute(sql.SQL(query), [str(tenant_id)]).fetchone()[0]  # pyright: ignore
            for name, query in counts.items()
        }
    return {name: count for name, count in found.items() if count}


async def test_erased_tenant_leaves_no_row_and_others_keep_theirs(bank, connection) -> None:
    others = await other_tenant(bank)
    await others.sync(await others.connect())
    await others.platform.access.create_token(others.tenant_id, others.user_id, name="to be erased")
    before = left_of(bank, bank.tenant_id)
    assert {"tenants", "tenant_keys", "transactions", "source_records", "outbox", "jobs"} <= left_of(
        bank, others.tenant_id
    ).keys()
    assert await bank.platform.access.erase_tenant(others.tenant_id) is True
    assert left_of(bank, others.tenant_id) == {}
    assert left_of(bank, bank.tenant_id) == before
    await bank.assert_equal_truth()
    assert await bank.platform.access.erase_tenant(others.tenant_id) is False


async def test_transaction_cannot_erase_another_tenant_or_none(bank, connection) -> None:
    others = await other_tenant(bank)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="bound to"):
        async with bank.platform.database.transaction(others.tenant_id) as tx:
            await tx.execute("SELECT erase_tenant(%s)", [bank.tenant_id])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with bank.platform.database.transaction_across_tenants() as tx:
            await tx.execute("SELECT erase_tenant(%s)", [bank.tenant_id])
    await bank.assert_equal_truth()


POINTS = [
    FaultPoint.SYNC_OPENED,
    FaultPoint.SYNC_FETCHED,
    FaultPoint.SYNC_ROWS_WRITTEN,
    FaultPoint.SYNC_BEFORE_COMMIT,
    FaultPoint.SYNC_AFTER_COMMIT,
    FaultPoint.SYNC_BEFORE_CLOSE,
    FaultPoint.SYNC_CLOSING,
]


@pytest.mark.parametrize("point", POINTS)
async def test_tenant_erased_while_it_is_read_leaves_nothing(bank, point) -> None:
    others = await other_tenant(bank)
    connected = await others.connect()
    erasures: list[asyncio.Task[bool]] = []

    async def erase_here(reached: FaultPoint) -> None:
        if reached is point and not erasures:
            erasures.append(asyncio.create_task(bank.platform.access.erase_tenant(others.tenant_id)))
            # Inside a transaction of the run the erasure waits for it; between two it is done at once.
            await asyncio.wait(erasures, timeout=0.5)

    listen(erase_here)
    try:
        outcome = await bank.platform.sync.sync_now(others.tenant_id, connected.id)
    finally:
        listen(None)
    assert len(erasures) == 1
    assert await erasures[0] is True
    if isinstance(outcome, Failure):
        assert isinstance(outcome.error, LeaseLost | NotFound)
    else:
        assert point is FaultPoint.SYNC_CLOSING
    assert left_of(bank, others.tenant_id) == {}


async def test_job_of_an_erased_tenant_ends_without_a_trace(bank) -> None:
    others = await other_tenant(bank)
    connected = await others.connect()
    (run,) = await bank.platform.sync.list_runs(others.tenant_id, connected.id)
    await bank.platform.access.erase_tenant(others.tenant_id)
    await carry_out(bank.platform, RetrySchedule(), others.tenant_id, connected.id, run.id, attempts_before=0)
    assert left_of(bank, others.tenant_id) == {}


async def test_user_who_comes_back_from_the_bank_to_an_erased_tenant_connects_nothing(bank) -> None:
    others = await other_tenant(bank)
    pending, token = await others.begin()
    await bank.platform.access.erase_tenant(others.tenant_id)
    done = await bank.platform.connect.complete(others.tenant_id, pending, {"public_token": token})
    assert isinstance(done, Failure)
    assert left_of(bank, others.tenant_id) == {}


async def test_erasure_of_a_thousand_rows_is_a_matter_of_milliseconds(open_bank) -> None:
    bank = await open_bank(history_days=250)
    times: list[float] = []
    for _ in range(3):
        others = await other_tenant(bank)
        await others.sync(await others.connect())
        rows = left_of(bank, others.tenant_id)["transactions"]
        assert rows > 400
        begun = time.perf_counter()
        await bank.platform.access.erase_tenant(others.tenant_id)
        times.append(time.perf_counter() - begun)
    print(f"{rows} transactions: {[f'{each * 1000:.1f} ms' for each in times]}")  # noqa: T201 - a figure of the run
    assert min(times) < 0.5


async def test_every_key_that_erasure_follows_is_indexed(database_url) -> None:
    with psycopg.connect(database_url) as raw:
        bare = raw.execute(
            """
            SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint k
            JOIN pg_attribute t ON t.attrelid = k.conrelid AND t.attname = 'tenant_id' AND t.attnum = k.conkey[1]
            WHERE k.contype = 'f' AND NOT EXISTS (
                SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indpred IS NULL
                    AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
            )
            """
        ).fetchall()
    assert {table for table, _ in bare} <= SMALL
