"""What do the people of a turbulent world do with their money on a given day?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from random import Random

from bursar.sandbox.ledger import Purpose, Row, RowState, Trade
from bursar.sandbox.market import SECURITIES, Market
from bursar.sandbox.merchants import DAILY, LOCAL_SCALE
from bursar.sandbox.people import CURRENCY_DECIMALS, Account, AccountKind
from bursar.sandbox.turmoil_cast import money
from bursar.sandbox.turmoil_fates import Fates, Step
from bursar.sandbox.view import View

Life = tuple[Account, list[Step]]
"""An account and all that will happen to one row of it."""

_SYMBOLS = tuple(SECURITIES)
_CENT, _FRACTION = Decimal("0.01"), Decimal("0.001")
_INCOME = (
    (Purpose.SALARY, "ACORN WORKS PAYROLL", "Acorn Works", 800, 2_600),
    (Purpose.OTHER, "REFUND PAPER & PINE", "Paper & Pine", 8, 90),
)
_BILLS = (
    (Purpose.RENT, "STANDING ORDER RENT", "Lindenhof Properties", 700, 1_300),
    (Purpose.UTILITIES, "BRIGHTGRID ENERGY", "Brightgrid Energy", 40, 160),
    (Purpose.SUBSCRIPTION, "MOONCAST STREAMING", "Mooncast", 12, 12),
    (Purpose.CASH, "ATM WITHDRAWAL", None, 20, 200),
)


class TurbulentDay:
    """One household's day; every row is drawn with its whole life."""

    def __init__(
        self,
        market: Market,
        view: View,
        fates: Fates,
        rng: Random,
        accounts: Sequence[Account],
        on: date,
        first_day: date,
        units: dict[tuple[str, str], Decimal],
    ) -> None:
        """`units` is what is held, by account and symbol; trades change it. Rows are not dated before `first_day`."""
        self._market = market
        self._view = view
        self._fates = fates
        self._rng = rng
        self._accounts = accounts
        self._on = on
        self._stamp = on.isoformat()
        self._first_day = first_day
        self._units = units
        self._row_count = 0

    def draw_lives(self) -> Iterator[Life]:
        """One thing that happens, with the lives of its rows: two for a transfer or for twins."""
        account = self._rng.choice(self._accounts)
        roll = self._rng.random()
        if roll < 0.12 and len(self._accounts) > 1:
            yield from self._transfer(account)
        elif account.kind is AccountKind.BROKERAGE:
            yield from self._trade(account)
        elif account.kind is AccountKind.SAVINGS or account.kind is AccountKind.LOAN:
            yield from self._credit_interest(account)
        elif roll < 0.70:
            yield from self._shop(account)
        else:
            yield from self._book(account)

    def _shop(self, account: Account) -> Iterator[Life]:
        rng = self._rng
        merchant = rng.choice(DAILY)
        row = self._row(
            account,
            -money(rng, account.currency, merchant.low, merchant.high),
            merchant.purpose,
            merchant.statement_text,
            counterparty=merchant.name,
        )
        settles_at = row.occurred_at + timedelta(minutes=rng.randint(300, 5 * 24 * 60))
        for steps in self._fates.purchase(account.bank, row, settles_at):
            yield account, steps
        if rng.random() < 0.03:
            # The same again, to the minute: two coffees.
            self._view.note("twins", "world")
            self._row_count += 1
            twin = replace(row, world_id=f"{account.account_id}.{self._stamp}.{self._row_count}")
            for steps in self._fates.purchase(account.bank, twin, settles_at):
                yield account, steps

    def _book(self, account: Account) -> Iterator[Life]:
        rng = self._rng
        enters = rng.random() < 0.35
        purpose, text, name, low, high = rng.choice(_INCOME if enters else _BILLS)
        amount = money(rng, account.currency, low, high)
        row = self._row(account, amount if enters else -amount, purpose, text, counterparty=name)
        yield from self._play(account, row)

    def _credit_interest(self, account: Account) -> Iterator[Life]:
        amount = money(self._rng, account.currency, 1, 30)
        if account.kind is AccountKind.LOAN:
            row = self._row(account, -amount, Purpose.INTEREST, "INTEREST CHARGED")
        else:
            row = self._row(account, amount, Purpose.INTEREST, "INTEREST PAID")
        yield from self._play(account, row)

    def _transfer(self, source: Account) -> Iterator[Life]:
        """Money between own accounts; between currencies at a rate with a spread."""
        rng = self._rng
        target = rng.choice([account for account in self._accounts if account is not source])
        amount = money(rng, source.currency, 20, 400)
        out = self._row(source, -amount, Purpose.TRANSFER, f"TRANSFER TO {target.name}")
        arrived = amount
        if target.currency != source.currency:
            arrived = _exchange(amount, source.currency, target.currency, Decimal(rng.randint(970, 1_010)) / 1_000)
        arrival = self._row(
            target,
            arrived,
            Purpose.TRANSFER,
            f"TRANSFER FROM {source.name}",
            reference=out.world_id,
            occurred_at=out.occurred_at + timedelta(minutes=rng.choice((0, 40, 600, 1_700))),
        )
        self._view.note("transfer" if target.currency == source.currency else "fx_transfer", "world")
        yield from self._play(source, out)
        yield from self._play(target, arrival)

    def _trade(self, account: Account) -> Iterator[Life]:
        rng = self._rng
        symbol = rng.choice(_SYMBOLS)
        price = self._market.price(symbol, self._on)
        held = self._units.get((account.account_id, symbol), Decimal(0))
        roll = rng.random()
        if held and roll < 0.25:
            amount = (held * price * Decimal("0.004")).quantize(_CENT)
            trade = Trade(symbol, Decimal(0), price, Decimal("0.00"))
            row = self._row(account, amount, Purpose.DIVIDEND, f"DIVIDEND {symbol}", trade=trade)
        else:
            sells = held > 0 and roll < 0.5
            quantity = -held if sells and roll < 0.35 else -held / 3 if sells else rng.randint(50, 600) / price
            quantity = quantity.quantize(_FRACTION, rounding=ROUND_DOWN)
            self._units[account.account_id, symbol] = held + quantity
            fee = Decimal("1.00")
            cash = -(quantity * price).quantize(_CENT) - fee
            verb, purpose = ("SOLD", Purpose.SELL) if sells else ("BOUGHT", Purpose.BUY)
            text = f"{verb} {abs(quantity)} {symbol}"
            row = self._row(account, cash, purpose, text, trade=Trade(symbol, quantity, price, fee))
        for steps in self._fates.booking(row, is_trade=True):
            yield account, steps

    def _play(self, account: Account, row: Row) -> Iterator[Life]:
        for steps in self._fates.booking(row):
            yield account, steps

    def _row(
        self,
        account: Account,
        amount: Decimal,
        purpose: Purpose,
        description: str,
        *,
        counterparty: str | None = None,
        reference: str | None = None,
        occurred_at: datetime | None = None,
        trade: Trade | None = None,
    ) -> Row:
        """A settled row of today; now and then one that was booked some days ago, which nobody knew until now."""
        rng, booked_on = self._rng, self._on
        if occurred_at is None:
            moment = time(rng.randint(0, 23), rng.randint(0, 59), tzinfo=account.bank.zone)
            occurred_at = datetime.combine(booked_on, moment).astimezone(UTC)
        else:
            booked_on = account.bank.local_date(occurred_at)
        authorized_on = booked_on
        if trade is None and rng.random() < 0.03:
            booked_on = max(booked_on - timedelta(days=rng.randint(1, 10)), self._first_day)
            authorized_on = min(authorized_on, booked_on)
            self._view.note("backdated", "world")
        self._row_count += 1
        return Row(
            f"{account.account_id}.{self._stamp}.{self._row_count}",
            account.account_id,
            RowState.SETTLED,
            amount,
            account.currency,
            booked_on,
            occurred_at,
            authorized_on,
            description,
            purpose,
            counterparty,
            reference,
            trade,
        )


def _exchange(amount: Decimal, source: str, target: str, factor: Decimal) -> Decimal:
    """An amount in another currency, by what a dollar buys in both."""
    units = amount.scaleb(CURRENCY_DECIMALS[source]) / LOCAL_SCALE[source] * LOCAL_SCALE[target] * factor
    return units.quantize(Decimal(1)).scaleb(-CURRENCY_DECIMALS[target])
