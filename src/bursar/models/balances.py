"""What does an account hold?"""

import datetime
from collections.abc import Mapping
from typing import ClassVar

from bursar.models.record import Amount, Currency, Record


class Balance(Record):
    """The balance of one account, in the holder's sign: what is owed is negative; None is unknown, never zero."""

    other_spellings: ClassVar[Mapping[str, str]] = {"iso_currency_code": "currency"}

    account_id: str
    current: Amount | None
    """What the bank has booked."""
    available: Amount | None = None
    """What can be spent now; None where the bank does not say."""
    limit: Amount | None = None
    """The credit limit."""
    currency: Currency
    as_of: datetime.datetime | None = None
    """When the bank says that it was true (UTC); None where it does not say."""

    @property
    def iso_currency_code(self) -> str:
        """The same as `currency`."""
        return self.currency
