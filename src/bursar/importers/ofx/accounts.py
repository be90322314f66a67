"""Which account does a statement belong to, of which kind, at which institution, and what is its balance?"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from bursar.domain.accounts import WORLDWIDE_LENGTH, AccountType, account_identity, mask_account_number
from bursar.importers.ofx.document import Document
from bursar.importers.ofx.elements import Element

CHASE_ID = "10898"
ACCOUNT_ELEMENTS = ("BANKACCTFROM", "CCACCTFROM", "INVACCTFROM", "LOANACCTFROM")

_BANK_TYPES = {
    "CHECKING": AccountType.CHECKING,
    "SAVINGS": AccountType.SAVINGS,
    "MONEYMRKT": AccountType.MONEY_MARKET,
    "MONEYMARKET": AccountType.MONEY_MARKET,
    "CD": AccountType.CD,
    "CREDITLINE": AccountType.LINE_OF_CREDIT,
}
_GROUPS = {
    AccountType.SAVINGS: "savings",
    AccountType.MONEY_MARKET: "savings",
    AccountType.CD: "savings",
    AccountType.LINE_OF_CREDIT: "credit_line",
    AccountType.CREDIT_CARD: "card",
    AccountType.LOAN: "loan",
    AccountType.MORTGAGE: "loan",
}
_PLANS = {
    "401K": AccountType.RETIREMENT_401K,
    "403B": AccountType.RETIREMENT_403B,
    "TDA": AccountType.RETIREMENT_403B,
    "IRA": AccountType.TRADITIONAL_IRA,
    "TRADITIONAL": AccountType.TRADITIONAL_IRA,
    "ROTH": AccountType.ROTH_IRA,
    "ROTHIRA": AccountType.ROTH_IRA,
    "ROLLOVER": AccountType.ROLLOVER_IRA,
    "SEP": AccountType.SEP_IRA,
    "SARSEP": AccountType.SEP_IRA,
    "SIMPLE": AccountType.SIMPLE_IRA,
    "KEOGH": AccountType.PENSION,
    "MONEYPURCHASE": AccountType.PENSION,
    "PROFITSHARING": AccountType.PENSION,
    "UGMA": AccountType.CUSTODIAL,
    "UTMA": AccountType.CUSTODIAL,
    "TRUST": AccountType.TRUST,
    "529": AccountType.EDUCATION_529,
    "HSA": AccountType.HSA,
}
_LABELS = {
    AccountType.RETIREMENT_401K: "401(k)",
    AccountType.RETIREMENT_403B: "403(b)",
    AccountType.CD: "CD",
    AccountType.ROTH_IRA: "Roth IRA",
    AccountType.TRADITIONAL_IRA: "IRA",
    AccountType.SEP_IRA: "SEP IRA",
    AccountType.SIMPLE_IRA: "SIMPLE IRA",
    AccountType.ROLLOVER_IRA: "Rollover IRA",
    AccountType.HSA: "HSA",
    AccountType.EDUCATION_529: "529",
    AccountType.OTHER: "Account",
}
_MASKED = re.compile(r"[xX*•#]{2}")
_NOT_SIGNIFICANT = re.compile(r"[\s\-]+")


class Institution(NamedTuple):
    """Who wrote the file, as far as it says."""

    id: str | None
    name: str | None
    provider_slug: str

    @property
    def is_chase(self) -> bool:
        """True when the file names Chase; an unknown institution is never taken for it."""
        return self.provider_slug == "chase_file"


@dataclass(frozen=True, slots=True)
class AccountKey:
    """The identity and the kind of an account."""

    id: str = field(repr=False)
    """The parts that identify it, joined: sensitive, for the keyed hash of the core only."""
    account_type: AccountType
    provider_type: str | None
    masked: str
    name: str
    is_masked_in_file: bool
    identity: str | None = field(default=None, repr=False)
    """The full number behind its bank's code, as every other source of the account would write it; None when the file
    masks the number, or gives one that means nothing without a bank that it does not name."""

    @property
    def is_card(self) -> bool:
        """True for credit cards."""
        return self.account_type is AccountType.CREDIT_CARD


class Balance(NamedTuple):
    """A balance as sent, and when it was true."""

    amount: Decimal
    on: date | None
    at: datetime | None


def read_institution(document: Document) -> Institution:
    """Return the institution that signs the file, or the first broker that it names."""
    sign_on = document.sign_on
    fid = org = bid = None
    if sign_on is not None:
        fid, org = sign_on.search_value("FID"), sign_on.search_value("ORG")
        bid = sign_on.search_value("INTU.BID")
        org = org or sign_on.search_value("INTU.ORG")
        fid = fid or sign_on.search_value("INTU.FID")
    broker = next(
        (found for statement in document.statements if (found := statement.element.search_value("BROKERID"))), None
    )
    is_chase = CHASE_ID in (fid, bid) or (org is not None and (org.upper() == "B1" or org.upper().startswith("CHASE")))
    name = "Chase" if is_chase else org or broker
    return Institution(fid or org or bid or broker, name, "chase_file" if is_chase else "ofx_file")


def read_account(institution: Institution, holder: Element, *, is_401k: bool = False) -> AccountKey | None:
    """Return the account that a statement or an ACCTINFO names; None when it names none."""
    for name in ACCOUNT_ELEMENTS:
        element = holder.find(name) or holder.search(name)
        if element is None:
            continue
        number = element.value("ACCTID") or element.value("LOANACCTID")
        if number is None:
            return None
        account_type, label = _kind(name, element, holder, is_401k=is_401k)
        parts = (
            (institution.id or element.value("BROKERID") or "").casefold(),
            element.value("BANKID") or "",
            element.value("BRANCHID") or "",
            _GROUPS.get(account_type, "investment" if account_type.is_investment() else "checking"),
            number,
        )
        masked = mask_account_number(number)
        is_masked = _MASKED.search(number) is not None
        return AccountKey(
            id="|".join(_NOT_SIGNIFICANT.sub("", part) for part in parts),
            account_type=account_type,
            provider_type=label,
            masked=masked,
            name=_name(institution, account_type, masked),
            is_masked_in_file=is_masked,
            identity=None if is_masked else _identity(number, element.value("BANKID") or element.value("BROKERID")),
        )
    return None


def _identity(number: str, bank_code: str | None) -> str | None:
    """Return the identity of a full number; only a long one (a card, an IBAN) stands for itself in all the world."""
    identity = account_identity(number, bank_code=bank_code)
    return identity if bank_code is not None or len(identity) >= WORLDWIDE_LENGTH else None


def _kind(name: str, element: Element, holder: Element, *, is_401k: bool) -> tuple[AccountType, str | None]:
    if name == "CCACCTFROM":
        return AccountType.CREDIT_CARD, element.value("ACCTTYPE")
    if name == "BANKACCTFROM":
        label = element.value("ACCTTYPE")
        return _BANK_TYPES.get((label or "").upper(), AccountType.OTHER), label
    if name == "LOANACCTFROM":
        label = element.value("LOANACCTTYPE") or element.value("ACCTTYPE")
        is_mortgage = (label or "").upper() in ("MORTGAGE", "HOMEEQUITY")
        return AccountType.MORTGAGE if is_mortgage else AccountType.LOAN, label
    label = holder.search_value("USPRODUCTTYPE")
    plan = _PLANS.get(_NOT_SIGNIFICANT.sub("", label or "").upper())
    if plan is None and (is_401k or holder.find("INV401K") is not None or holder.find("INV401KBAL") is not None):
        plan = AccountType.RETIREMENT_401K
    return plan or AccountType.BROKERAGE, label


def _name(institution: Institution, account_type: AccountType, masked: str) -> str:
    label = _LABELS.get(account_type) or account_type.value.replace("_", " ").capitalize()
    ending = masked.lstrip("*")
    words = [institution.name or "", label, f"****{ending}"]
    return " ".join(word for word in words if word)[-255:]


def read_balance(document: Document, element: Element | None) -> Balance | None:
    """Return the balance in LEDGERBAL or AVAILBAL; None when it is absent, empty or unreadable (never zero)."""
    if element is None:
        return None
    text = element.value("BALAMT")
    if text is None:
        return None
    amount = document.numbers.read(text, element.line)
    if amount is None:
        document.notices.add("balance_unreadable", element.line)
        return None
    as_of = element.value("DTASOF")
    moment = None if as_of is None else document.dates.read(as_of, element.line)
    return Balance(amount, None if moment is None else moment.on, None if moment is None else moment.at)
