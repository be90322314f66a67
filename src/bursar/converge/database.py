"""Where do the seeds of one process find their database?"""

import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from bursar.storage.embedded import EmbeddedPostgres
from bursar.storage.schema import url_of_database

_FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum_naptime = '10s'")
_MEMORY = Path("/dev/shm")  # noqa: S108 - a RAM disk, where there is one


@contextmanager
def open_server() -> Generator[str]:
    """Start a server for this run, without care for power cuts, on a RAM disk where there is one; yield its URL."""
    place = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="bursar-converge-", dir=place, ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            # The wheel's dependency warns about XDG_RUNTIME_DIR on machines without one.
            warnings.simplefilter("ignore")
            server = EmbeddedPostgres.start(Path(folder) / "postgres")
        url = server.url("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in _FAST:
                connection.execute(sql.SQL("ALTER SYSTEM SET " + setting))
            connection.execute("SELECT pg_reload_conf()")
        try:
            yield url
        finally:
            server.stop()


@contextmanager
def open_database(server_url: str) -> Generator[str]:
    """Create an empty database for one process, on the server of any database's URL; yield its URL."""
    name = f"converge_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        )
    try:
        yield url_of_database(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
