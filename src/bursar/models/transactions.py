"""What is a transaction to a program that reads any bank?"""

import datetime
from collections.abc import Mapping
from typing import ClassVar, cast

from pydantic import model_validator

from bursar.models.record import Amount, Currency, Record


class Transaction(Record):
    """One row of an account.

    `amount` is in `currency` and has the holder's sign: negative leaves the account, positive enters it, on cards and
    loans, too. `date` is the booking date in the bank's calendar; for a pending row, the day it happened.

    ```python
    row = Transaction(id="txn_123", account_id="acc_123", amount=-45.67, date="2025-01-15", description="STARBUCKS",
                      merchant_name="Starbucks", category="Food & Drink", pending=False, currency="USD")
    row.transaction_id, row.name, row.iso_currency_code  # the other spelling of id, description, currency
    ```
    """

    other_spellings: ClassVar[Mapping[str, str]] = {
        "transaction_id": "id",
        "name": "description",
        "iso_currency_code": "currency",
        "categories": "category_path",
    }

    id: str
    """The provider's id; where it gives none, one that is made of the row."""
    account_id: str
    amount: Amount
    date: datetime.date
    description: str
    merchant_name: str | None = None
    category: str | None = None
    """One of `bursar.banking.categories`, under the name that it is shown as; None where the provider has none."""
    category_path: tuple[str, ...] = ()
    """From the coarse category to the finest that the provider tells."""
    provider_category: str | None = None
    """The provider's own word, untouched."""
    pending: bool = False
    currency: Currency
    status: str = "settled"
    """`pending`, `settled`, `failed` or `cancelled`: a row that did not happen is no spending."""
    provider: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_a_list_of_categories(cls, given: object) -> object:
        """`category` may be a list, from coarse to fine, as well as a text."""
        if not isinstance(given, Mapping):
            return given
        members = dict(cast("Mapping[str, object]", given))
        category = members.get("category")
        if isinstance(category, list | tuple):
            path = tuple(cast("list[object]", category))
            members["category"] = path[0] if path else None
            members.setdefault("category_path", path)
        elif isinstance(category, str) and "category_path" not in members and "categories" not in members:
            members["category_path"] = (category,)
        if members.get("pending") is True:
            members.setdefault("status", "pending")
        return members

    @property
    def transaction_id(self) -> str:
        """The same as `id`."""
        return self.id

    @property
    def name(self) -> str:
        """The same as `description`."""
        return self.description

    @property
    def iso_currency_code(self) -> str:
        """The same as `currency`."""
        return self.currency

    @property
    def categories(self) -> list[str]:
        """The categories from coarse to fine, as a list."""
        return list(self.category_path)
