"""What does a family do in its brokerage account on a given day?"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal

from bursar.sandbox.ledger import AccountLog, Purpose, Row, Trade
from bursar.sandbox.life import Day, transfer
from bursar.sandbox.market import SECURITIES, Market
from bursar.sandbox.people import Account, AccountKind

_CENT = Decimal("0.01")
_COMMISSION = Decimal("1.00")
_FRACTION = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one security; `cost` is the total paid for the units still held, fees included."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    price: Decimal
    price_on: date

    @property
    def value(self) -> Decimal:
        """Market value, rounded to cents."""
        return (self.quantity * self.price).quantize(_CENT)


def positions_of(rows: tuple[Row, ...], market: Market, on: date) -> tuple[Position, ...]:
    """The positions that settled rows add up to, valued at the close of a day, by symbol; empty ones are left out."""
    quantities: dict[str, Decimal] = {}
    costs: dict[str, Decimal] = {}
    for row in sorted(rows, key=lambda row: (row.occurred_at, row.world_id)):
        if row.trade is None or row.trade.quantity == 0:
            continue
        symbol, held = row.trade.symbol, quantities.get(row.trade.symbol, Decimal(0))
        if row.trade.quantity > 0:
            costs[symbol] = costs.get(symbol, Decimal(0)) - row.amount
        elif held:
            costs[symbol] = (costs[symbol] * (held + row.trade.quantity) / held).quantize(_CENT)
        quantities[symbol] = held + row.trade.quantity
    return tuple(
        Position(symbol, quantity, costs.get(symbol, Decimal(0)), market.price(symbol, on), on)
        for symbol, quantity in sorted(quantities.items())
        if quantity
    )


def invest(day: Day, log: AccountLog | None, market: Market) -> None:
    """Deposits on the 2nd, buys on the 3rd, sometimes sells on the 17th, receives dividends each quarter."""
    checking = day.household.find_account(AccountKind.CHECKING)
    account = day.household.find_account(AccountKind.BROKERAGE)
    if checking is None or account is None or log is None:
        return
    if day.on.day == 2:
        transfer(day, checking, account, day.money(checking, 200, 300), "INVEST")
    elif day.on.day == 3:
        day.later(account, 11, lambda at: _buy(day, account, log, market, at))
    elif day.on.day == 17 and day.rng.random() < 0.25:
        day.later(account, 14, lambda at: _sell(day, account, log, market, at))
    elif day.on.day == 15 and day.on.month % 3 == 0:
        day.later(account, 5, lambda at: _receive_dividends(day, account, log, market, at))


def _buy(day: Day, account: Account, log: AccountLog, market: Market, at: datetime) -> None:
    symbol = day.rng.choice(sorted(SECURITIES))
    price = market.price(symbol, day.on)
    budget = min(log.balance, day.money(account, 180, 260)) - _COMMISSION
    quantity = (budget / price).quantize(_FRACTION, rounding=ROUND_DOWN)
    if quantity > 0:
        _trade(day, account, at, Purpose.BUY, Trade(symbol, quantity, price, _COMMISSION))


def _sell(day: Day, account: Account, log: AccountLog, market: Market, at: datetime) -> None:
    held = positions_of(log.truth(at).settled, market, day.on)
    if held:
        position = day.rng.choice(held)
        quantity = (position.quantity / 3).quantize(_FRACTION, rounding=ROUND_DOWN)
        if quantity > 0:
            _trade(day, account, at, Purpose.SELL, Trade(position.symbol, -quantity, position.price, _COMMISSION))


def _trade(day: Day, account: Account, at: datetime, purpose: Purpose, trade: Trade) -> None:
    cash = -(trade.quantity * trade.price).quantize(_CENT) - trade.fees
    verb = "BOUGHT" if purpose is Purpose.BUY else "SOLD"
    row = day.row(account, 0, cash, purpose, f"{verb} {abs(trade.quantity)} {trade.symbol}", occurred_at=at)
    day.play(account, replace(row, trade=trade))


def _receive_dividends(day: Day, account: Account, log: AccountLog, market: Market, at: datetime) -> None:
    for position in positions_of(log.truth(at).settled, market, day.on):
        amount = (position.value * Decimal("0.004")).quantize(_CENT)
        if amount > 0:
            row = day.row(account, 0, amount, Purpose.DIVIDEND, f"DIVIDEND {position.symbol}", occurred_at=at)
            trade = Trade(position.symbol, Decimal(0), position.price, Decimal("0.00"))
            day.play(account, replace(row, trade=trade))
