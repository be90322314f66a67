"""What is a position, and what does a provider tell about one?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary


class AssetType(Vocabulary):
    """What kind of thing is held; foreign exchange and index instruments are `other` with the provider's label."""

    EQUITY = "equity"
    ETF = "etf"
    OPTION = "option"
    MUTUAL_FUND = "mutual_fund"
    FIXED_INCOME = "fixed_income"
    CASH_EQUIVALENT = "cash_equivalent"
    CRYPTOCURRENCY = "cryptocurrency"
    FUTURES = "futures"
    OTHER = "other"

    @classmethod
    def fallback(cls) -> Self | None:
        """Return OTHER."""
        return cls("other")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderHoldingData:
    """A position as a provider or a file describes it now; money is in `currency`, None means unknown, never zero."""

    provider_account_id: str = field(repr=False)
    provider_holding_id: str
    """Separates two contracts on one underlying and two positions in one symbol."""
    symbol: str
    security_name: str
    asset_type: str
    quantity: Decimal
    """Negative for a short position."""
    currency: str
    cost_basis: Decimal | None = None
    """Total, not per unit."""
    market_value: Decimal | None = None
    average_price: Decimal | None = None
    current_price: Decimal | None = None
    price_as_of: datetime | None = None
    price_on: date | None = None
    multiplier: Decimal = Decimal(1)
    security_id: str | None = None
    security_id_type: str | None = None
    raw_data: Mapping[str, object] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsListing:
    """The positions of one account at one moment."""

    provider_account_id: str = field(repr=False)
    holdings: Sequence[ProviderHoldingData]
    complete: bool
    """True when the source lists all of them: what is not in it is then closed. False closes nothing."""
    as_of: datetime | None = None
    """None means now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position of the ledger."""

    id: UUID
    account_id: UUID
    provider_holding_id: str
    symbol: str
    security_name: str
    security_id: str | None
    security_id_type: str | None
    asset_type: str
    quantity: Decimal
    multiplier: Decimal
    currency: str
    cost_basis: Decimal | None
    market_value: Decimal | None
    average_price: Decimal | None
    current_price: Decimal | None
    price_as_of: datetime | None
    as_of: datetime | None
    is_active: bool
    """False once it is closed: listed with quantity zero, or missing from a complete listing."""
    created_at: datetime
    updated_at: datetime

    @property
    def unrealized_gain_loss(self) -> Decimal | None:
        """Market value minus cost; None when either is unknown or the cost is zero."""
        if self.market_value is None or not self.cost_basis:
            return None
        return self.market_value - self.cost_basis
