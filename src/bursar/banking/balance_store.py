"""Where do balance snapshots live, so that they last?

`SQLiteBalanceStore` is one file, with the standard library only, for any number of threads and processes. A platform
puts a store of its own behind `BalanceStore`.
"""

import datetime
import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from bursar.banking.exceptions import ProviderNotConfiguredError
from bursar.models.record import Amount, Currency, Record

PATH_VARIABLE = "BURSAR_BALANCE_HISTORY"
_VERSION = 1
_WAIT_S = 30
_TABLE = """
    CREATE TABLE IF NOT EXISTS balance_history (
        owner TEXT NOT NULL,
        account_id TEXT NOT NULL,
        day TEXT NOT NULL,
        balance TEXT NOT NULL,
        currency TEXT NOT NULL,
        PRIMARY KEY (owner, account_id, day)
    ) WITHOUT ROWID
"""


class BalanceHistory(Record):
    """What an account held on a day of its bank's calendar; in the holder's sign: what is owed is negative."""

    account_id: str
    balance: Amount
    date: datetime.date
    currency: Currency


class BalanceStore(Protocol):
    """Snapshots by owner, account and day. Called from any thread; each call is whole or has not happened."""

    def put(self, owner: str, snapshots: Sequence[BalanceHistory]) -> None:
        """Keep snapshots; one of the same owner, account and day is replaced."""
        ...

    def find(
        self, owner: str, account_id: str, start: datetime.date | None, end: datetime.date | None
    ) -> list[BalanceHistory]:
        """Return an owner's snapshots of an account, both days inclusive, the oldest first; nobody else's, ever."""
        ...

    def forget(self, owner: str, account_id: str | None = None) -> int:
        """Erase an owner's snapshots, of one account or of all; return how many there were."""
        ...


class SQLiteBalanceStore:
    """Snapshots in one file, readable by its user only; amounts are kept digit for digit.

    Args:
        path: of the file; it and its folder are made when they are missing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    @classmethod
    def from_env(cls) -> "SQLiteBalanceStore":
        """Return the store `BURSAR_BALANCE_HISTORY`, else `balance-history.db` in `BURSAR_HOME` or in `~/.bursar`."""
        named = os.environ.get(PATH_VARIABLE)
        if named:
            return cls(Path(named).expanduser())
        home = os.environ.get("BURSAR_HOME")
        return cls((Path(home).expanduser() if home else Path.home() / ".bursar") / "balance-history.db")

    def put(self, owner: str, snapshots: Sequence[BalanceHistory]) -> None:
        """See `BalanceStore`."""
        rows = [
            (owner, one.account_id, one.date.isoformat(), format(one.balance, "f"), one.currency) for one in snapshots
        ]
        with self._open(writes=True) as database:
            database.executemany(
                "INSERT INTO balance_history (owner, account_id, day, balance, currency) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (owner, account_id, day) DO UPDATE SET balance = excluded.balance, "
                "currency = excluded.currency",
                rows,
            )

    def find(
        self, owner: str, account_id: str, start: datetime.date | None, end: datetime.date | None
    ) -> list[BalanceHistory]:
        """See `BalanceStore`."""
        with self._open(writes=False) as database:
            rows = database.execute(
                "SELECT day, balance, currency FROM balance_history "
                "WHERE owner = ? AND account_id = ? AND day BETWEEN ? AND ? ORDER BY day",
                (owner, account_id, (start or datetime.date.min).isoformat(), (end or datetime.date.max).isoformat()),
            ).fetchall()
        return [
            BalanceHistory(
                account_id=account_id,
                balance=Decimal(balance),
                date=datetime.date.fromisoformat(day),
                currency=currency,
            )
            for day, balance, currency in rows
        ]

    def forget(self, owner: str, account_id: str | None = None) -> int:
        """See `BalanceStore`."""
        with self._open(writes=True) as database:
            return database.execute(
                "DELETE FROM balance_history WHERE owner = ? AND account_id = coalesce(?, account_id)",
                (owner, account_id),
            ).rowcount

    @contextmanager
    def _open(self, *, writes: bool) -> Generator[sqlite3.Connection]:
        """One connection per call: threads, forks and other processes need nothing from each other."""
        self._prepare_file()
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_S, isolation_level=None)) as database:
                version = database.execute("PRAGMA user_version").fetchone()[0]
                if version > _VERSION:
                    raise ProviderNotConfiguredError(
                        "The file of the balance history was made by a newer version: use that version.",
                        code="history_unreadable",
                    )
                if version < _VERSION:
                    database.execute("PRAGMA journal_mode = WAL")
                    database.execute("BEGIN IMMEDIATE")
                    database.execute(_TABLE)
                    database.execute(f"PRAGMA user_version = {_VERSION}")
                    database.execute("COMMIT")
                database.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield database
                # Whatever is raised before this leaves nothing behind: closing rolls back.
                database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise ProviderNotConfiguredError(
                f"The file of the balance history cannot be used: set {PATH_VARIABLE} to a file of your own.",
                code="history_unreadable",
            ) from error

    def _prepare_file(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # SQLite would make it readable for everybody; its companions (-wal, -shm) take the mode of the file.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise ProviderNotConfiguredError(
                f"The file of the balance history cannot be opened: set {PATH_VARIABLE} to one that can be written.",
                code="history_unreadable",
            ) from error
