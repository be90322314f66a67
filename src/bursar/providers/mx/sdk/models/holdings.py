"""What does MX say about positions?"""

from decimal import Decimal

from bursar.providers.mx.sdk.wire import Page
from bursar.transport.json import check_number
from bursar.transport.rows import Instant, WireModel


class InvestmentHolding(WireModel, frozen=True, kw_only=True, gc=False):
    """A position; MX writes the quantity as a text and the other numbers as numbers: all are exact here.

    Attributes:
        cost_basis: the total.
        purchase_price: the average per unit.
        current_price_as_of: of when the price is, as MX writes it.
    """

    guid: str
    account_guid: str
    member_guid: str | None = None
    user_guid: str | None = None
    symbol: str | None = None
    description: str | None = None
    holding_type: str | None = None
    quantity: Decimal
    current_price: Decimal | None = None
    current_price_as_of: str | None = None
    market_value: Decimal | None = None
    cost_basis: Decimal | None = None
    purchase_price: Decimal | None = None
    currency_code: str | None = None
    put_or_call: str | None = None
    expiration: str | None = None
    strike_price: Decimal | None = None
    created_at: Instant | None = None

    def __post_init__(self) -> None:
        check_number(self.quantity, "quantity")
        check_number(self.current_price, "current_price")
        check_number(self.market_value, "market_value")
        check_number(self.cost_basis, "cost_basis")
        check_number(self.purchase_price, "purchase_price")


class InvestmentHoldingsPage(Page, frozen=True, kw_only=True, gc=False):
    """A page of positions."""

    row_members = ("investment_holdings",)

    investment_holdings: tuple[InvestmentHolding, ...]
