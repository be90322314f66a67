"""Is the database's schema the one that this code speaks, and how does it become so?"""

import asyncio

import psycopg
from alembic.command import upgrade
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

_MIGRATION_LOCK = 0x627572736172
"""Advisory lock that lets one process at a time change the schema ("bursar" in hexadecimal)."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "bursar.storage:migrations")
    return config


def engine_url(database_url: str) -> str:
    """Return the URL in the form that names the driver."""
    return make_url(database_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def url_of_database(database_url: str, name: str) -> str:
    """Return the URL of another database on the same server, with the same role."""
    return make_url(database_url).set(database=name).render_as_string(hide_password=False)


def migrate(database_url: str) -> str:
    """Bring the schema to the newest revision, from empty or from any earlier one; return the revision.

    Safe to call from many processes at once: they take turns. Uses the role of the URL, which owns the tables.
    """
    engine = create_engine(engine_url(database_url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
            config = _config()
            config.attributes["connection"] = connection
            upgrade(config, "head")
            connection.commit()
            revision = MigrationContext.configure(connection).get_current_revision()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
            return revision or ""
    finally:
        engine.dispose()


async def migrate_async(database_url: str) -> str:
    """`migrate`, off the event loop."""
    return await asyncio.to_thread(migrate, database_url)


def newest_revision() -> str:
    """Return the revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


async def current_revision(database_url: str) -> str | None:
    """Return the database's revision, or None when it has no schema yet."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        found = await connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
        row = await found.fetchone()
        if row is None or not row[0]:
            return None
        row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
        return str(row[0]) if row else None
