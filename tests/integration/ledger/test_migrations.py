"""Does the schema come up from nothing, again, and under several processes at once?"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from bursar.storage.schema import current_revision, migrate, newest_revision


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Makes empty databases, and drops them."""
    names: list[str] = []

    def make() -> str:
        names.append(f"bursar_empty_{uuid4().hex[:12]}")
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(names[-1])))
        # A plain URL in either form of the setting.
        with psycopg.connect(postgres_url) as connection:
            info = connection.info
            url = make_url("postgresql://").set(
                username=info.user, password=info.password or None, database=names[-1], port=info.port
            )
            return url.update_query_dict({"host": info.host}).render_as_string(hide_password=False)

    yield make
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def columns(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = 'public' ORDER BY 1, 2"
        ).fetchall()


async def test_empty_database_becomes_current_and_stays_so(empty_database) -> None:
    url = empty_database()
    assert await current_revision(url) is None
    assert migrate(url) == newest_revision()
    assert await current_revision(url) == newest_revision()
    before = columns(url)
    assert len(before) > 100
    assert migrate(url) == newest_revision()
    assert columns(url) == before


async def test_processes_that_migrate_at_once_take_turns(empty_database) -> None:
    url = empty_database()
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(migrate, [url] * 3)) == [newest_revision()] * 3
    other = empty_database()
    migrate(other)
    assert columns(url) == columns(other)
