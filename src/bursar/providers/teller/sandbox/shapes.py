"""What do accounts, balances, rows and owners look like in Teller's answers?"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bursar.sandbox.ledger import Purpose, Row, RowState, Truth
from bursar.sandbox.neutral.showing import Shown
from bursar.sandbox.people import Account, AccountKind, Person

Member = dict[str, Any]

HOST = "https://api.teller.io"
_ENRICHED_AFTER = timedelta(hours=3)

_SUBTYPES = {
    AccountKind.CHECKING: ("depository", "checking"),
    AccountKind.SAVINGS: ("depository", "savings"),
    AccountKind.CREDIT_CARD: ("credit", "credit_card"),
}
_CATEGORIES = {
    Purpose.SALARY: "income",
    Purpose.RENT: "home",
    Purpose.UTILITIES: "utilities",
    Purpose.SUBSCRIPTION: "service",
    Purpose.GROCERIES: "groceries",
    Purpose.COFFEE: "dining",
    Purpose.RESTAURANT: "dining",
    Purpose.FUEL: "fuel",
    Purpose.SHOPPING: "shopping",
    Purpose.LOAN_PAYMENT: "loan",
}
_TYPES = {
    Purpose.SALARY: "ach",
    Purpose.RENT: "ach",
    Purpose.UTILITIES: "bill_payment",
    Purpose.CASH: "atm",
    Purpose.CARD_PAYMENT: "transfer",
    Purpose.TRANSFER: "transfer",
    Purpose.INTEREST: "interest",
    Purpose.FEE: "fee",
    Purpose.LOAN_PAYMENT: "ach",
    Purpose.OTHER: "transaction",
}


def is_credit(account: Account) -> bool:
    """Whether positive means owed."""
    return account.kind is AccountKind.CREDIT_CARD


def money(amount: Decimal, account: Account) -> str:
    """An amount of the holder's sign as Teller writes it; a negative zero has no sign."""
    turned = -amount if is_credit(account) else amount
    return format(turned or abs(turned), "f")


def account_object(
    account: Account, account_id: str, enrollment_id: str, *, status: str, without: set[str], name: str | None = None
) -> Member:
    """An account."""
    kind, subtype = _SUBTYPES[account.kind]
    self_link = f"{HOST}/accounts/{account_id}"
    links = {name: f"{self_link}/{name}" for name in ("details", "balances", "transactions") if name not in without}
    if account.kind is AccountKind.CHECKING:
        links["payments"] = f"{self_link}/payments"
    else:
        links.pop("details", None) if is_credit(account) else None
    return {
        "id": account_id,
        "enrollment_id": enrollment_id,
        "name": name or account.name,
        "last_four": account.mask,
        "currency": account.currency,
        "type": kind,
        "subtype": subtype,
        "status": status,
        "institution": {"id": account.bank.key, "name": account.bank.name},
        "links": {"self": self_link, **links},
    }


def balances_object(account: Account, account_id: str, truth: Truth, *, has_ledger: bool) -> Member:
    """What the bank says; of a card the available part of its limit."""
    pending = sum((row.amount for row in truth.pending), Decimal(0))
    spendable = truth.balance + pending + (account.credit_limit or Decimal(0))
    return {
        "account_id": account_id,
        "ledger": money(truth.balance, account) if has_ledger else None,
        "available": format(spendable or abs(spendable), "f"),
        "links": {
            "self": f"{HOST}/accounts/{account_id}/balances",
            "account": f"{HOST}/accounts/{account_id}",
        },
    }


def row_object(shown: Shown, account: Account, account_id: str, running: Decimal | None, now: datetime) -> Member:
    """A row; the newest are not enriched yet."""
    row = shown.row
    is_enriched = now - row.occurred_at >= _ENRICHED_AFTER
    self_link = f"{HOST}/accounts/{account_id}"
    return {
        "id": shown.row_id,
        "account_id": account_id,
        "amount": money(row.amount, account),
        "date": row.booked_on.isoformat(),
        "description": shown.text,
        "status": "pending" if row.state is RowState.PENDING else "posted",
        "type": _TYPES.get(row.purpose, "card_payment"),
        "running_balance": None if running is None else money(running, account),
        "details": {
            "processing_status": "complete" if is_enriched else "pending",
            "category": _CATEGORIES.get(row.purpose, "general") if is_enriched else None,
            "counterparty": _counterparty(row) if is_enriched else None,
        },
        "links": {"self": f"{self_link}/transactions/{shown.row_id}", "account": self_link},
    }


def _counterparty(row: Row) -> Member | None:
    if row.counterparty is None:
        return None
    return {"name": row.counterparty.upper(), "type": "organization"}


def owner_object(person: Person) -> Member:
    """A holder of an account."""
    return {
        "type": "person",
        "names": [{"type": "name", "data": person.name}],
        "addresses": [
            {
                "primary": True,
                "data": {
                    "street": person.street,
                    "city": person.city,
                    "region": None,
                    "postal_code": person.postal_code,
                    "country": person.country,
                },
            }
        ],
        "phone_numbers": [{"type": "mobile", "data": person.phone}],
        "emails": [{"data": person.email}],
    }
