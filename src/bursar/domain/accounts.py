"""What is an account, and what does a provider tell about one?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary

AccountCategory = Literal["investment", "banking", "credit", "other"]


class AccountType(Vocabulary):
    """The kinds of account; each belongs to exactly one category."""

    BROKERAGE = "brokerage"
    TRADITIONAL_IRA = "traditional_ira"
    ROTH_IRA = "roth_ira"
    SEP_IRA = "sep_ira"
    SIMPLE_IRA = "simple_ira"
    ROLLOVER_IRA = "rollover_ira"
    RETIREMENT_401K = "401k"
    ROTH_401K = "roth_401k"
    RETIREMENT_403B = "403b"
    HSA = "hsa"
    PENSION = "pension"
    EDUCATION_529 = "education_529"
    TRUST = "trust"
    CUSTODIAL = "custodial"
    CRYPTO = "crypto"
    CHECKING = "checking"
    SAVINGS = "savings"
    MONEY_MARKET = "money_market"
    CD = "cd"
    PREPAID = "prepaid"
    CREDIT_CARD = "credit_card"
    LINE_OF_CREDIT = "line_of_credit"
    LOAN = "loan"
    MORTGAGE = "mortgage"
    OTHER = "other"

    @classmethod
    def aliases(cls) -> dict[str, str]:
        """`ira` is a traditional IRA, `529` an education account."""
        return {"ira": "traditional_ira", "529": "education_529"}

    @classmethod
    def fallback(cls) -> Self | None:
        """Return OTHER; the provider's own label is kept beside it."""
        return cls("other")

    @property
    def category(self) -> AccountCategory:
        """The one category that this type belongs to."""
        if self in _CREDIT:
            return "credit"
        if self in _BANKING:
            return "banking"
        return "other" if self is AccountType.OTHER else "investment"

    def is_investment(self) -> bool:
        """True for accounts whose value is holdings plus cash."""
        return self.category == "investment"

    def is_bank(self) -> bool:
        """True for deposit accounts."""
        return self.category == "banking"

    def is_retirement(self) -> bool:
        """True for accounts with retirement or health tax rules."""
        return self in _RETIREMENT

    def is_credit(self) -> bool:
        """True for accounts on which the holder owes; their balances are negative."""
        return self.category == "credit"

    def category_sign(self) -> int:
        """Return -1 where an institution's positive figure means owed, else +1."""
        return -1 if self.is_credit() else 1


_CREDIT = frozenset({AccountType.CREDIT_CARD, AccountType.LINE_OF_CREDIT, AccountType.LOAN, AccountType.MORTGAGE})
_BANKING = frozenset(
    {AccountType.CHECKING, AccountType.SAVINGS, AccountType.MONEY_MARKET, AccountType.CD, AccountType.PREPAID}
)
_SAVINGS = frozenset({AccountType.SAVINGS, AccountType.MONEY_MARKET, AccountType.CD})
_LOANS = frozenset({AccountType.LOAN, AccountType.MORTGAGE})
_RETIREMENT = frozenset(
    {
        AccountType.TRADITIONAL_IRA,
        AccountType.ROTH_IRA,
        AccountType.SEP_IRA,
        AccountType.SIMPLE_IRA,
        AccountType.ROLLOVER_IRA,
        AccountType.RETIREMENT_401K,
        AccountType.ROTH_401K,
        AccountType.RETIREMENT_403B,
        AccountType.HSA,
        AccountType.PENSION,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAccountData:
    """An account as a provider or a file describes it now.

    Balances have the holder's sign: what is owed is negative. `balance_known` is False when the source gave none; the
    balance is then a placeholder zero that no one may show or sum.
    """

    provider_account_id: str = field(repr=False)
    """Stable and opaque. When only the real account number exists, that number with `id_is_sensitive`."""
    account_number_masked: str
    name: str
    account_type: str
    """An `AccountType` value, or the provider's unknown word in lower case."""
    currency: str
    balance: Decimal
    balance_known: bool = True
    available_balance: Decimal | None = None
    """Spendable now, never margin buying power; None when unknown."""
    cash_balance: Decimal | None = None
    credit_limit: Decimal | None = None
    balance_as_of: datetime | None = None
    """When the institution says that the balance was true; None when it does not say."""
    balance_on: date | None = None
    """The institution's calendar date of the balance; None when it does not say."""
    is_active: bool = True
    provider_type: str | None = None
    """The provider's own label of the kind."""
    persistent_id: str | None = field(default=None, repr=False)
    """An identity that survives a new consent, where the provider has one; None otherwise."""
    id_is_sensitive: bool = False
    """True when `provider_account_id` is a real account number: it is then stored as a keyed hash only."""
    identity: str | None = field(default=None, repr=False)
    """The real number in full, made by `account_identity`, where the source shows it: it is stored as a keyed hash
    only, and makes the same account known whoever tells of it. None when only a part of the number is shown."""
    institution_timezone: str | None = None
    """IANA zone of the institution's calendar; None when unknown."""
    raw_data: Mapping[str, object] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the ledger: ours for ever, whoever it is read through. Balances have the holder's sign."""

    id: UUID
    name: str
    account_type: str
    provider_type: str | None
    account_number_masked: str
    currency: str
    balance: Decimal
    balance_known: bool
    """False: no source has stated a balance, and `balance` is no figure to show."""
    available_balance: Decimal | None
    cash_balance: Decimal | None
    credit_limit: Decimal | None
    balance_as_of: datetime | None
    institution_name: str | None
    institution_timezone: str | None
    is_active: bool
    missing_since: datetime | None
    """Since when a complete listing of its provider lacks it; None while it is listed."""
    last_synced_at: datetime | None
    """When one of its connections last read it with success."""
    connection_ids: list[UUID]
    """The connections that it is, or was, read through; the newest first."""
    version: int
    created_at: datetime
    updated_at: datetime


def mask_account_number(number: str) -> str:
    """Return a number with all but its last four characters starred; four characters or fewer are starred whole."""
    text = number.strip()
    if len(text) <= 4:
        return "****"
    return "*" * (len(text) - 4) + text[-4:]


WORLDWIDE_LENGTH = 15
"""A number of so many characters (a card, an IBAN) stands for itself; a shorter one is one of its bank's only."""


def account_identity(number: str, *, bank_code: str | None = None) -> str:
    """Return one spelling of a full account number: a long one as it is, any other behind its bank's code.

    Blanks and dashes are dropped, letters are upper case, so that every source of an account gives the same text,
    whether it tells the bank's code beside a card's number or not.
    """
    compact = "".join(character for character in number if character.isalnum()).upper()
    if bank_code is None or len(compact) >= WORLDWIDE_LENGTH:
        return compact
    code = "".join(character for character in bank_code if character.isalnum()).upper()
    return f"{code}/{compact}"


def is_same_kind(one: str, other: str) -> bool:
    """True unless two sources' words for the type of one number speak of different accounts.

    Sources differ in the finer kind (savings, money market), and one number may stand for a member's several accounts
    (checking and savings). A kind that is unknown contradicts nothing.
    """
    kinds = {_kind(AccountType(one)), _kind(AccountType(other))}
    return len(kinds) == 1 or "other" in kinds


def _kind(account_type: AccountType) -> str:
    if account_type in _SAVINGS:
        return "savings"
    if account_type in _LOANS:
        return "loan"
    if account_type.is_investment() or account_type is AccountType.OTHER:
        return account_type.category
    return account_type.value
