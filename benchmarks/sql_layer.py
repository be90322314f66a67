"""What does a query builder between us and psycopg cost?

A page of 50 rows with four filters, as the transaction list asks for it, from one table with 100,000 rows: static SQL
on psycopg, against SQLAlchemy Core on the same driver, both through a pool and in a transaction, in turns.
Usage: python benchmarks/sql_layer.py
"""

import statistics
import tempfile
import time
import warnings
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg_pool import ConnectionPool

from bursar.storage.embedded import EmbeddedPostgres
from bursar.storage.schema import engine_url

ROUNDS, CALLS = 7, 150
TABLE = sa.Table(
    "rows",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account", sa.Integer),
    sa.Column("amount", sa.Numeric),
    sa.Column("booked_on", sa.Date),
    sa.Column("description", sa.Text),
)
SQL = """
    SELECT id, account, amount, booked_on, description FROM rows
    WHERE account = %(account)s AND amount <= %(most)s AND booked_on >= %(start)s AND booked_on <= %(end)s
    ORDER BY booked_on DESC, id DESC LIMIT 50
"""
ARGUMENTS = {"account": 7, "most": Decimal(0), "start": date(2025, 1, 1), "end": date(2026, 12, 31)}


def measure(url: str) -> None:
    columns = TABLE.c
    pool = ConnectionPool(url, min_size=1, max_size=1, open=True)
    engine = sa.create_engine(engine_url(url), pool_size=1)

    def static() -> int:
        with pool.connection() as connection:
            return len(connection.execute(SQL, ARGUMENTS).fetchall())

    def core() -> int:
        query = (
            sa.select(TABLE)
            .where(columns.account == ARGUMENTS["account"], columns.amount <= ARGUMENTS["most"])
            .where(columns.booked_on >= ARGUMENTS["start"], columns.booked_on <= ARGUMENTS["end"])
            .order_by(columns.booked_on.desc(), columns.id.desc())
            .limit(50)
        )
        with engine.connect() as connection:
            return len(connection.execute(query).all())

    times: dict[str, list[float]] = {"static": [], "core": []}
    for _ in range(ROUNDS):
        for name, call in (("static", static), ("core", core)):
            started = time.perf_counter()
            for _ in range(CALLS):
                assert call() == 50
            times[name].append((time.perf_counter() - started) / CALLS * 1000)
    ours, peer = statistics.median(times["static"]), statistics.median(times["core"])
    print(f"a filtered page of 50 rows, medians of {ROUNDS} rounds of {CALLS} calls")
    print(f"static SQL on psycopg        {ours:7.2f} ms")
    print(f"SQLAlchemy Core on psycopg   {peer:7.2f} ms   {peer / ours:.1f} x")
    pool.close()
    engine.dispose()


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres.start(Path(folder) / "postgres")
        with psycopg.connect(server.url()) as connection:
            connection.execute(
                "CREATE TABLE rows (id int PRIMARY KEY, account int, amount numeric, booked_on date, description text)"
            )
            connection.execute(
                "INSERT INTO rows SELECT n, n % 20, -(n % 900) / 100.0, date '2025-01-01' + n % 600, "
                "'COFFEE ' || n FROM generate_series(1, 100000) AS n"
            )
            connection.execute("CREATE INDEX ON rows (account, booked_on DESC, id DESC)")
        measure(server.url())
        server.stop()


main()
