"""What does the ledger hold, seen past the platform, and does it equal the truth?

Nothing of the platform's code is used to read it: the oracle speaks to the database itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import TupleRow

from bursar.converge.stage import Witness
from bursar.sandbox.ledger import Row, RowState

LEDGER_TABLES = (
    "accounts account_sources transactions source_records tombstones balance_observations balance_gaps holdings outbox "
    "rejected_records connection_credentials"
).split()
"""What one more reading of an unchanged world must not touch."""

RowKey = tuple[date, Decimal, str, str]
"""Booking date, amount, currency, state: what a person would check."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One broken promise."""

    invariant: str
    detail: str


@dataclass(slots=True)
class StoredRow:
    """A row of the ledger."""

    id: UUID
    account_id: UUID
    booked_on: date
    amount: Decimal
    currency: str
    status: str
    description: str
    is_removed: bool

    @property
    def key(self) -> RowKey:
        """What a person would check."""
        return self.booked_on, self.amount, self.currency, self.status


@dataclass(frozen=True, slots=True)
class Word:
    """What a source says of a row."""

    source_id: UUID
    transaction_id: UUID
    provider_transaction_id: str | None
    is_living: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Through whom an account is read."""

    id: UUID
    account_id: UUID
    connection_id: UUID
    provider_slug: str
    provider_account_id: str
    is_ended: bool


@dataclass(slots=True, kw_only=True)
class StoredLedger:
    """Everything of one tenant that the oracle compares."""

    tenant_id: UUID
    accounts: dict[UUID, tuple[str, str, str, Decimal | None, bool]] = field(
        default_factory=dict[UUID, tuple[str, str, str, Decimal | None, bool]]
    )
    """Id -> name, visible number, currency, balance (None: unknown), whether it is active."""
    sources: list[Source] = field(default_factory=list[Source])
    rows: list[StoredRow] = field(default_factory=list[StoredRow])
    words: list[Word] = field(default_factory=list[Word])
    gaps: list[tuple[UUID, Decimal, date, date]] = field(default_factory=list[tuple[UUID, Decimal, date, date]])
    """Open gaps: account, amount, first and last day."""
    positions: dict[UUID, Counter[tuple[str, Decimal]]] = field(
        default_factory=dict[UUID, "Counter[tuple[str, Decimal]]"]
    )

    def rows_of(self, account_id: UUID) -> list[StoredRow]:
        """Return the rows that the ledger shows of an account."""
        return [row for row in self.rows if row.account_id == account_id and not row.is_removed]


async def read_ledger(witness: Witness, tenant_id: UUID) -> StoredLedger:
    """Return a tenant's ledger."""
    ledger = StoredLedger(tenant_id=tenant_id)
    await _look_as(witness, tenant_id)
    for row in await _fetch(
        witness,
        "SELECT id, name, account_number_masked, currency, balance, balance_known, is_active FROM accounts "
        "WHERE tenant_id = %s",
        tenant_id,
    ):
        ledger.accounts[row[0]] = (row[1], row[2], row[3], row[4] if row[5] else None, row[6])
    for row in await _fetch(
        witness,
        "SELECT id, account_id, connection_id, provider_slug, provider_account_id, valid_until IS NOT NULL "
        "FROM account_sources WHERE tenant_id = %s",
        tenant_id,
    ):
        ledger.sources.append(Source(*row))
    for row in await _fetch(
        witness,
        "SELECT id, account_id, transaction_date, amount, currency, status, description, removed_at IS NOT NULL "
        "FROM transactions WHERE tenant_id = %s",
        tenant_id,
    ):
        ledger.rows.append(StoredRow(*row))
    for row in await _fetch(
        witness,
        "SELECT source_id, transaction_id, provider_transaction_id, "
        "withdrawn_at IS NULL AND superseded_at IS NULL FROM source_records WHERE tenant_id = %s",
        tenant_id,
    ):
        ledger.words.append(Word(*row))
    for row in await _fetch(
        witness,
        "SELECT account_id, amount, start_on, end_on FROM balance_gaps WHERE tenant_id = %s AND closed_at IS NULL",
        tenant_id,
    ):
        ledger.gaps.append((row[0], row[1], row[2], row[3]))
    for row in await _fetch(
        witness,
        "SELECT account_id, symbol, quantity FROM holdings WHERE tenant_id = %s AND is_active",
        tenant_id,
    ):
        ledger.positions.setdefault(row[0], Counter())[row[1], _normal(row[2])] += 1
    return ledger


async def read_versions(witness: Witness, tenant_ids: Iterable[UUID]) -> dict[str, str]:
    """Return a mark of every row version of the ledger: equal before and after means that nothing was written."""
    marks: dict[str, str] = {}
    for tenant_id in tenant_ids:
        await _look_as(witness, tenant_id)
        parts = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT {name}, coalesce(md5(string_agg(ctid::text || xmin::text, ',' ORDER BY ctid)), '') "
                "FROM {table} WHERE tenant_id = {tenant}"
            ).format(name=sql.Literal(table), table=sql.Identifier(table), tenant=sql.Literal(str(tenant_id)))
            for table in LEDGER_TABLES
        )
        found = await witness.execute(parts)
        marks |= {f"{tenant_id}/{table}": mark for table, mark in await found.fetchall()}
    return marks


async def replay_feed(
    witness: Witness, tenant_id: UUID
) -> tuple[dict[UUID, tuple[object, ...]], dict[UUID, set[UUID]]]:
    """Return the ledger that somebody has who has only ever read the feed of changes, from its beginning.

    And beside it, every row that the feed has ever named, with the accounts it was said to be of.
    """
    await _look_as(witness, tenant_id)
    model: dict[UUID, tuple[object, ...]] = {}
    homes: dict[UUID, set[UUID]] = defaultdict(set)
    for subject, kind, data in await _fetch(
        witness,
        "SELECT subject_id, type, data FROM outbox WHERE tenant_id = %s AND type LIKE 'transaction.%%' ORDER BY id",
        tenant_id,
    ):
        if kind == "transaction.removed":
            homes[subject].add(UUID(data["before"]["account_id"]))
            model.pop(subject, None)
            continue
        after = data["after"]
        homes[subject].add(UUID(after["account_id"]))
        model[subject] = (
            UUID(after["account_id"]),
            date.fromisoformat(after["transaction_date"]),
            Decimal(after["amount"]),
            after["currency"],
            after["status"],
        )
    return model, homes


async def find_open_work(witness: Witness, tenant_id: UUID) -> list[str]:
    """Return the leases, runs and jobs that are left open."""
    await _look_as(witness, tenant_id)
    found = await _fetch(
        witness,
        """
        SELECT 'lease of connection ' || id FROM connections WHERE tenant_id = %(t)s AND lease_token IS NOT NULL
        UNION ALL SELECT 'run ' || id || ' is ' || status FROM sync_runs
            WHERE tenant_id = %(t)s AND status IN ('queued', 'running')
        UNION ALL SELECT 'job ' || id FROM procrastinate_jobs
            WHERE args->>'tenant_id' = %(t)s::text AND status IN ('todo', 'doing')
        """,
        {"t": tenant_id},
    )
    return [str(row[0]) for row in found]


async def read_texts(witness: Witness, tenant_id: UUID) -> str:
    """Return everything that a person, a log or a queue might show of a tenant beside the ledger itself."""
    await _look_as(witness, tenant_id)
    found = await _fetch(
        witness,
        """
        SELECT coalesce(string_agg(t, E'\\n'), '') FROM (
            SELECT row_to_json(r)::text AS t FROM sync_runs r WHERE tenant_id = %(t)s
            UNION ALL SELECT row_to_json(r)::text FROM rejected_records r WHERE tenant_id = %(t)s
            UNION ALL SELECT row_to_json(r)::text FROM outbox r WHERE tenant_id = %(t)s
            UNION ALL SELECT coalesce(last_error_message, '') FROM connections WHERE tenant_id = %(t)s
            UNION ALL SELECT args::text FROM procrastinate_jobs WHERE args->>'tenant_id' = %(t)s::text
        ) everything
        """,
        {"t": tenant_id},
    )
    return str(found[0][0])


async def sweep(witness: Witness, tenant_ids: Sequence[UUID]) -> None:
    """Delete everything of tenants without asking the platform, as quickly as the database can.

    Seeds share a database, so that each is among strangers; only the last few of them need to be there.
    """
    found = await witness.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant_id'"
    )
    tenants = sql.Literal(list(tenant_ids))
    statements = [
        sql.SQL("BEGIN"),
        # Without the foreign keys' checks: whole tenants go, so nothing can be left pointing at them.
        sql.SQL("SET LOCAL session_replication_role = replica"),
        *(
            sql.SQL("DELETE FROM {} WHERE tenant_id = ANY({})").format(sql.Identifier(str(table)), tenants)
            for (table,) in await found.fetchall()
        ),
        sql.SQL("COMMIT"),
        # With its checks: what the job engine noted of a job goes with it, or no backup could be restored.
        sql.SQL("DELETE FROM procrastinate_jobs WHERE status <> 'doing'"),
    ]
    # In one round trip, for there are dozens of tables; several statements at once cannot be prepared.
    await witness.execute(sql.SQL("; ").join(statements), prepare=False)


def true_keys(rows: Iterable[Row]) -> "Counter[RowKey]":
    """Return rows of the world as a person would check them."""
    return Counter((row.booked_on, _normal(row.amount), row.currency, _STATES[row.state]) for row in rows)


def stored_keys(rows: Iterable[StoredRow]) -> "Counter[RowKey]":
    """Return rows of the ledger as a person would check them; cancelled ones do not count."""
    return Counter(
        (row.booked_on, _normal(row.amount), row.currency, row.status) for row in rows if row.status != "cancelled"
    )


def describe(extra: "Counter[RowKey]", missing: "Counter[RowKey]") -> str:
    """Return a difference in words."""
    parts = [f"ledger has {count} x {_row_text(key)} too many" for key, count in sorted(extra.items())]
    parts += [f"ledger lacks {count} x {_row_text(key)}" for key, count in sorted(missing.items())]
    return "; ".join(parts[:8]) + ("" if len(parts) <= 8 else f"; and {len(parts) - 8} more")


def group_words(words: Sequence[Word]) -> Mapping[UUID, list[Word]]:
    """Return living words by source."""
    grouped: dict[UUID, list[Word]] = defaultdict(list)
    for word in words:
        if word.is_living:
            grouped[word.source_id].append(word)
    return grouped


_STATES = {RowState.PENDING: "pending", RowState.SETTLED: "settled"}


def _row_text(key: RowKey) -> str:
    booked_on, amount, currency, state = key
    return f"{booked_on} {amount} {currency} {state}"


def _normal(amount: Decimal) -> Decimal:
    return amount.normalize() if amount else Decimal(0)


async def _look_as(witness: Witness, tenant_id: UUID) -> None:
    # Row security binds the owner of the tables as well, unless it is a superuser.
    await witness.execute("SELECT set_config('app.tenant_id', %s, false)", [str(tenant_id)])


async def _fetch(witness: Witness, statement: LiteralString, argument: UUID | dict[str, UUID]) -> list[TupleRow]:
    found = await witness.execute(statement, argument if isinstance(argument, dict) else [argument])
    return await found.fetchall()
