"""Can what was recorded be changed without anybody noticing, and does it hold under many writers?"""

import asyncio

import psycopg
import pytest

from bursar.domain.audit import AuditEventType
from bursar.domain.ids import new_id
from bursar.domain.retention import RetentionSubject
from bursar.storage import audit


async def write(bank, count: int = 1) -> None:
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        for _ in range(count):
            await audit.insert_event(
                tx,
                bank.tenant_id,
                AuditEventType.RETENTION_PREVIEWED,
                subject_id=new_id(),
                actor_user_id=bank.user_id,
                data={"row_count": count},
                at=bank.platform.clock.now(),
            )


async def test_chain_holds_under_many_writers_at_once(bank) -> None:
    await asyncio.gather(*(write(bank, 3) for _ in range(20)))
    found = await bank.platform.audit.check(bank.tenant_id)
    assert (found.length, found.broken_at) == (60, None)


async def test_rolled_back_event_takes_no_place(bank) -> None:
    await write(bank)
    with pytest.raises(RuntimeError):
        async with bank.platform.database.transaction(bank.tenant_id) as tx:
            await audit.insert_event(
                tx,
                bank.tenant_id,
                AuditEventType.OWNERS_READ,
                subject_id=new_id(),
                actor_user_id=None,
                data={},
                at=bank.platform.clock.now(),
            )
            raise RuntimeError
    await write(bank)
    found = await bank.platform.audit.check(bank.tenant_id)
    assert (found.length, found.broken_at) == (2, None)


TAMPERINGS = {
    "changed": "UPDATE audit_events SET data = '{}' WHERE id = (SELECT event_id FROM audit_links WHERE position = 3)",
    "hour": "UPDATE audit_events SET occurred_at = occurred_at - interval '1 hour' "
    "WHERE id = (SELECT event_id FROM audit_links WHERE position = 3)",
    "link dropped": "DELETE FROM audit_links WHERE position = 3",
    "tail dropped": "DELETE FROM audit_links WHERE position = 5",
    "slipped in": "ALTER TABLE audit_events DISABLE TRIGGER linked; INSERT INTO audit_events "
    "SELECT tenant_id, 'ffffffff-0000-7000-8000-000000000000', occurred_at, event_type, subject_id, NULL, data "
    "FROM audit_events LIMIT 1",
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_owner_of_the_tables_who_rewrites_the_trail_is_noticed(bank, tampering: str) -> None:
    await write(bank, 5)
    assert (await bank.platform.audit.check(bank.tenant_id)).broken_at is None
    with psycopg.connect(bank.database_url) as raw:
        raw.execute("SELECT set_config('app.tenant_id', %s, false)", [str(bank.tenant_id)])
        for statement in TAMPERINGS[tampering].split("; "):
            raw.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert (await bank.platform.audit.check(bank.tenant_id)).broken_at is not None


@pytest.mark.parametrize("table", ["audit_events", "audit_links", "audit_heads"])
async def test_application_can_neither_change_nor_delete_the_trail(bank, table: str) -> None:
    await write(bank)
    for statement in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with bank.platform.database.transaction(bank.tenant_id) as tx:
                await tx.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


async def test_trail_is_paged_by_the_last_event_seen(bank) -> None:
    await write(bank, 7)
    await bank.platform.retention.set_policy(bank.tenant_id, bank.user_id, RetentionSubject.IDENTITY, keep_days=3)
    seen: list[object] = []
    before = None
    while page := await bank.platform.audit.list_before(bank.tenant_id, before_id=before, limit=3):
        before = page[-1].id
        seen += [event.id for event in page]
        await write(bank)
    listed, _ = await bank.platform.audit.list_events(bank.tenant_id, limit=100)
    assert seen == [event.id for event in listed][-8:]
    changed, total = await bank.platform.audit.list_events(bank.tenant_id, event_types=["retention.changed"], limit=100)
    assert (len(changed), total) == (1, 1)
