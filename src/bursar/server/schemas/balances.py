"""What of a stated balance goes over the wire?"""

from datetime import date
from typing import Self
from uuid import UUID

from bursar.domain.balances import BalanceSnapshot
from bursar.domain.money import format_amount
from bursar.server.schemas.base import Instant, Out, money


class BalanceOut(Out):
    """A balance as a source stated it, kept for ever and never changed."""

    id: UUID
    account_id: UUID
    sync_run_id: UUID | None
    balance: str
    available_balance: str | None
    holdings_value: str | None
    cash_value: str | None
    currency: str
    source: str
    captured_at: Instant
    observed_on: date
    date_is_stated: bool

    @classmethod
    def of(cls, snapshot: BalanceSnapshot) -> Self:
        """Return the wire form."""
        return cls(
            id=snapshot.id,
            account_id=snapshot.account_id,
            sync_run_id=snapshot.sync_run_id,
            balance=format_amount(snapshot.balance, snapshot.currency),
            available_balance=money(snapshot.available_balance, snapshot.currency),
            holdings_value=money(snapshot.holdings_value, snapshot.currency),
            cash_value=money(snapshot.cash_value, snapshot.currency),
            currency=snapshot.currency,
            source=snapshot.source,
            captured_at=snapshot.captured_at,
            observed_on=snapshot.observed_on,
            date_is_stated=snapshot.date_is_stated,
        )
