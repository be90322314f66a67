"""Is the database's schema the one that this code speaks, and how does it become so?"""

import asyncio
import re
from importlib.resources import files

import psycopg

_MIGRATION_LOCK = 0x627572736172
"""Advisory lock that lets one process at a time change the schema ("bursar" in hexadecimal)."""
_VERSION = re.compile(r"v(\d{4})_\w+\.py")


def url_of_database(database_url: str, name: str) -> str:
    """Return the URL of another database on the same server, with the same role."""
    from sqlalchemy.engine import make_url

    return make_url(database_url).set(database=name).render_as_string(hide_password=False)


def migrate(database_url: str) -> str:
    """Bring the schema to the newest revision, from empty or from any earlier one; return the revision.

    Safe to call from many processes at once: they take turns. Uses the role of the URL, which owns the tables.
    """
    # Loaded where they are needed: every start asks whether the schema is current, and hardly any finds that it is not.
    from alembic.command import upgrade
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", "bursar.storage:migrations")
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()
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
    names = (entry.name for entry in files("bursar.storage.migrations.versions").iterdir())
    return max(found[1] for name in names if (found := _VERSION.fullmatch(name)) is not None)


async def current_revision(database_url: str) -> str | None:
    """Return the database's revision, or None when it has no schema yet."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        found = await connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
        row = await found.fetchone()
        if row is None or not row[0]:
            return None
        row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
        return str(row[0]) if row else None
