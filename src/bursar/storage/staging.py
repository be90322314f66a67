"""How do many rows reach the database in one statement?

A few rows travel within the statement that takes them, as JSON. Many are copied into a temporary table and merged from
there: COPY itself cannot write to a table with row-level security, and a row at a time is forty times slower. The
statement is written once, and reads its rows from `incoming` either way.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import LiteralString, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from bursar.storage.unit_of_work import Transaction

_FEW = 256
"""How many rows travel within a statement: up to here that is quicker than to make, fill and empty a table."""
_BLOCK = 1 << 17
_PART = 20_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""})

RowT = TypeVar("RowT")
Value = str | int | bool | Decimal | date | datetime | UUID | bytes | msgspec.Raw | None
"""What a row is made of; JSON is `msgspec.Raw`."""


@dataclass(frozen=True, slots=True)
class StagingTable:
    """A temporary table: its name and its columns with their types, in the order of the rows' values."""

    name: str
    columns: dict[str, str]

    @property
    def definition(self) -> sql.Composed:
        """The columns with their types, as SQL."""
        return sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))  # pyright: ignore[reportArgumentType] - a constant
            for name, kind in self.columns.items()
        )


class StagedStatement:
    """A statement that takes the rows of a staging table: it reads them from `incoming`."""

    def __init__(self, table: StagingTable, text: LiteralString, **parts: sql.Composable) -> None:
        """Compose the statement, once for few rows and once for many.

        Args:
            table: whose rows.
            text: begins with `WITH incoming AS {incoming}`.
            parts: what else stands in braces.
        """
        few = sql.SQL("(SELECT * FROM json_to_recordset(%(incoming)s::json) AS rows ({}))").format(table.definition)
        many = sql.SQL("NOT MATERIALIZED (SELECT * FROM pg_temp.{})").format(sql.Identifier(table.name))
        self.for_few = sql.SQL(text).format(incoming=few, **parts).as_bytes(None)
        self.for_many = sql.SQL(text).format(incoming=many, **parts).as_bytes(None)


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows that wait for the statements that take them."""

    tx: Transaction
    json: str | None
    """Few rows; None when they are in the temporary table."""

    async def execute(
        self, statement: StagedStatement, arguments: Mapping[str, object]
    ) -> psycopg.AsyncCursor[TupleRow]:
        """Have a statement take the rows; several may, one after the other."""
        if self.json is None:
            return await self.tx.execute(statement.for_many, arguments)
        return await self.tx.execute(statement.for_few, {**arguments, "incoming": self.json})


async def stage(tx: Transaction, table: StagingTable, rows: Iterable[Sequence[Value]]) -> Staged:
    """Make rows ready for statements of this transaction."""
    remaining = iter(rows)
    first = list(islice(remaining, _FEW + 1))
    if len(first) <= _FEW:
        return Staged(tx, _as_json(table, first))
    return await _stage_blocks(tx, table, encode(chain(first, remaining)))


async def stage_in_turns(
    tx: Transaction, table: StagingTable, rows: Sequence[RowT], values: Callable[[RowT], Sequence[Value]]
) -> AsyncGenerator[Staged]:
    """Make one part of many rows ready after the other; the caller's statement takes each part.

    While the database works on one part, the next is being encoded: two processors share what one would do in turn.
    """
    parts = [rows[at : at + _PART] for at in range(0, len(rows), _PART)]
    if len(parts) < 2:
        yield await stage(tx, table, map(values, rows))
        return
    blocks = await asyncio.to_thread(encode, map(values, parts[0]))
    for part in [*parts[1:], None]:
        staged = await _stage_blocks(tx, table, blocks)
        following = None if part is None else asyncio.ensure_future(asyncio.to_thread(encode, map(values, part)))
        try:
            yield staged
        finally:
            blocks = [] if following is None else await following


def _as_json(table: StagingTable, rows: Iterable[Sequence[Value]]) -> str:
    names = tuple(table.columns)
    return msgspec.json.encode([dict(zip(names, map(_json_value, row), strict=True)) for row in rows]).decode()


def _json_value(value: Value) -> Value:
    """Return a value of which JSON makes what PostgreSQL reads as the column's type."""
    if isinstance(value, bytes) and not isinstance(value, msgspec.Raw):
        return "\\x" + value.hex()
    if isinstance(value, str) and "\x00" in value:
        return value.replace("\x00", "")
    return value


async def _stage_blocks(tx: Transaction, table: StagingTable, blocks: Sequence[str]) -> Staged:
    """Fill the staging table with encoded rows in place of what it held; it is empty again after the transaction."""
    name = sql.Identifier(table.name)
    await tx.execute(
        sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(name, table.definition)
    )
    await tx.execute(sql.SQL("DELETE FROM pg_temp.{}").format(name))
    async with tx.cursor() as cursor, cursor.copy(sql.SQL("COPY pg_temp.{} FROM STDIN").format(name)) as copy:
        for block in blocks:
            await copy.write(block)
    return Staged(tx, None)


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
    if isinstance(value, msgspec.Raw):
        return _text(bytes(value).decode())
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def _needs_escape(text: str) -> bool:
    return "\\" in text or "\t" in text or "\n" in text or "\r" in text or "\x00" in text


def one_of_each(items: Iterable[RowT], key: Callable[[RowT], Hashable]) -> list[list[RowT]]:
    """Part items so that no part holds two of one key: what is written twice is written in two statements, in order."""
    parts: list[list[RowT]] = []
    seen: dict[Hashable, int] = {}
    for item in items:
        place = seen[key(item)] = seen.get(key(item), -1) + 1
        if place == len(parts):
            parts.append([])
        parts[place].append(item)
    return parts
