"""Which positions does the ledger hold?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from bursar.domain.holdings import Holding, ProviderHoldingData
from bursar.domain.ids import new_ids
from bursar.storage.staging import StagingTable, Value, stage
from bursar.storage.unit_of_work import Transaction

_INCOMING = StagingTable(
    "incoming_holdings",
    {
        "id": "uuid",
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


@dataclass(frozen=True, slots=True)
class HoldingCounts:
    """What a listing changed."""

    created: int
    updated: int
    unchanged: int
    closed: int


async def merge_listing(
    tx: Transaction,
    tenant_id: UUID,
    account_id: UUID,
    holdings: Sequence[ProviderHoldingData],
    *,
    complete: bool,
    as_of: datetime | None,
    at: datetime,
) -> HoldingCounts:
    """Take an account's positions over; what a complete listing lacks is closed; an older listing changes nothing."""
    newest = await tx.execute(
        "SELECT max(as_of) FROM holdings WHERE tenant_id = %s AND account_id = %s", [tenant_id, account_id]
    )
    stored_as_of = await newest.fetchone()
    if as_of is not None and stored_as_of and stored_as_of[0] is not None and stored_as_of[0] > as_of:
        return HoldingCounts(0, 0, len(holdings), 0)
    ids = new_ids(len(holdings))
    await stage(tx, _INCOMING, (_values(ids[index], holding) for index, holding in enumerate(holdings)))
    arguments = {"tenant_id": tenant_id, "account_id": account_id, "as_of": as_of, "at": at}
    merged = await tx.execute(
        """
        INSERT INTO holdings AS h (tenant_id, id, account_id, provider_holding_id, symbol, security_name, security_id,
            security_id_type, asset_type, quantity, multiplier, currency, cost_basis, market_value, average_price,
            current_price, price_as_of, as_of, is_active, created_at, updated_at)
        SELECT %(tenant_id)s, id, %(account_id)s, provider_holding_id, symbol, security_name, security_id,
            security_id_type, asset_type, quantity, multiplier, currency, cost_basis, market_value, average_price,
            current_price, price_as_of, %(as_of)s, quantity <> 0, %(at)s, %(at)s
        FROM pg_temp.incoming_holdings
        ON CONFLICT (tenant_id, account_id, provider_holding_id) DO UPDATE SET symbol = excluded.symbol,
            security_name = excluded.security_name, security_id = excluded.security_id,
            security_id_type = excluded.security_id_type, asset_type = excluded.asset_type,
            quantity = excluded.quantity, multiplier = excluded.multiplier, currency = excluded.currency,
            cost_basis = excluded.cost_basis, market_value = excluded.market_value,
            average_price = excluded.average_price, current_price = excluded.current_price,
            price_as_of = excluded.price_as_of, as_of = excluded.as_of, is_active = excluded.is_active,
            updated_at = excluded.updated_at
        WHERE (h.symbol, h.security_name, h.security_id, h.security_id_type, h.asset_type, h.quantity, h.multiplier,
            h.currency, h.cost_basis, h.market_value, h.average_price, h.current_price, h.price_as_of, h.is_active)
            IS DISTINCT FROM (excluded.symbol, excluded.security_name, excluded.security_id,
            excluded.security_id_type, excluded.asset_type, excluded.quantity, excluded.multiplier, excluded.currency,
            excluded.cost_basis, excluded.market_value, excluded.average_price, excluded.current_price,
            excluded.price_as_of, excluded.is_active)
        RETURNING h.created_at = %(at)s AND h.id IN (SELECT id FROM pg_temp.incoming_holdings)
        """,
        arguments,
    )
    is_new = [bool(row[0]) for row in await merged.fetchall()]
    closed = 0
    if complete:
        done = await tx.execute(
            """
            UPDATE holdings SET is_active = false, updated_at = %(at)s
            WHERE tenant_id = %(tenant_id)s AND account_id = %(account_id)s AND is_active
                AND provider_holding_id NOT IN (SELECT provider_holding_id FROM pg_temp.incoming_holdings)
            """,
            arguments,
        )
        closed = done.rowcount
    created = sum(is_new)
    return HoldingCounts(created, len(is_new) - created, len(holdings) - len(is_new), closed)


def _values(holding_id: UUID, holding: ProviderHoldingData) -> Sequence[Value]:
    return (
        holding_id,
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
