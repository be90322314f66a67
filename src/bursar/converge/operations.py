"""What does an operator do to a database: restart it, change its tables beneath a running program, save and restore it?

The programs are those of the server that runs, wherever it is installed.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import psycopg

from bursar.converge.stage import Witness

_GROWN = ("transactions", "source_records", "accounts", "connections", "sync_runs", "balance_observations")
"""Tables that get something more: those that each run reads and writes."""
_EXTRA = "converge_extra"
_TRIES = 20


class OperationError(Exception):
    """A program of the server failed; the text is its own."""


async def restart_server(witness: Witness) -> None:
    """Restart the server of a connection as after a power cut: nobody is asked, nothing is finished."""
    binaries, data = await _find_server(witness)
    owner = data.stat().st_uid
    await _run(
        binaries / "pg_ctl", "-D", str(data), "-m", "immediate", "-w", "-l", str(data / "log"), "restart", user=owner
    )


async def save_database(witness: Witness, url: str, into: Path) -> None:
    """Write a backup of a database into a file, while others go on working in it."""
    binaries, _ = await _find_server(witness)
    await _run(binaries / "pg_dump", "--format=custom", "--compress=0", f"--file={into}", f"--dbname={url}")


async def restore_database(witness: Witness, saved: Path, url: str) -> None:
    """Restore a backup into an empty database."""
    binaries, _ = await _find_server(witness)
    await _run(binaries / "pg_restore", "--exit-on-error", f"--dbname={url}", str(saved))


async def grow_tables(url: str) -> None:
    """Add to the tables what a newer version of the program would: columns that may be empty, and an index."""
    statements = [f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {_EXTRA} text" for table in _GROWN]
    statements.append(f"CREATE INDEX IF NOT EXISTS {_EXTRA}_index ON transactions ({_EXTRA})")
    await _change(url, statements)


async def shrink_tables(url: str) -> None:
    """Take back what `grow_tables` added."""
    await _change(url, [f"ALTER TABLE {table} DROP COLUMN IF EXISTS {_EXTRA}" for table in _GROWN])


async def _change(url: str, statements: list[str]) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        # As a migration should: it does not make everybody wait behind it.
        await connection.execute("SET lock_timeout = '300ms'")
        for statement in statements:
            for _ in range(_TRIES):
                with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                    await connection.execute(statement.encode())
                    break
            else:
                raise OperationError(f"not in {_TRIES} tries: {statement}")


async def _find_server(witness: Witness) -> tuple[Path, Path]:
    found = await witness.execute(
        "SELECT (SELECT setting FROM pg_config WHERE name = 'BINDIR'), current_setting('data_directory')"
    )
    row = await found.fetchone()
    if row is None:
        raise OperationError("the server does not say where it is")
    return Path(row[0]), Path(row[1])


async def _run(program: Path, *arguments: str, user: int | None = None) -> None:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        # A server that it starts keeps what it inherits open: nobody may wait for the end of that.
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL if user is not None else asyncio.subprocess.PIPE,
        user=user if user is not None and user != os.geteuid() else None,
        cwd="/",
    )
    said = await process.stderr.read() if process.stderr is not None else b""
    if await process.wait():
        raise OperationError(f"{program.name}: {said.decode(errors='replace').strip()[-500:]}")
