"""What do the people of the world do with their money on a given day?"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Protocol

from bursar.sandbox.fates import Fate, Stage, draw_booking_fate, draw_card_fate, play
from bursar.sandbox.ledger import Purpose, Row, RowState
from bursar.sandbox.merchants import DAILY, DAILY_CHANCE, LOCAL_SCALE, Merchant
from bursar.sandbox.people import CURRENCY_DECIMALS, Account, AccountKind, Household


class LivingStage(Stage, Protocol):
    """The world as a family needs it: it also tells balances."""

    def balance(self, account_id: str) -> Decimal:
        """The present ledger balance."""
        ...


class Day:
    """One household's day: numbers its rows and turns local hours into instants."""

    def __init__(self, stage: LivingStage, household: Household, on: date, rng: Random) -> None:
        """`on` is the calendar date at every bank; `rng` belongs to this household and day alone."""
        self.stage = stage
        self.household = household
        self.on = on
        self.rng = rng
        self._row_count = 0

    def row(
        self,
        account: Account,
        hour: int,
        amount: Decimal,
        purpose: Purpose,
        description: str,
        *,
        counterparty: str | None = None,
        reference: str | None = None,
        occurred_at: datetime | None = None,
    ) -> Row:
        """A settled row of today at a random minute of `hour` (local time of the bank)."""
        at = occurred_at or self.instant(account, hour)
        booked_on = account.bank.local_date(at)
        self._row_count += 1
        return Row(
            world_id=f"{account.account_id}.{self.on:%Y%m%d}.{self._row_count}",
            account_id=account.account_id,
            state=RowState.SETTLED,
            amount=amount,
            currency=account.currency,
            booked_on=booked_on,
            occurred_at=at,
            authorized_on=booked_on,
            description=description,
            purpose=purpose,
            counterparty=counterparty,
            reference=reference,
        )

    def instant(self, account: Account, hour: int) -> datetime:
        """A random minute of a local hour of today, in UTC."""
        local = datetime.combine(self.on, time(hour, self.rng.randint(0, 59)), tzinfo=account.bank.zone)
        return local.astimezone(UTC)

    def play(self, account: Account, row: Row, fate: Fate | None = None) -> None:
        """Lets a row begin its life; without a fate it is a direct booking."""
        play(self.stage, account.bank, row, fate or draw_booking_fate(self.rng))

    def later(self, account: Account, hour: int, action: Callable[[datetime], None]) -> None:
        """Runs `action` at a local hour of today, when the balances of that moment are known."""
        self.stage.at(self.instant(account, hour), action)

    def money(self, account: Account, low: int, high: int) -> Decimal:
        """A random amount between two whole dollar-like figures, in the account's currency and decimals."""
        units = self.rng.randint(low * LOCAL_SCALE[account.currency], high * LOCAL_SCALE[account.currency])
        return Decimal(units).scaleb(-CURRENCY_DECIMALS[account.currency])


def live_family_day(day: Day) -> None:
    """A family's day: shopping every day, everything else on its day of the month."""
    checking = day.household.find_account(AccountKind.CHECKING)
    savings = day.household.find_account(AccountKind.SAVINGS)
    card = day.household.find_account(AccountKind.CREDIT_CARD)
    if checking is None:
        return
    _shop(day, checking, card)
    _pay_bills(day, checking, card)
    if savings is not None and savings.currency == checking.currency and day.on.day == 26:
        transfer(day, checking, savings, day.money(checking, 150, 400), "SAVINGS PLAN")
    for account in day.household.accounts:
        if account.kind is AccountKind.SAVINGS and (day.on + timedelta(days=1)).day == 1:
            _pay_interest(day, account)
    if card is not None and day.on.day == 20:
        _pay_card(day, checking, card)
    loan = day.household.find_account(AccountKind.LOAN)
    if loan is not None:
        _serve_loan(day, checking, loan)


def live_quiet_day(day: Day, days_to_start: int) -> None:
    """A few purchases before the start of the world; the newest stay pending until a script settles them."""
    if not 0 <= days_to_start <= 20:
        return
    for account in day.household.accounts:
        for _ in range(2 if days_to_start % 2 else 3):
            merchant = day.rng.choice(DAILY)
            row = day.row(
                account,
                1 if days_to_start == 0 else day.rng.randint(8, 20),
                -day.money(account, merchant.low, merchant.high),
                merchant.purpose,
                merchant.statement_text,
                counterparty=merchant.name,
            )
            day.play(account, row, _QUIET_PENDING if days_to_start <= 2 else None)


_QUIET_PENDING = Fate(
    pending=True,
    settles_after=timedelta(days=365 * 200),
    booked_when_settled=True,
    factor=Decimal(1),
    preauthorized=False,
    hidden_for=None,
    removed_after=None,
    reworded_after=None,
    corrected_after=None,
)
"""A pending row that waits for a script: it would settle on its own long after everybody has gone."""


def transfer(day: Day, source: Account, target: Account, amount: Decimal, text: str) -> None:
    """Moves money between own accounts: it leaves in the morning and arrives in the evening or the next day."""
    out = day.row(source, 9, -amount, Purpose.TRANSFER, f"{text} TO {target.mask}", counterparty=target.holders[0].name)
    day.play(source, out)
    arrives_at = out.occurred_at + timedelta(hours=day.rng.choice((6, 8, 26)))
    arrival = day.row(
        target,
        9,
        amount,
        Purpose.TRANSFER,
        f"{text} FROM {source.mask}",
        counterparty=source.holders[0].name,
        reference=out.world_id,
        occurred_at=arrives_at,
    )
    day.play(target, arrival)


def _shop(day: Day, checking: Account, card: Account | None) -> None:
    for merchant in DAILY:
        if day.rng.random() >= DAILY_CHANCE[merchant.purpose]:
            continue
        account = card if card is not None and day.rng.random() < 0.65 else checking
        amount = -day.money(account, merchant.low, merchant.high)
        fate = draw_card_fate(day.rng, merchant.purpose)
        at = day.instant(account, 8 if merchant.purpose is Purpose.COFFEE else day.rng.randint(11, 21))
        twins = 2 if merchant.purpose is Purpose.COFFEE and day.rng.random() < 0.12 else 1
        for _ in range(twins):
            day.play(account, _purchase(day, account, merchant, amount, at), fate)
    if day.rng.random() < 0.04:
        row = day.row(checking, 18, -day.money(checking, 2, 10) * 10, Purpose.CASH, "ATM WITHDRAWAL")
        day.play(checking, row)


def _purchase(day: Day, account: Account, merchant: Merchant, amount: Decimal, at: datetime) -> Row:
    return day.row(
        account,
        0,
        amount,
        merchant.purpose,
        merchant.statement_text,
        counterparty=merchant.name,
        occurred_at=at,
    )


def _pay_bills(day: Day, checking: Account, card: Account | None) -> None:
    def book(account: Account, bill: tuple[int, int], purpose: Purpose, text: str, name: str) -> None:
        amount = day.money(account, *bill)
        signed = amount if purpose is Purpose.SALARY else -amount
        day.play(account, day.row(account, 7, signed, purpose, text, counterparty=name))

    if day.on.day == 1:
        book(checking, (1_150, 1_150), Purpose.RENT, "STANDING ORDER RENT", "Lindenhof Properties")
    elif day.on.day == 12:
        book(checking, (70, 160), Purpose.UTILITIES, "BRIGHTGRID ENERGY", "Brightgrid Energy")
    elif day.on.day == 15:
        book(card or checking, (12, 12), Purpose.SUBSCRIPTION, "MOONCAST STREAMING", "Mooncast")
    elif day.on.day == 25:
        book(checking, (4_480, 4_560), Purpose.SALARY, "ACORN WORKS PAYROLL", "Acorn Works")
    elif day.on.day == 28 and day.rng.random() < 0.4:
        book(checking, (5, 5), Purpose.FEE, "MONTHLY SERVICE FEE", checking.bank.name)


def _pay_interest(day: Day, account: Account) -> None:
    row_of = day.row

    def pay(at: datetime) -> None:
        interest = _monthly_interest(account, day.stage.balance(account.account_id))
        if interest > 0:
            row = row_of(account, 0, interest, Purpose.INTEREST, "INTEREST PAID", occurred_at=at)
            day.play(account, row)

    day.later(account, 23, pay)


def _pay_card(day: Day, checking: Account, card: Account) -> None:
    def pay(at: datetime) -> None:
        owed = -day.stage.balance(card.account_id)
        if owed <= 0:
            return
        out = day.row(checking, 0, -owed, Purpose.CARD_PAYMENT, f"CARD PAYMENT {card.mask}", occurred_at=at)
        day.play(checking, out)
        arrival = day.row(
            card,
            0,
            owed,
            Purpose.CARD_PAYMENT,
            "PAYMENT THANK YOU",
            reference=out.world_id,
            occurred_at=at + timedelta(hours=20),
        )
        day.play(card, arrival)

    day.later(checking, 6, pay)


def _serve_loan(day: Day, checking: Account, loan: Account) -> None:
    if day.on.day == 4:

        def charge(at: datetime) -> None:
            interest = _monthly_interest(loan, day.stage.balance(loan.account_id))
            if interest < 0:
                day.play(loan, day.row(loan, 0, interest, Purpose.INTEREST, "INTEREST CHARGED", occurred_at=at))

        day.later(loan, 22, charge)
    elif day.on.day == 5:
        amount = Decimal("240.00")
        out = day.row(checking, 8, -amount, Purpose.LOAN_PAYMENT, f"LOAN PAYMENT {loan.mask}")
        day.play(checking, out)
        arrival = day.row(
            loan,
            0,
            amount,
            Purpose.LOAN_PAYMENT,
            "PAYMENT RECEIVED",
            reference=out.world_id,
            occurred_at=out.occurred_at + timedelta(hours=9),
        )
        day.play(loan, arrival)


def _monthly_interest(account: Account, balance: Decimal) -> Decimal:
    exponent = Decimal(1).scaleb(-CURRENCY_DECIMALS[account.currency])
    return (balance * account.annual_rate / 12).quantize(exponent)
