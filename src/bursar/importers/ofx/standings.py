"""What does one statement say that its account was worth, and when?"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from bursar.domain.accounts import AccountType
from bursar.importers.ofx.accounts import AccountKey, Balance, read_balance
from bursar.importers.ofx.document import Document
from bursar.importers.ofx.elements import Element

_TOTAL = re.compile(
    r"total|net\s*worth|(?:total\s*)?(?:account|portfolio)\s*(?:value|balance)|total\s*(?:value|balance|assets)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Standing:
    """What one statement says that an account was worth; None means that it does not say."""

    balance: Decimal | None = None
    available: Decimal | None = None
    cash: Decimal | None = None
    holdings: Decimal | None = None
    on: date | None = None
    at: datetime | None = None

    def age(self) -> tuple[date, datetime]:
        """Return what orders standings by time; unknown is oldest."""
        day = self.on or date.min
        return day, self.at or datetime.combine(day, time.min, UTC)


def bank_standing(document: Document, element: Element, key: AccountKey) -> Standing:
    """Return what a bank, card or loan statement states; what is owed on a loan is negative."""
    ledger = read_balance(document, element.find("LEDGERBAL"))
    available = read_balance(document, element.find("AVAILBAL"))
    if key.account_type in (AccountType.LOAN, AccountType.MORTGAGE) and ledger is not None:
        # What a loan statement states is what is owed, and no loan is ever an asset of its holder.
        ledger = ledger._replace(amount=ledger.amount if ledger.amount <= 0 else ledger.amount.copy_negate())
    when: Balance | None = ledger or available
    return Standing(
        balance=None if ledger is None else ledger.amount,
        available=None if available is None else available.amount,
        on=None if when is None else when.on,
        at=None if when is None else when.at,
    )


def investment_standing(document: Document, element: Element, holdings_value: Decimal | None) -> Standing:
    """Return cash and positions of an investment statement, or the total that it lists, or nothing known."""
    text = element.value("DTASOF")
    moment = None if text is None else document.dates.read(text, element.line)
    standing = Standing(holdings=holdings_value)
    if moment is not None:
        standing.on, standing.at = moment
    cash_text = element.value("INVBAL", "AVAILCASH")
    if cash_text is not None:
        standing.cash = document.numbers.read(cash_text, element.line)
        if standing.cash is None:
            document.notices.add("balance_unreadable", element.line)
    if standing.cash is not None and holdings_value is not None:
        standing.balance = standing.cash + holdings_value
    else:
        listed = _listed_total(document, element)
        standing.balance = listed if listed is not None else _plan_total(document, element)
    return standing


def _listed_total(document: Document, element: Element) -> Decimal | None:
    """Return the entry of the balance list that names the whole account, None when none does."""
    for path in (("INVBAL", "BALLIST"), ("BALLIST",)):
        listed = element.find(*path)
        for entry in listed.children if listed is not None else ():
            names = (entry.value("NAME") or "", entry.value("DESC") or "")
            value = entry.value("VALUE")
            if value is not None and any(_TOTAL.fullmatch(name.strip()) for name in names):
                return document.numbers.read(value, entry.line)
    return None


def _plan_total(document: Document, element: Element) -> Decimal | None:
    """Return the total that a retirement plan's balance states, None when it states none."""
    text = element.value("INV401KBAL", "TOTAL")
    return None if text is None else document.numbers.read(text, element.line)
