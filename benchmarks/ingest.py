"""How long does it take to bring 100,000 rows into the ledger, beside a bare COPY of the same rows?

Both run in one process against one PostgreSQL, in turns. "Bare COPY" writes the finished rows into a twin of the
`transactions` table (same columns, keys, foreign keys, indexes and checks) and does nothing else: no identity, no
evidence, no change feed, no row security. `apply_batch` is what a sync and an import do.
Usage: python benchmarks/ingest.py [rows]
"""

import asyncio
import gc
import os
import resource
import statistics
import sys
import tempfile
import time
import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg

from bursar.bootstrap import Platform, open_platform
from bursar.domain.accounts import ProviderAccountData
from bursar.domain.balances import SnapshotSource
from bursar.domain.evidence import IdTrust
from bursar.domain.ids import new_id
from bursar.domain.sync import SyncBatch, SyncTrigger
from bursar.domain.transactions import ProviderTransactionData
from bursar.services.ingest import apply_batch
from bursar.services.ingest_target import IngestTarget
from bursar.settings import Settings
from bursar.storage import connections, sync_runs

ROUNDS = 3
COLUMNS = (
    "tenant_id, id, account_id, transaction_type, subtype, status, amount, currency, description, transaction_date, "
    "settlement_date, occurred_at, symbol, security_name, security_id, security_id_type, asset_type, quantity, "
    "unit_price, multiplier, commission, fees, original_amount, original_currency, fx_rate, counterparty, "
    "check_number, category_hint, memo, settled_seen_at, removed_at, version, created_at, updated_at"
)


def rows(count: int, name: str) -> SyncBatch:
    """Return a batch of one account with `count` card and bank rows over two years."""
    start = date(2024, 11, 1)
    return SyncBatch(
        accounts=[
            ProviderAccountData(
                provider_account_id=name,
                account_number_masked="****1234",
                name="Checking",
                account_type="checking",
                currency="USD",
                balance=Decimal("1000.00"),
            )
        ],
        transactions=[
            ProviderTransactionData(
                provider_account_id=name,
                provider_transaction_id=f"{name}-{index:08d}-Ys8dN3fP6kLz1QmV9xRb4TcH7",
                transaction_type="payment",
                subtype="purchase",
                amount=Decimal(-(index % 90_000) - 1).scaleb(-2),
                currency="USD",
                description=f"PURCHASE CORNER MARKET #{index % 1700}",
                transaction_date=start + timedelta(days=index % 730),
                counterparty="Corner Market",
                category_hint="FOOD_AND_DRINK_GROCERIES@v2",
            )
            for index in range(count)
        ],
    )


async def ingest(platform: Platform, batch: SyncBatch, connection_id, tenant_id, user_id) -> float:
    now = datetime.now(UTC)
    run_id = new_id()
    async with platform.database.transaction(tenant_id) as tx:
        if await connections.find_connection(tx, tenant_id, connection_id) is None:
            await connections.insert_connection(
                tx,
                tenant_id,
                connection_id,
                user_id=user_id,
                provider_slug=next(iter(platform.registry.providers)),
                alias=None,
                institution_id=None,
                institution_name=None,
                external_login_id=None,
                at=now,
            )
        await sync_runs.insert_run(
            tx, tenant_id, run_id, connection_id=connection_id, trigger=SyncTrigger.MANUAL, at=now
        )
    target = IngestTarget(
        connection_id=connection_id,
        provider_slug=next(iter(platform.registry.providers)),
        institution_name=None,
        id_trust=IdTrust.STABLE,
        sync_run_id=run_id,
        snapshot_source=SnapshotSource.MANUAL_SYNC,
        hash_identity=str,
    )
    started = time.perf_counter()
    async with platform.database.transaction(tenant_id) as tx:
        report = await apply_batch(tx, tenant_id, target, batch, now)
    elapsed = time.perf_counter() - started
    assert report.transactions.created + report.transactions.unchanged == len(batch.transactions)
    return elapsed


def bare_copy(url: str, tenant_id, account_id, batch: SyncBatch) -> float:
    now = datetime.now(UTC)
    finished = [
        (tenant_id, new_id(), account_id, row.transaction_type, row.subtype, row.status, row.amount, row.currency,
         row.description, row.transaction_date, None, None, None, None, None, None, None, None, None, None, None, None,
         None, None, None, row.counterparty, None, row.category_hint, None, now, None, 1, now, now)
        for row in batch.transactions
    ]  # fmt: skip
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(tenant_id)])
        if connection.execute("SELECT to_regclass('bare_copy') IS NULL").fetchone()[0]:
            connection.execute("CREATE TABLE bare_copy (LIKE transactions INCLUDING ALL)")
            connection.execute("ALTER TABLE bare_copy ADD FOREIGN KEY (tenant_id, account_id) REFERENCES accounts")
        connection.execute(
            "INSERT INTO accounts (tenant_id, id, name, account_type, account_number_masked, currency, "
            "balance, balance_known, created_at, updated_at) "
            "VALUES (%s, %s, 'peer', 'checking', '****', 'USD', 0, false, %s, %s)",
            [tenant_id, account_id, now, now],
        )
        connection.commit()
        started = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy(f"COPY bare_copy ({COLUMNS}) FROM STDIN") as copy:
            for row in finished:
                copy.write_row(row)
        connection.commit()
        return time.perf_counter() - started


async def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        named = os.environ.get("BURSAR_DATABASE_URL")
        settings = Settings(home=Path(home), database_url=named)  # pyright: ignore[reportArgumentType]
        bare: list[float] = []
        new: list[float] = []
        again: list[float] = []
        after_copy = 0
        async with open_platform(settings) as platform:
            from bursar.storage.embedded import EmbeddedPostgres

            url = named or EmbeddedPostgres.start(settings.data_directory).url()
            local = await platform.access.ensure_local_user(with_token=False)
            for round_number in range(ROUNDS):
                batch = rows(count, f"round{round_number}")
                gc.collect()
                bare.append(bare_copy(url, local.tenant_id, uuid4(), batch))
                after_copy = after_copy or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                connection_id = new_id()
                gc.collect()
                new.append(await ingest(platform, batch, connection_id, local.tenant_id, local.user_id))
                gc.collect()
                again.append(await ingest(platform, batch, connection_id, local.tenant_id, local.user_id))
        floor = statistics.median(bare)
        print(f"{count:,} rows, medians of {ROUNDS} rounds, one process, PostgreSQL {'named' if named else 'embedded'}")
        print(f"{'':34}{'seconds':>9}{'rows/s':>10}{'x bare COPY':>13}")
        for label, values in (
            ("bare COPY, indexed table", bare),
            ("ingest, all new", new),
            ("ingest, all known", again),
        ):
            median = statistics.median(values)
            print(f"{label:34}{median:9.2f}{count / median:10,.0f}{median / floor:13.2f}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"peak memory of this process, batch included: {after_copy} MB with the bare COPY, {peak} MB with ingest")
        print("goal: all new within 4 x bare COPY:", "met" if statistics.median(new) <= 4 * floor else "MISSED")


asyncio.run(main())
