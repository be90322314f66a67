"""Does a day's limit hold, however many ask at once, and can nobody rewrite what was recorded?"""

import asyncio
import multiprocessing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from bursar.domain.audit import AuditEventType
from bursar.storage import audit, transfer_limits
from bursar.storage.unit_of_work import Database

DAY = date(2026, 3, 8)
NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.fixture
async def tenant_id(platform) -> UUID:
    local = await platform.access.ensure_local_user(with_token=False)
    return local.tenant_id


async def reserve(database: Database, tenant_id: UUID, amount: str = "1", **changes: Any) -> bool:
    asked = {"provider_slug": "plaid", "currency": "USD", "day": DAY, "limit": Decimal(7)} | changes
    async with database.transaction(tenant_id) as tx:
        return await transfer_limits.reserve(tx, tenant_id, amount=Decimal(amount), **asked)


async def use(database: Database, tenant_id: UUID, **changes: Any) -> Decimal:
    asked = {"provider_slug": "plaid", "currency": "USD", "day": DAY} | changes
    async with database.transaction(tenant_id) as tx:
        return (await transfer_limits.get_use(tx, tenant_id, **asked)).used


async def test_exact_remainder_fits_and_a_cent_more_does_not(platform, tenant_id) -> None:
    database = platform.database
    assert await reserve(database, tenant_id, "4.99")
    assert not await reserve(database, tenant_id, "2.02")
    assert await use(database, tenant_id) == Decimal("4.99")
    assert await reserve(database, tenant_id, "2.01")
    assert not await reserve(database, tenant_id, "0.01")
    assert await use(database, tenant_id) == Decimal(7)


async def test_first_amount_over_the_limit_reserves_nothing(platform, tenant_id) -> None:
    assert not await reserve(platform.database, tenant_id, "7.01")
    assert await use(platform.database, tenant_id) == 0


async def test_days_currencies_and_tenants_have_limits_of_their_own(platform, tenant_id) -> None:
    database, other = platform.database, uuid4()
    await platform.access.create_tenant(other, uuid4(), name="the others")
    assert await reserve(database, tenant_id, "7")
    assert await reserve(database, tenant_id, "7", day=date(2026, 3, 9))
    assert await reserve(database, tenant_id, "7", currency="EUR")
    assert await reserve(database, other, "7")
    assert await use(database, other) == 7
    assert not await reserve(database, tenant_id, "0.01")


async def test_reservation_that_is_rolled_back_is_none(platform, tenant_id) -> None:
    with pytest.raises(ZeroDivisionError):
        async with platform.database.transaction(tenant_id) as tx:
            await transfer_limits.reserve(
                tx, tenant_id, provider_slug="plaid", currency="USD", day=DAY, amount=Decimal(7), limit=Decimal(7)
            )
            raise ZeroDivisionError
    assert await use(platform.database, tenant_id) == 0


async def test_twenty_at_once_never_go_over_the_limit(platform, tenant_id) -> None:
    outcomes = await asyncio.gather(*(reserve(platform.database, tenant_id) for _ in range(20)))
    assert outcomes.count(True) == 7
    assert await use(platform.database, tenant_id) == 7


def _reserve_in_process(url: str, tenant_id: UUID, results: Any) -> None:
    async def run() -> int:
        database = Database(url, max_size=2)
        await database.open()
        try:
            return sum(await asyncio.gather(*(reserve(database, tenant_id) for _ in range(4))))
        finally:
            await database.close()

    results.put(asyncio.run(run()))


async def test_processes_at_once_never_go_over_the_limit(platform, tenant_id, database_url) -> None:
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    processes = [spawn.Process(target=_reserve_in_process, args=(database_url, tenant_id, results)) for _ in range(4)]
    for process in processes:
        process.start()
    counts = [await asyncio.to_thread(results.get, True, 60) for _ in processes]
    for process in processes:
        await asyncio.to_thread(process.join, 30)
    assert sum(counts) == 7
    assert await use(platform.database, tenant_id) == 7


async def record(platform, tenant_id: UUID) -> UUID:
    subject_id = uuid4()
    async with platform.database.transaction(tenant_id) as tx:
        await audit.insert_event(
            tx,
            tenant_id,
            AuditEventType.TRANSFER_REQUESTED,
            subject_id=subject_id,
            actor_user_id=None,
            data={"amount": "1.00"},
            at=NOW,
        )
    return subject_id


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_events SET data = '{}'", "DELETE FROM audit_events", "TRUNCATE audit_events"]
)
async def test_audit_event_can_be_neither_changed_nor_deleted(platform, tenant_id, statement: str) -> None:
    subject_id = await record(platform, tenant_id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with platform.database.transaction(tenant_id) as tx:
            await tx.execute(sql.SQL(statement))
    listed, total = await platform.audit.list_events(tenant_id, subject_id=subject_id, limit=5)
    assert total == 1
    assert (listed[0].event_type, listed[0].data) == ("transfer.requested", {"amount": "1.00"})


async def test_transfer_and_its_limit_cannot_be_deleted(platform, tenant_id) -> None:
    for table in ("transfers", "transfer_days"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with platform.database.transaction(tenant_id) as tx:
                await tx.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


async def test_audit_event_of_one_tenant_is_not_shown_to_another(platform, tenant_id) -> None:
    await record(platform, tenant_id)
    other = uuid4()
    await platform.access.create_tenant(other, uuid4(), name="the others")
    assert await platform.audit.list_events(other, limit=5) == ([], 0)


async def test_scheduler_sees_which_transfers_are_due_and_nothing_of_them(platform, tenant_id) -> None:
    assert await platform.reconciler.list_due() == []
    for column in ("amount", "status", "description"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with platform.database.transaction_across_tenants() as tx:
                await tx.execute(sql.SQL("SELECT {} FROM transfers").format(sql.Identifier(column)))
