"""What of an account and its positions goes over the wire?"""

from typing import Self
from uuid import UUID

from bursar.domain.accounts import Account, AccountType
from bursar.domain.holdings import Holding
from bursar.server.schemas.base import Instant, Out, money, number


class AccountOut(Out):
    """An account; amounts have the holder's sign, so what is owed is negative. Null is unknown, never zero."""

    id: UUID
    name: str
    account_type: str
    category: str
    provider_type: str | None
    account_number_masked: str
    currency: str
    balance: str | None
    available_balance: str | None
    cash_balance: str | None
    credit_limit: str | None
    balance_as_of: Instant | None
    bank_name: str | None
    institution_name: str | None
    institution_timezone: str | None
    is_active: bool
    missing_since: Instant | None
    last_synced_at: Instant | None
    connection_id: UUID | None
    connection_ids: list[UUID]
    version: int
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, account: Account) -> Self:
        """Return the wire form."""
        kind = AccountType.lookup(account.account_type) or AccountType.OTHER
        return cls(
            id=account.id,
            name=account.name,
            account_type=account.account_type,
            category=kind.category,
            provider_type=account.provider_type,
            account_number_masked=account.account_number_masked,
            currency=account.currency,
            balance=money(account.balance, account.currency) if account.balance_known else None,
            available_balance=money(account.available_balance, account.currency),
            cash_balance=money(account.cash_balance, account.currency),
            credit_limit=money(account.credit_limit, account.currency),
            balance_as_of=account.balance_as_of,
            bank_name=account.institution_name,
            institution_name=account.institution_name,
            institution_timezone=account.institution_timezone,
            is_active=account.is_active,
            missing_since=account.missing_since,
            last_synced_at=account.last_synced_at,
            connection_id=account.connection_ids[0] if account.connection_ids else None,
            connection_ids=account.connection_ids,
            version=account.version,
            created_at=account.created_at,
            updated_at=account.updated_at,
        )


class HoldingOut(Out):
    """A position; a quantity below zero is a short one."""

    id: UUID
    account_id: UUID
    symbol: str
    security_name: str
    security_id: str | None
    security_id_type: str | None
    asset_type: str
    quantity: str
    multiplier: str
    currency: str
    cost_basis: str | None
    market_value: str | None
    unrealized_gain_loss: str | None
    average_price: str | None
    current_price: str | None
    price_as_of: Instant | None
    as_of: Instant | None
    is_active: bool
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, holding: Holding) -> Self:
        """Return the wire form."""
        return cls(
            id=holding.id,
            account_id=holding.account_id,
            symbol=holding.symbol,
            security_name=holding.security_name,
            security_id=holding.security_id,
            security_id_type=holding.security_id_type,
            asset_type=holding.asset_type,
            quantity=number(holding.quantity) or "0",
            multiplier=number(holding.multiplier) or "1",
            currency=holding.currency,
            cost_basis=money(holding.cost_basis, holding.currency),
            market_value=money(holding.market_value, holding.currency),
            unrealized_gain_loss=money(holding.unrealized_gain_loss, holding.currency),
            average_price=number(holding.average_price),
            current_price=number(holding.current_price),
            price_as_of=holding.price_as_of,
            as_of=holding.as_of,
            is_active=holding.is_active,
            created_at=holding.created_at,
            updated_at=holding.updated_at,
        )
