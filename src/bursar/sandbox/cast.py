"""Which banks, households and accounts does a seed produce?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from bursar.sandbox.people import CURRENCY_DECIMALS, Account, AccountKind, Bank, Household, Lifestyle, Login, Person

BANKS = {
    bank.key: bank
    for bank in (
        Bank("first_river", "First River Bank", "US", ZoneInfo("America/New_York"), "FRVBUS33", "021000089"),
        Bank("goldcoast", "Gold Coast Credit Union", "US", ZoneInfo("America/Los_Angeles"), "GDCUUS66", "121000358"),
        Bank("thameside", "Thameside Bank", "GB", ZoneInfo("Europe/London"), "THMSGB2L", "200415"),
        Bank("spreebank", "Spreebank", "DE", ZoneInfo("Europe/Berlin"), "SPREDEBB", "10050099"),
        Bank("sumida", "Sumida Bank", "JP", ZoneInfo("Asia/Tokyo"), "SUMIJPJT", "0199"),
    )
}
"""Every simulated bank by key; `bank_code` is a routing number, sort code or national bank code."""

QUIET_USERNAME = "user_transactions_dynamic"
_PASSWORD = "pass_good"  # noqa: S105 - the published password of invented people


@dataclass(frozen=True, slots=True)
class _AccountPlan:
    bank: str
    kind: AccountKind
    currency: str
    name: str
    official_name: str
    opening: int
    rate: str = "0"
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class _HouseholdPlan:
    key: str
    given_names: tuple[str, ...]
    city: str
    country: str
    lifestyle: Lifestyle
    accounts: tuple[_AccountPlan, ...]
    username: str = "user_good"


_CHECKING, _SAVINGS, _CARD = AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CREDIT_CARD
_PLANS = (
    _HouseholdPlan(
        "hudson",
        ("Ana", "Luis"),
        "New York",
        "US",
        Lifestyle.FAMILY,
        (
            _AccountPlan("first_river", _CHECKING, "USD", "Everyday Checking", "First River Everyday Checking", 4_200),
            _AccountPlan("first_river", _SAVINGS, "USD", "Rainy Day", "First River Growth Savings", 9_500, "0.041"),
            _AccountPlan("first_river", _CARD, "USD", "Travel Card", "First River Voyager", -310, "0.219", 6_000),
            _AccountPlan(
                "first_river", AccountKind.LOAN, "USD", "Student Loan", "First River Education Loan", -21_000, "0.052"
            ),
            _AccountPlan("first_river", AccountKind.BROKERAGE, "USD", "Brokerage", "First River Self-Directed", 5_000),
        ),
    ),
    _HouseholdPlan(
        "camden",
        ("Imogen", "Tunde"),
        "London",
        "GB",
        Lifestyle.FAMILY,
        (
            _AccountPlan("thameside", _CHECKING, "GBP", "Current Account", "Thameside Select Current", 2_800),
            _AccountPlan("thameside", _SAVINGS, "GBP", "Cash Saver", "Thameside Instant Saver", 6_000, "0.035"),
            _AccountPlan("thameside", _CARD, "GBP", "Credit Card", "Thameside Platinum", -150, "0.249", 4_500),
            _AccountPlan("spreebank", _SAVINGS, "EUR", "Tagesgeld", "Spreebank Tagesgeld Plus", 3_000, "0.022"),
        ),
    ),
    _HouseholdPlan(
        "asakusa",
        ("Haruka",),
        "Tokyo",
        "JP",
        Lifestyle.FAMILY,
        (
            _AccountPlan("sumida", _CHECKING, "JPY", "Futsu Yokin", "Sumida Ordinary Deposit", 520_000),
            _AccountPlan("sumida", _CARD, "JPY", "Sumida Card", "Sumida Gold Card", -24_000, "0.15", 600_000),
            _AccountPlan("goldcoast", _SAVINGS, "USD", "Share Savings", "Gold Coast Share Savings", 1_900, "0.02"),
        ),
    ),
    _HouseholdPlan(
        "quiet",
        ("Noor",),
        "Albany",
        "US",
        Lifestyle.QUIET,
        (
            _AccountPlan("first_river", _CHECKING, "USD", "Plain Checking", "First River Plain Checking", 5_500),
            _AccountPlan("goldcoast", _CHECKING, "USD", "Draft Account", "Gold Coast Share Draft", 5_200),
        ),
        QUIET_USERNAME,
    ),
)

FAMILY_COUNT = sum(plan.lifestyle is Lifestyle.FAMILY for plan in _PLANS)
"""How many families can be asked for; the quiet household is always present."""

_SURNAMES = ("Rivera", "Okafor", "Lindqvist", "Tanaka", "Marsh", "Delacroix", "Iyer", "Novak", "Quinn", "Sato")
_STREETS = ("Alder Row", "Mill Lane", "Canal Street", "Orchard Road", "Station Walk", "Garden Terrace")


def build_cast(seed: int, families: int, opened_at: datetime) -> tuple[Household, ...]:
    """The households of a seed: names, numbers and opening balances vary, the shape of their accounts does not.

    Raises `ValueError` when more families are asked for than there are plans.
    """
    if not 1 <= families <= FAMILY_COUNT:
        raise ValueError(f"between 1 and {FAMILY_COUNT} families, not {families}")
    family_plans = [plan for plan in _PLANS if plan.lifestyle is Lifestyle.FAMILY][:families]
    quiet_plans = [plan for plan in _PLANS if plan.lifestyle is Lifestyle.QUIET]
    return tuple(_build_household(seed, plan, opened_at) for plan in (*family_plans, *quiet_plans))


def _build_household(seed: int, plan: _HouseholdPlan, opened_at: datetime) -> Household:
    rng = Random(f"{seed}|cast|{plan.key}")  # noqa: S311 - reproducibility is the point
    people = _build_people(seed, rng, plan)
    accounts = tuple(_build_account(rng, plan.key, account, people, opened_at) for account in plan.accounts)
    return Household(plan.key, people, plan.lifestyle, accounts, tuple(_logins(accounts, plan.username)))


def _build_people(seed: int, rng: Random, plan: _HouseholdPlan) -> tuple[Person, ...]:
    surname = rng.choice(_SURNAMES)
    street = f"{rng.randint(1, 180)} {rng.choice(_STREETS)}"
    postal_code = str(rng.randint(10_000, 99_999))
    return tuple(
        Person(
            name=f"{given} {surname}",
            # The seed in the address marks every answer with the world it comes from.
            email=f"{given}.{surname}.w{seed}@example.test".lower(),
            phone=f"+1555{rng.randint(1_000_000, 9_999_999)}",
            street=street,
            city=plan.city,
            postal_code=postal_code,
            country=plan.country,
        )
        for given in plan.given_names
    )


def _build_account(
    rng: Random, household: str, plan: _AccountPlan, people: Sequence[Person], opened_at: datetime
) -> Account:
    cents = rng.randint(0, 99) if CURRENCY_DECIMALS[plan.currency] else 0
    opening = Decimal(plan.opening) + Decimal(cents).scaleb(-2) if cents else Decimal(plan.opening)
    length = 16 if plan.kind is AccountKind.CREDIT_CARD else 10
    return Account(
        account_id=f"{household}-{plan.bank}-{plan.kind}".replace("_", "-"),
        bank=BANKS[plan.bank],
        kind=plan.kind,
        currency=plan.currency,
        name=plan.name,
        official_name=plan.official_name,
        number="".join(str(rng.randint(0 if position else 1, 9)) for position in range(length)),
        holders=tuple(people),
        opened_at=opened_at,
        opening_balance=opening,
        annual_rate=Decimal(plan.rate),
        credit_limit=None if plan.limit is None else Decimal(plan.limit),
    )


def _logins(accounts: Iterable[Account], username: str) -> Iterable[Login]:
    by_bank: dict[str, list[Account]] = {}
    for account in accounts:
        by_bank.setdefault(account.bank.key, []).append(account)
    for bank, held in by_bank.items():
        yield Login(BANKS[bank], username, _PASSWORD, tuple(held))
