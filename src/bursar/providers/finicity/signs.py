"""Which way do an account's amounts and its balance point?

Finicity passes on what the institution says. Owed balances come positive from some and negative from others. Of amounts
the reference says that withdrawals and debits are negative, and another page of the vendor's says that cards and
investments have it the other way round; so what the rows themselves tell decides, and without any word of theirs they
stand as the reference says.

Source: https://developer.mastercard.com/open-finance-us/documentation/products/manage/transaction-data/understanding-transaction-data/
(read 2026-11-29).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from bursar.domain.accounts import AccountType
from bursar.providers.finicity.sdk.models.accounts import AccountDetail
from bursar.providers.finicity.sdk.models.transactions import Transaction

_MIN_VOTES = 2
_CLEAR = 2
"""How many times as many rows must speak for amounts that are turned round as against."""

# Words that say which way the money went, whoever says them.
_LEAVES = frozenset({"atm", "check", "debit", "directDebit", "fee", "pointOfSale", "repeatPayment", "serviceCharge"})
_ENTERS = frozenset({"credit", "deposit", "directDeposit", "dividend"})
_PAID_BACK = frozenset({"Credit Card Payment", "Loan Payment"})
_INVESTMENT_LEAVES = frozenset({"purchased", "purchaseToClose", "purchaseToCover", "fee", "tax"})
_INVESTMENT_ENTERS = frozenset(
    {
        "sold",
        "soldToClose",
        "soldToOpen",
        "dividend",
        "interest",
        "income",
        "returnOfCapital",
        "deposit",
        "contribution",
    }
)


@dataclass(frozen=True, slots=True)
class SignedBalance:
    """A balance in the holder's sign."""

    amount: Decimal
    is_turned: bool = False
    """Whether the wire has it the other way round."""
    is_assumed: bool = False
    """Whether nothing in the answer says which way it points."""


def sign_balance(
    balance: Decimal, account_type: str, detail: AccountDetail | None, pending: Decimal = Decimal(0)
) -> SignedBalance:
    """The balance with the holder's sign: what is owed is negative.

    Where an account tells its limit and what is left of it, the difference says whether something is owed; the figure
    itself stays the balance's, because what is left also knows of rows that have not posted (their sum, in the holder's
    sign, is `pending` where it is known). Else something is owed.
    """
    if not balance or not AccountType(account_type).is_credit():
        return SignedBalance(balance)
    owed = balance.copy_abs().copy_negate()
    limit = detail.credit_max_amount if detail is not None else None
    left = detail.credit_available_amount if detail is not None else None
    if limit is None or left is None:
        return SignedBalance(owed, is_turned=owed != balance, is_assumed=True)
    estimate = left - limit - pending
    signed = owed if abs(estimate - owed) <= abs(estimate + owed) else balance.copy_abs()
    return SignedBalance(signed, is_turned=signed != balance)


def may_be_turned(account_type: str) -> bool:
    """Whether an account is of a kind whose amounts may point the other way."""
    kind = AccountType(account_type)
    return kind.is_credit() or kind.is_investment()


def are_turned(rows: Sequence[Transaction], account_type: str, balance: SignedBalance | None) -> bool:
    """True when the amounts of one account, in the order of its listing, are positive where money leaves."""
    is_credit = AccountType(account_type).is_credit()
    votes = [_word(row, is_credit=is_credit) * (1 if row.amount > 0 else -1) for row in rows if row.amount]
    straight, turned = votes.count(1), votes.count(-1)
    if straight > turned:
        return False
    if turned >= max(_MIN_VOTES, _CLEAR * straight + 1):
        return True
    if balance is None or not balance.amount or balance.is_assumed:
        return False
    # Amounts that raise the balance on the wire point the same way as it does.
    return _raises_balance(rows) is balance.is_turned


def _word(row: Transaction, *, is_credit: bool) -> int:
    """1 for a row that says that money enters, -1 for one that says that it leaves, 0 for one that says neither."""
    investment = row.investment_transaction_type
    if is_credit and row.type == "interest":
        return -1
    # A "payment" may be one to the card or a bill paid with it; only its category tells them apart.
    category = row.categorization.category if row.categorization is not None else None
    if is_credit and category in _PAID_BACK:
        return 1
    if investment in _INVESTMENT_LEAVES or (investment is None and row.type in _LEAVES):
        return -1
    return 1 if investment in _INVESTMENT_ENTERS or (investment is None and row.type in _ENTERS) else 0


def _raises_balance(rows: Sequence[Transaction]) -> bool | None:
    """Whether a positive amount raises the running balance; None: the rows do not say."""
    raises = lowers = 0
    settled = [row for row in rows if row.status == "active" and row.running_balance_amount is not None]
    for before, row in pairwise(settled):
        step = (row.running_balance_amount or Decimal(0)) - (before.running_balance_amount or Decimal(0))
        raises += bool(step) and step == row.amount
        lowers += bool(step) and step == -row.amount
    if raises == lowers or max(raises, lowers) < _MIN_VOTES:
        return None
    return raises > lowers
