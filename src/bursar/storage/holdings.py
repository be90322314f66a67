"""Which positions does the ledger hold?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from bursar.domain.holdings import Holding, ProviderHoldingData
from bursar.domain.ids import new_ids
from bursar.storage.staging import StagedStatement, StagingTable, Value, one_of_each, stage
from bursar.storage.unit_of_work import Transaction

_INCOMING = StagingTable(
    "incoming_holdings",
    {
        "id": "uuid",
        "account_id": "uuid",
        "provider_holding_id": "text",
        "symbol": "text",
        "security_name": "text",
        "security_id": "text",
        "security_id_type": "text",
        "asset_type": "text",
        "quantity": "numeric",
        "multiplier": "numeric",
        "currency": "text",
        "cost_basis": "numeric",
        "market_value": "numeric",
        "average_price": "numeric",
        "current_price": "numeric",
        "price_as_of": "timestamptz",
    },
)


_MERGE = StagedStatement(
    _INCOMING,
    """
    WITH incoming AS {incoming}, listings AS (
        SELECT * FROM unnest(%(account_ids)s::uuid[], %(complete)s::boolean[], %(as_of)s::timestamptz[])
            AS told (account_id, complete, as_of)
        WHERE NOT EXISTS (
            SELECT FROM holdings h
            WHERE h.tenant_id = %(tenant_id)s AND h.account_id = told.account_id AND h.as_of > told.as_of)
    ), merged AS (
        INSERT INTO holdings AS h (tenant_id, id, account_id, provider_holding_id, symbol, security_name, security_id,
            security_id_type, asset_type, quantity, multiplier, currency, cost_basis, market_value, average_price,
            current_price, price_as_of, as_of, is_active, created_at, updated_at)
        SELECT %(tenant_id)s, id, i.account_id, provider_holding_id, symbol, security_name, security_id,
            security_id_type, asset_type, quantity, multiplier, currency, cost_basis, market_value, average_price,
            current_price, price_as_of, l.as_of, quantity <> 0, %(at)s, %(at)s
        FROM incoming i JOIN listings l ON l.account_id = i.account_id
        WHERE NOT EXISTS (
            SELECT FROM holdings k WHERE k.tenant_id = %(tenant_id)s AND k.account_id = i.account_id
                AND k.provider_holding_id = i.provider_holding_id
                AND (k.symbol, k.security_name, k.security_id, k.security_id_type, k.asset_type, k.quantity,
                    k.multiplier, k.currency, k.cost_basis, k.market_value, k.average_price, k.current_price,
                    k.price_as_of, k.is_active)
                IS NOT DISTINCT FROM (i.symbol, i.security_name, i.security_id, i.security_id_type, i.asset_type,
                    i.quantity, i.multiplier, i.currency, i.cost_basis, i.market_value, i.average_price,
                    i.current_price, i.price_as_of, i.quantity <> 0))
        ON CONFLICT (tenant_id, account_id, provider_holding_id) DO UPDATE SET symbol = excluded.symbol,
            security_name = excluded.security_name, security_id = excluded.security_id,
            security_id_type = excluded.security_id_type, asset_type = excluded.asset_type,
            quantity = excluded.quantity, multiplier = excluded.multiplier, currency = excluded.currency,
            cost_basis = excluded.cost_basis, market_value = excluded.market_value,
            average_price = excluded.average_price, current_price = excluded.current_price,
            price_as_of = excluded.price_as_of, as_of = excluded.as_of, is_active = excluded.is_active,
            updated_at = excluded.updated_at
        RETURNING h.id
    ), closed AS (
        UPDATE holdings h SET is_active = false, updated_at = %(at)s
        FROM listings l
        WHERE l.complete AND h.tenant_id = %(tenant_id)s AND h.account_id = l.account_id AND h.is_active
            AND NOT EXISTS (SELECT FROM incoming i WHERE i.account_id = h.account_id
                AND i.provider_holding_id = h.provider_holding_id)
        RETURNING h.id
    )
    SELECT (SELECT count(*) FROM merged WHERE id IN (SELECT id FROM incoming)), (SELECT count(*) FROM merged),
        (SELECT count(*) FROM closed)
    """,
)


@dataclass(frozen=True, slots=True)
class ListingWrite:
    """What a source says of an account's positions."""

    account_id: UUID
    holdings: Sequence[ProviderHoldingData]
    complete: bool
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class HoldingCounts:
    """What listings changed."""

    created: int
    updated: int
    unchanged: int
    closed: int


async def merge_listings(
    tx: Transaction, tenant_id: UUID, listings: Sequence[ListingWrite], *, at: datetime
) -> HoldingCounts:
    """Take accounts' positions over; what a complete listing lacks is closed; an older listing changes nothing."""
    created = updated = unchanged = closed = 0
    for part in one_of_each(listings, lambda listing: listing.account_id):
        told = {
            (listing.account_id, holding.provider_holding_id): holding
            for listing in part
            for holding in listing.holdings
        }
        ids = new_ids(len(told))
        rows = (
            _values(holding_id, account_id, holding)
            for holding_id, ((account_id, _), holding) in zip(ids, told.items(), strict=True)
        )
        staged = await stage(tx, _INCOMING, rows)
        merged = await staged.execute(
            _MERGE,
            {
                "tenant_id": tenant_id,
                "account_ids": [listing.account_id for listing in part],
                "complete": [listing.complete for listing in part],
                "as_of": [listing.as_of for listing in part],
                "at": at,
            },
        )
        row = await merged.fetchone()
        new_count, written_count, closed_count = row or (0, 0, 0)
        created += new_count
        updated += written_count - new_count
        unchanged += len(told) - written_count
        closed += closed_count
    return HoldingCounts(created, updated, unchanged, closed)


def _values(holding_id: UUID, account_id: UUID, holding: ProviderHoldingData) -> Sequence[Value]:
    return (
        holding_id,
        account_id,
        holding.provider_holding_id,
        holding.symbol,
        holding.security_name,
        holding.security_id,
        holding.security_id_type,
        holding.asset_type,
        holding.quantity,
        holding.multiplier,
        holding.currency,
        holding.cost_basis,
        holding.market_value,
        holding.average_price,
        holding.current_price,
        holding.price_as_of,
    )


async def list_holdings(
    tx: Transaction, tenant_id: UUID, *, account_id: UUID | None = None, with_closed: bool = False
) -> list[Holding]:
    """Return positions by symbol."""
    async with tx.cursor(row_factory=class_row(Holding)) as cursor:
        await cursor.execute(
            """
            SELECT id, account_id, provider_holding_id, symbol, security_name, security_id, security_id_type,
                asset_type, quantity, multiplier, currency, cost_basis, market_value, average_price, current_price,
                price_as_of, as_of, is_active, created_at, updated_at
            FROM holdings
            WHERE tenant_id = %(tenant_id)s AND (%(account_id)s::uuid IS NULL OR account_id = %(account_id)s)
                AND (is_active OR %(with_closed)s)
            ORDER BY symbol, id
            """,
            {"tenant_id": tenant_id, "account_id": account_id, "with_closed": with_closed},
        )
        return await cursor.fetchall()
