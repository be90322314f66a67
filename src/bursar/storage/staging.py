"""How do many rows reach the database in one statement?

Rows are copied into a temporary table and merged from there: COPY itself cannot write to a table with row-level
security, and a row at a time is forty times slower.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from psycopg import sql

from bursar.storage.unit_of_work import Transaction

_BLOCK = 1 << 17
_PART = 20_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""})

RowT = TypeVar("RowT")
Value = str | int | bool | Decimal | date | datetime | UUID | bytes | None


@dataclass(frozen=True, slots=True)
class StagingTable:
    """A temporary table: its name and its columns with their types, in the order of the rows' values."""

    name: str
    columns: dict[str, str]


async def stage(tx: Transaction, table: StagingTable, rows: Iterable[Sequence[Value]]) -> None:
    """Fill the staging table with the rows; it is empty again after the transaction."""
    await stage_blocks(tx, table, encode(rows))


async def stage_in_turns(
    tx: Transaction, table: StagingTable, rows: Sequence[RowT], values: Callable[[RowT], Sequence[Value]]
) -> AsyncGenerator[None]:
    """Fill the staging table with one part of many rows after the other; the caller's statement takes each part.

    While the database works on one part, the next is being encoded: two processors share what one would do in turn.
    """
    parts = [rows[at : at + _PART] for at in range(0, len(rows), _PART)]
    if len(parts) < 2:
        await stage(tx, table, map(values, rows))
        yield
        return
    blocks = await asyncio.to_thread(encode, map(values, parts[0]))
    for part in [*parts[1:], None]:
        await stage_blocks(tx, table, blocks)
        following = None if part is None else asyncio.ensure_future(asyncio.to_thread(encode, map(values, part)))
        try:
            yield
        finally:
            blocks = [] if following is None else await following


async def stage_blocks(tx: Transaction, table: StagingTable, blocks: Sequence[str]) -> None:
    """Fill the staging table with encoded rows in place of what it held."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))  # pyright: ignore[reportArgumentType] - a constant
        for name, kind in table.columns.items()
    )
    name = sql.Identifier(table.name)
    await tx.execute(sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(name, columns))
    await tx.execute(sql.SQL("DELETE FROM pg_temp.{}").format(name))
    async with tx.cursor() as cursor, cursor.copy(sql.SQL("COPY pg_temp.{} FROM STDIN").format(name)) as copy:
        for block in blocks:
            await copy.write(block)


def encode(rows: Iterable[Sequence[Value]]) -> list[str]:
    """Return rows in PostgreSQL's COPY text format, in blocks of a size that travels well."""
    blocks: list[str] = []
    lines: list[str] = []
    size = 0
    for row in rows:
        line = "\t".join([_text(value) for value in row])
        lines.append(line)
        size += len(line)
        if size > _BLOCK:
            lines.append("")
            blocks.append("\n".join(lines))
            lines, size = [], 0
    if lines:
        lines.append("")
        blocks.append("\n".join(lines))
    return blocks


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
