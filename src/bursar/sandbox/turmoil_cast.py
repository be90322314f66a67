"""Which households, logins and accounts does a turbulent world have?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from bursar.sandbox.merchants import LOCAL_SCALE
from bursar.sandbox.people import CURRENCY_DECIMALS, Account, AccountKind, Bank, Household, Lifestyle, Login, Person
from bursar.sandbox.view import View

OVERLAP = timedelta(days=10)
"""How long a replaced account and its successor both list what is new."""

PASSWORD = "pass_good"  # noqa: S105 - the published password of invented people

_HOME_CURRENCIES = {"US": "USD", "GB": "GBP", "DE": "EUR", "JP": "JPY"}
_KINDS = (
    (AccountKind.CHECKING, 0.40),
    (AccountKind.CREDIT_CARD, 0.26),
    (AccountKind.SAVINGS, 0.18),
    (AccountKind.BROKERAGE, 0.12),
    (AccountKind.LOAN, 0.04),
)
_NAMES = {
    AccountKind.CHECKING: "Checking",
    AccountKind.SAVINGS: "Savings",
    AccountKind.CREDIT_CARD: "Card",
    AccountKind.BROKERAGE: "Brokerage",
    AccountKind.LOAN: "Loan",
}
_OPENING_DOLLARS = {
    AccountKind.CHECKING: (200, 6_000),
    AccountKind.SAVINGS: (1_000, 20_000),
    AccountKind.CREDIT_CARD: (-2_000, 0),
    AccountKind.BROKERAGE: (3_000, 30_000),
    AccountKind.LOAN: (-30_000, -4_000),
}
_RATES = {AccountKind.SAVINGS: "0.03", AccountKind.CREDIT_CARD: "0.21", AccountKind.LOAN: "0.05"}


@dataclass(frozen=True, slots=True)
class Casting:
    """What the households are drawn from."""

    seed: int
    view: View
    opened_at: datetime
    start: date
    days: int
    banks: tuple[Bank, ...]
    currencies: tuple[str, ...]


def draw_households(casting: Casting, tenants: int) -> tuple[Household, ...]:
    """Unrelated households `t0`, `t1`, ...; each has one login at each of its one or two banks."""
    return tuple(_draw_household(casting, index) for index in range(tenants))


def draw_absences(casting: Casting, households: Sequence[Household]) -> Iterator[tuple[str, datetime, datetime]]:
    """Accounts that their login does not show for some days, with the instants at which they go and come back."""
    view = casting.view
    for account in (one for home in households for one in home.accounts if one.replaces is None):
        if casting.days > 3 and view.strikes("B10", "world", account.account_id):
            day = 1 + int(view.draw("B10", "day", account.account_id) * min(casting.days - 2, 20))
            length = timedelta(hours=30 + int(view.draw("B10", "length", account.account_id) * 200))
            since = datetime.combine(casting.start + timedelta(days=day), time(5), tzinfo=UTC)
            yield account.account_id, since, since + length


def money(rng: Random, currency: str, low: int, high: int) -> Decimal:
    """A random amount between two dollar-like figures, in a currency's own decimals."""
    scale = LOCAL_SCALE[currency]
    return Decimal(rng.randint(low * scale, high * scale)).scaleb(-CURRENCY_DECIMALS[currency])


def _draw_household(casting: Casting, index: int) -> Household:
    rng = Random(f"{casting.seed}|turmoil|cast|{index}")  # noqa: S311 - reproducibility is the point
    key, marker = f"t{index}", f"w{casting.seed}t{index}"
    person = Person(
        name=f"Robin {marker}",
        email=f"robin.{marker}@example.test",
        phone=f"+1555{rng.randint(1_000_000, 9_999_999)}",
        street=f"{rng.randint(1, 180)} Mill Lane",
        city="Alder",
        postal_code=str(rng.randint(10_000, 99_999)),
        country="US",
    )
    # No two masks of a household are equal, and no two numbers of a world.
    numbers = [f"{rng.randint(100_000, 999_999)}{index:02d}{mask}" for mask in rng.sample(range(1_000, 10_000), 12)]
    first_numbers, later_numbers = iter(numbers[:6]), iter(numbers[6:])
    logins: list[Login] = []
    for bank in rng.sample(casting.banks, 1 if rng.random() < 0.5 else min(len(casting.banks), 2)):
        held = [
            _draw_account(casting, rng, bank, person, next(first_numbers), f"{key}-{bank.key}", place)
            for place in range(rng.choice((1, 1, 2, 2, 3)))
        ]
        # A number is set aside for each, so that the others keep theirs whoever is replaced.
        spare = zip(held, later_numbers, strict=False)
        successors = [_replace(casting, account, number) for account, number in spare if _is_replaced(casting, account)]
        logins.append(Login(bank, f"user_{key}", PASSWORD, (*held, *successors)))
    accounts = tuple(account for login in logins for account in login.accounts)
    return Household(key, (person,), Lifestyle.TURBULENT, accounts, tuple(logins))


def _draw_account(
    casting: Casting, rng: Random, bank: Bank, person: Person, number: str, prefix: str, place: int
) -> Account:
    marker = person.name.rpartition(" ")[2]
    kind = rng.choices([kind for kind, _ in _KINDS], [weight for _, weight in _KINDS])[0]
    if kind is AccountKind.BROKERAGE and "USD" not in casting.currencies:
        kind = AccountKind.CHECKING
    home = _HOME_CURRENCIES[bank.country]
    currency = home if home in casting.currencies and rng.random() < 0.5 else rng.choice(casting.currencies)
    if kind is AccountKind.BROKERAGE:
        currency = "USD"
    name = f"{_NAMES[kind]} {marker}"
    return Account(
        account_id=f"{prefix}-{kind}-{place}".replace("_", "-"),
        bank=bank,
        kind=kind,
        currency=currency,
        name=name,
        official_name=f"{bank.name} {name}",
        number=f"4000{number}" if kind is AccountKind.CREDIT_CARD else number,
        holders=(person,),
        opened_at=casting.opened_at,
        opening_balance=money(rng, currency, *_OPENING_DOLLARS[kind]),
        annual_rate=Decimal(_RATES.get(kind, "0")),
        credit_limit=money(rng, currency, 3_000, 9_000) if kind is AccountKind.CREDIT_CARD else None,
    )


def _is_replaced(casting: Casting, account: Account) -> bool:
    # A loan or a securities account has no card that could be lost.
    if account.kind in {AccountKind.LOAN, AccountKind.BROKERAGE} or casting.days <= OVERLAP.days:
        return False
    return casting.view.strikes("B8", "world", account.account_id)


def _replace(casting: Casting, account: Account, number: str) -> Account:
    """The successor of a blocked number: it starts empty within the first days, with a new mask."""
    latest_day = min(casting.days - OVERLAP.days, 12)
    day = 1 + int(casting.view.draw("B8", "day", account.account_id) * latest_day)
    return replace(
        account,
        account_id=f"{account.account_id}-new",
        number=f"4000{number}" if account.kind is AccountKind.CREDIT_CARD else number,
        opened_at=datetime.combine(casting.start + timedelta(days=day), time(3), tzinfo=UTC),
        opening_balance=account.opening_balance * 0,
        replaces=account.account_id,
    )
