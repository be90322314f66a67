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
    holdings = list({holding.provider_holding_id: holding for holding in holdings}.values())
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
        FROM pg_temp.incoming_holdings i
        WHERE NOT EXISTS (
            SELECT FROM holdings k WHERE k.tenant_id = %(tenant_id)s AND k.account_id = %(account_id)s
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
