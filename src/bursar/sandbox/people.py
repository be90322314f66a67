"""Who holds what, where, and how do they log in?"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

CURRENCY_DECIMALS = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "XAU": 8}
"""How many decimals an amount of each simulated currency has."""


class AccountKind(StrEnum):
    """What sort of account it is."""

    CHECKING = "checking"
    SAVINGS = "savings"
    CREDIT_CARD = "credit_card"
    BROKERAGE = "brokerage"
    LOAN = "loan"


@dataclass(frozen=True, slots=True)
class Bank:
    """An institution; its calendar dates are dates in `zone`."""

    key: str
    name: str
    country: str
    zone: ZoneInfo
    bic: str
    bank_code: str

    def local_date(self, instant: datetime) -> date:
        """The bank's calendar date at an instant."""
        return instant.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who holds accounts; every detail is invented."""

    name: str
    email: str
    phone: str
    street: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the bank knows it; numbers are full and invented.

    `credit_limit` is None where the kind has none; `annual_rate` is a fraction (0.04 is four percent). `replaces` is
    the account whose number was blocked and that this one follows; None for all others.
    """

    account_id: str
    bank: Bank
    kind: AccountKind
    currency: str
    name: str
    official_name: str
    number: str
    holders: tuple[Person, ...]
    opened_at: datetime
    opening_balance: Decimal
    annual_rate: Decimal
    credit_limit: Decimal | None = None
    replaces: str | None = None

    @property
    def mask(self) -> str:
        """The last four characters of the number."""
        return self.number[-4:]


@dataclass(frozen=True, slots=True)
class Login:
    """One user name at one bank and the accounts it can ever show; `World.shown_accounts` says which it shows when."""

    bank: Bank
    username: str
    password: str
    accounts: tuple[Account, ...]


class Lifestyle(StrEnum):
    """How much goes on in a household's accounts."""

    FAMILY = "family"
    """Salary, rent, shopping, cards, savings, loans and investments, for ever."""
    QUIET = "quiet"
    """Some fifty rows shortly before the start, the newest of them pending; afterwards only scripted events."""
    TURBULENT = "turbulent"
    """Few rows, to which everything happens that a view tells; see `bursar.sandbox.turmoil`."""


@dataclass(frozen=True, slots=True)
class Household:
    """People who share their money."""

    key: str
    people: tuple[Person, ...]
    lifestyle: Lifestyle
    accounts: tuple[Account, ...]
    logins: tuple[Login, ...]

    def find_account(self, kind: AccountKind) -> Account | None:
        """The household's first account of a kind."""
        return next((account for account in self.accounts if account.kind is kind), None)
