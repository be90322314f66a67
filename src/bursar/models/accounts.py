"""What is an account to a program that reads any bank?"""

import datetime
from collections.abc import Mapping
from typing import ClassVar, Literal

from bursar.models.record import Amount, Currency, Record

AccountShape = Literal["depository", "credit", "loan", "investment", "other"]


class BankAccount(Record):
    """An account and what it held when the provider last looked.

    `balance`, `available` and `limit` are in `currency`. `balance` has the holder's sign: what is owed on a card or a
    loan is negative; None is unknown, never zero.

    ```python
    account = BankAccount(id="acc_123", name="My Checking", type="depository", balance="5432.10", currency="USD")
    ```
    """

    other_spellings: ClassVar[Mapping[str, str]] = {"account_id": "id"}

    id: str
    """The provider's id: opaque, stable while the login lives."""
    name: str
    official_name: str | None = None
    """The bank's own name of the product, where it differs and is told."""
    type: AccountShape
    """The coarse kind; `kind` is the finer one."""
    subtype: str | None = None
    """The provider's own finer word, such as `checking` or `money market`."""
    balance: Amount | None = None
    currency: Currency
    institution_id: str | None = None
    institution_name: str | None = None
    kind: str | None = None
    """Our own word: `checking`, `savings`, `credit_card`, `mortgage`, `brokerage` and so on, for every provider."""
    mask: str | None = None
    """The number with all but its last digits starred."""
    available: Amount | None = None
    """What can be spent now; None where the bank does not say."""
    limit: Amount | None = None
    """The credit limit."""
    reported_balance: Amount | None = None
    """The balance as banks print it: what is owed on a card or a loan is positive."""
    as_of: datetime.datetime | None = None
    """When the bank says that the balance was true (UTC); None where it does not say."""
    provider: str | None = None
    provider_type: str | None = None
    """The provider's own label of the kind, untouched."""

    @property
    def account_id(self) -> str:
        """The same as `id`."""
        return self.id
