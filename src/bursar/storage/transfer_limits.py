"""How much of a day's limit is used, and how is it used without ever going over it?"""

from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg.rows import class_row

from bursar.domain.transfers import DayUse, Transfer
from bursar.storage.unit_of_work import Transaction


async def reserve(
    tx: Transaction, tenant_id: UUID, *, provider_slug: str, currency: str, day: date, amount: Decimal, limit: Decimal
) -> bool:
    """Reserve an amount of a day's limit; False when it does not fit any more, and nothing is reserved then.

    The check and the change are one statement on one row, which stays locked until commit: however many requests and
    processes come at once, each sees what the one before has reserved.
    """
    if amount > limit:
        return False
    done = await tx.execute(
        """
        INSERT INTO transfer_days AS used (tenant_id, provider_slug, currency, day, reserved)
        VALUES (%(tenant_id)s, %(slug)s, %(currency)s, %(day)s, %(amount)s)
        ON CONFLICT (tenant_id, provider_slug, currency, day) DO UPDATE SET reserved = used.reserved + excluded.reserved
        WHERE used.reserved + used.committed + excluded.reserved <= %(limit)s
        """,
        {
            "tenant_id": tenant_id,
            "slug": provider_slug,
            "currency": currency,
            "day": day,
            "amount": amount,
            "limit": limit,
        },
    )
    return done.rowcount == 1


async def commit(tx: Transaction, tenant_id: UUID, transfer: Transfer) -> None:
    """Turn what a transfer has reserved into what was moved; it goes on counting."""
    await _change(tx, tenant_id, transfer, reserved=-transfer.amount, committed=transfer.amount)


async def release(tx: Transaction, tenant_id: UUID, transfer: Transfer) -> None:
    """Give back what a transfer has reserved: nothing moved."""
    await _change(tx, tenant_id, transfer, reserved=-transfer.amount, committed=Decimal(0))


async def commit_late(tx: Transaction, tenant_id: UUID, transfer: Transfer) -> None:
    """Count a movement that proved to have happened after its reservation was given back, over the limit if need be."""
    await _change(tx, tenant_id, transfer, reserved=Decimal(0), committed=transfer.amount)


async def _change(
    tx: Transaction, tenant_id: UUID, transfer: Transfer, *, reserved: Decimal, committed: Decimal
) -> None:
    done = await tx.execute(
        """
        UPDATE transfer_days SET reserved = reserved + %s, committed = committed + %s
        WHERE tenant_id = %s AND provider_slug = %s AND currency = %s AND day = %s
        """,
        [reserved, committed, tenant_id, transfer.provider_slug, transfer.currency, transfer.limit_day],
    )
    if done.rowcount != 1:
        raise LookupError("a transfer has no reservation to settle")


async def get_use(tx: Transaction, tenant_id: UUID, *, provider_slug: str, currency: str, day: date) -> DayUse:
    """Return what of a day is used."""
    async with tx.cursor(row_factory=class_row(DayUse)) as cursor:
        await cursor.execute(
            """
            SELECT day, reserved, committed FROM transfer_days
            WHERE tenant_id = %s AND provider_slug = %s AND currency = %s AND day = %s
            """,
            [tenant_id, provider_slug, currency, day],
        )
        found = await cursor.fetchone()
    return found or DayUse(day=day, reserved=Decimal(0), committed=Decimal(0))
