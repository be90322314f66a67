"""Do rows reach a statement as they were, whether they travel within it or through a temporary table?"""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from bursar.storage.staging import StagedStatement, StagingTable, one_of_each, stage

TABLE = StagingTable(
    "incoming_everything",
    {
        "id": "uuid",
        "place": "integer",
        "name": "text",
        "amount": "numeric",
        "is_open": "boolean",
        "day": "date",
        "instant": "timestamptz",
        "mark": "bytea",
        "raw": "jsonb",
    },
)
READ = StagedStatement(TABLE, "WITH incoming AS {incoming} SELECT * FROM incoming ORDER BY place")
AWKWARD = ["plain", "", "tab\there", "line\nbreak\r", "back\\slash \\N", 'quo"te', "é\u2028漢🙂", "{}%s%%"]


def row(place: int):
    name = AWKWARD[place % len(AWKWARD)]
    return (
        UUID(int=place + 1),
        place,
        name if place % 11 else None,
        Decimal(place).scaleb(-18) - Decimal("12345678901234567890.10"),
        place % 2 == 0,
        date(2026, 3, 1 + place % 28),
        datetime(2026, 3, 1 + place % 28, 23, 59, 59, 999_999, tzinfo=UTC),
        bytes([place % 256, 0, 92]),
        msgspec.Raw(msgspec.json.encode({"name": name, "inner": [place, None]})) if place % 7 else None,
    )


@pytest.mark.parametrize("count", [0, 1, 40, 256, 257, 700])
async def test_rows_arrive_exactly_as_they_were(bank, count) -> None:
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        staged = await stage(tx, TABLE, map(row, range(count)))
        for _ in range(2):
            found = await (await staged.execute(READ, {})).fetchall()
            assert found == [
                (*one[:8], None if one[8] is None else msgspec.json.decode(one[8])) for one in map(row, range(count))
            ]


@pytest.mark.parametrize("count", [1, 700])
async def test_a_character_that_no_text_of_the_database_can_hold_is_left_out(bank, count) -> None:
    rows = [(UUID(int=n + 1), n, "a\x00b", None, None, None, None, None, None) for n in range(count)]
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        staged = await stage(tx, TABLE, rows)
        found = await (await staged.execute(READ, {})).fetchall()
    assert {one[2] for one in found} == {"ab"}


async def test_the_second_filling_takes_the_place_of_the_first(bank) -> None:
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        for count in (700, 300, 3):
            staged = await stage(tx, TABLE, map(row, range(count)))
            assert len(await (await staged.execute(READ, {})).fetchall()) == count


def test_what_has_one_key_is_parted_in_its_order() -> None:
    assert one_of_each([], str) == []
    assert one_of_each(["a1", "b1", "a2", "c1", "a3", "b2"], lambda one: one[0]) == [
        ["a1", "b1", "c1"],
        ["a2", "b2"],
        ["a3"],
    ]


async def test_connections_that_died_while_idle_are_replaced_before_a_transaction_begins(bank, postgres_url) -> None:
    database = bank.platform.database
    tenant_id = bank.tenant_id
    async with database.transaction(tenant_id) as one, database.transaction(tenant_id) as other:
        dead = [one.info.backend_pid, other.info.backend_pid]
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as killer:
        for pid in dead:
            await killer.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    async with database.transaction(tenant_id) as tx:
        assert tx.info.backend_pid not in dead
        row_count = await (
            await tx.execute("SELECT count(*) FROM tenants WHERE tenant_id = %s", [tenant_id])
        ).fetchone()
    assert row_count == (1,)


async def test_transaction_sees_its_tenant_only_and_the_next_on_its_connection_does_not_inherit_it(bank) -> None:
    database = bank.platform.database
    async with database.transaction(bank.tenant_id) as tx:
        pid = tx.info.backend_pid
        assert await (await tx.execute("SELECT count(*) FROM users")).fetchone() != (0,)
    async with database.transaction(uuid4()) as tx:
        assert tx.info.backend_pid == pid
        assert await (await tx.execute("SELECT count(*) FROM users")).fetchone() == (0,)
        assert await (await tx.execute("SELECT current_user::text")).fetchone() == ("bursar_app",)
