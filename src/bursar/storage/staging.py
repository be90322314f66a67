"""How do many rows reach the database in one statement?

Rows are copied into a temporary table and merged from there: COPY itself cannot write to a table with row-level
security, and a row at a time is forty times slower.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from psycopg import sql

from bursar.storage.unit_of_work import Transaction

_BLOCK = 1 << 17
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""})

Value = str | int | bool | Decimal | date | datetime | UUID | bytes | None


@dataclass(frozen=True, slots=True)
class StagingTable:
    """A temporary table: its name and its columns with their types, in the order of the rows' values."""

    name: str
    columns: dict[str, str]


async def stage(tx: Transaction, table: StagingTable, rows: Iterable[Sequence[Value]]) -> None:
    """Fill the staging table with the rows; it is empty again after the transaction."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))  # pyright: ignore[reportArgumentType] - a constant
        for name, kind in table.columns.items()
    )
    name = sql.Identifier(table.name)
    await tx.execute(sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(name, columns))
    await tx.execute(sql.SQL("DELETE FROM pg_temp.{}").format(name))
    async with tx.cursor() as cursor, cursor.copy(sql.SQL("COPY pg_temp.{} FROM STDIN").format(name)) as copy:
        block: list[str] = []
        size = 0
        for row in rows:
            line = "\t".join([_text(value) for value in row])
            block.append(line)
            size += len(line)
            if size > _BLOCK:
                block.append("")
                await copy.write("\n".join(block))
                block, size = [], 0
        if block:
            block.append("")
            await copy.write("\n".join(block))


def _text(value: Value) -> str:
    """Return a value in PostgreSQL's COPY text format."""
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES) if _needs_escape(value) else value
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def _needs_escape(text: str) -> bool:
    return "\\" in text or "\t" in text or "\n" in text or "\r" in text or "\x00" in text
