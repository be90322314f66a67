"""What of a transaction goes over the wire?"""

from datetime import UTC, date, datetime, time
from typing import Self
from uuid import UUID

from bursar.domain.money import format_amount
from bursar.domain.transactions import Transaction, TransactionChange
from bursar.server.schemas.base import Instant, Out, money, number


class CounterpartyOut(Out):
    """The other side, as far as it is known."""

    id: None = None
    name: str
    iban_masked: None = None


class TransactionOut(Out):
    """A row of the ledger. `id` is ours for ever; `transaction_id` is the provider's and may change."""

    id: UUID
    transaction_id: str | None
    bank_id: str | None
    bank_name: str | None
    account_id: UUID
    account_name: str
    connection_id: UUID | None
    amount: str
    """Positive when value enters the account."""
    currency: str
    direction: str
    status: str
    description: str
    reference: str | None
    transaction_date: Instant
    """The moment, where the institution states one; else the start of the booking date in UTC."""
    booking_date: date
    """In the institution's own calendar."""
    value_date: date | None
    transaction_type: str
    subtype: str
    counterparty: CounterpartyOut | None
    category_hint: str | None
    memo: str | None
    check_number: str | None
    original_amount: str | None
    original_currency: str | None
    fx_rate: str | None
    symbol: str | None
    security_name: str | None
    security_id: str | None
    security_id_type: str | None
    asset_type: str | None
    quantity: str | None
    unit_price: str | None
    commission: str | None
    fees: str | None
    removed_at: Instant | None
    """When the institution took the row back; such a row is in no list."""
    texts_removed_at: Instant | None
    """When description, counterparty, memo and cheque number were forgotten by the tenant's policy."""
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, row: Transaction) -> Self:
        """Return the wire form."""
        return cls(
            id=row.id,
            transaction_id=row.provider_transaction_id,
            bank_id=row.institution_id,
            bank_name=row.institution_name,
            account_id=row.account_id,
            account_name=row.account_name,
            connection_id=row.connection_id,
            amount=format_amount(row.amount, row.currency),
            currency=row.currency,
            direction="credit" if row.amount >= 0 else "debit",
            status=row.status,
            description=row.description,
            reference=row.check_number or row.memo,
            transaction_date=row.occurred_at or datetime.combine(row.transaction_date, time(), UTC),
            booking_date=row.transaction_date,
            value_date=row.settlement_date,
            transaction_type=row.transaction_type,
            subtype=row.subtype,
            counterparty=CounterpartyOut(name=row.counterparty) if row.counterparty else None,
            category_hint=row.category_hint,
            memo=row.memo,
            check_number=row.check_number,
            original_amount=money(row.original_amount, row.original_currency or row.currency),
            original_currency=row.original_currency,
            fx_rate=number(row.fx_rate),
            symbol=row.symbol,
            security_name=row.security_name,
            security_id=row.security_id,
            security_id_type=row.security_id_type,
            asset_type=row.asset_type,
            quantity=number(row.quantity),
            unit_price=number(row.unit_price),
            commission=money(row.commission, row.currency),
            fees=money(row.fees, row.currency),
            removed_at=row.removed_at,
            texts_removed_at=row.texts_removed_at,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class ChangeOut(Out):
    """What happened to one row in one run."""

    id: int
    type: str
    transaction_id: UUID
    sync_run_id: UUID | None
    occurred_at: Instant
    before: dict[str, str | None] | None
    after: dict[str, str | None] | None

    @classmethod
    def of(cls, change: TransactionChange) -> Self:
        """Return the wire form."""
        return cls(
            id=change.id,
            type=change.type,
            transaction_id=change.transaction_id,
            sync_run_id=change.sync_run_id,
            occurred_at=change.occurred_at,
            before=dict(change.before) if change.before is not None else None,
            after=dict(change.after) if change.after is not None else None,
        )
