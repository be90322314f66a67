"""How does MX describe accounts, rows, positions, owners and numbers?"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from bursar.providers.mx.sandbox.blemishes import Blemishes
from bursar.providers.mx.sandbox.ids import GuidMint
from bursar.providers.mx.sandbox.members import Member, wire_instant
from bursar.sandbox.investing import Position
from bursar.sandbox.ledger import Purpose, Row, RowState
from bursar.sandbox.market import SECURITIES, SecurityKind
from bursar.sandbox.neutral.showing import Shown
from bursar.sandbox.people import Account, AccountKind, Person
from bursar.sandbox.world import World

Body = dict[str, object]

_TYPES = {
    AccountKind.CHECKING: ("CHECKING", None),
    AccountKind.SAVINGS: ("SAVINGS", None),
    AccountKind.CREDIT_CARD: ("CREDIT_CARD", None),
    AccountKind.LOAN: ("LOAN", None),
    AccountKind.BROKERAGE: ("INVESTMENT", "BROKERAGE"),
}
_OWED = frozenset({AccountKind.CREDIT_CARD, AccountKind.LOAN})
_HOLDING_TYPES = {
    SecurityKind.EQUITY: "EQUITY",
    SecurityKind.ETF: "EXCHANGE_TRADED_FUND",
    SecurityKind.MUTUAL_FUND: "MUTUAL_FUND",
}
# Category and top-level category; where the way of the money decides, (enters, leaves).
_CATEGORIES: Mapping[Purpose, tuple[str, str]] = {
    Purpose.SALARY: ("Paycheck", "Income"),
    Purpose.RENT: ("Mortgage & Rent", "Home"),
    Purpose.UTILITIES: ("Utilities", "Bills & Utilities"),
    Purpose.SUBSCRIPTION: ("Television", "Bills & Utilities"),
    Purpose.GROCERIES: ("Groceries", "Food & Dining"),
    Purpose.COFFEE: ("Coffee Shops", "Food & Dining"),
    Purpose.RESTAURANT: ("Restaurants", "Food & Dining"),
    Purpose.FUEL: ("Gas", "Auto & Transport"),
    Purpose.SHOPPING: ("Shopping", "Shopping"),
    Purpose.CASH: ("Cash", "Uncategorized"),
    Purpose.CARD_PAYMENT: ("Credit Card Payment", "Transfer"),
    Purpose.TRANSFER: ("Transfer", "Transfer"),
    Purpose.FEE: ("Banking Fee", "Fees & Charges"),
    Purpose.LOAN_PAYMENT: ("Loan Payment", "Bills & Utilities"),
    Purpose.BUY: ("Buy", "Investments"),
    Purpose.SELL: ("Sell", "Investments"),
    Purpose.DIVIDEND: ("Dividends & Cap Gains", "Investments"),
}
_UNKNOWN = ("Uncategorized", "Uncategorized")


class Renderer:
    """Turns what the world has into MX's objects."""

    def __init__(self, world: World, mint: GuidMint, blemishes: Blemishes) -> None:
        self._world = world
        self._mint = mint
        self._blemishes = blemishes

    def account(self, member: Member, account: Account, guid: str) -> Body:
        """An account: what is owed is positive, and an investment account is worth its positions, too."""
        kind, subtype = _TYPES[account.kind]
        now = self._world.now
        fault = self._blemishes.balance_fault(member.guid, account, now)
        at: datetime | None = None
        if fault in ("old", "undated"):
            age = self._blemishes.balance_age(member.guid, account, now)
            at = max(now - age, account.opened_at)
        balances = self._balances(account, at)
        if fault == "missing":
            balances["balance"] = None
        imported_at = None if fault == "undated" else wire_instant(at or now)
        rate = account.annual_rate * 100
        body: Body = {
            "guid": guid,
            "id": None,
            "user_guid": member.user.guid,
            "member_guid": member.guid,
            "name": account.name,
            "nickname": None,
            "institution_code": member.institution_code,
            "type": kind,
            "subtype": subtype,
            "currency_code": account.currency,
            **balances,
            "account_number": "X" * (len(account.number) - 4) + account.mask,
            "routing_number": None,
            "apr": rate if account.kind in _OWED else None,
            "apy": None if account.kind in _OWED else rate,
            "interest_rate": None,
            "is_closed": False,
            "is_hidden": False,
            "is_manual": False,
            "imported_at": imported_at,
            "created_at": wire_instant(member.created_at),
            "updated_at": wire_instant(now),
        }
        self._blemishes.vary_account(account, body, now)
        return body

    def _balances(self, account: Account, at: datetime | None) -> Body:
        world = self._world
        if at is None:
            log = world.get_log(account.account_id)
            ledger, pending = log.balance, log.pending_total
        else:
            truth = world.truth(account.account_id, at)
            ledger, pending = truth.balance, sum((row.amount for row in truth.pending), Decimal(0))
        names: tuple[str, ...] = ("balance", "available_balance", "available_credit", "credit_limit", "cash_balance")
        body: Body = {}
        body |= dict.fromkeys(names)
        if account.kind is AccountKind.BROKERAGE:
            held = sum((one.value for one in world.positions(account.account_id, at)), Decimal(0))
            body |= {"balance": plain(ledger + held), "cash_balance": plain(ledger)}
        elif account.kind in _OWED:
            body |= {"balance": plain(-ledger)}
            if account.credit_limit is not None:
                body |= {
                    "available_credit": plain(account.credit_limit + ledger + pending),
                    "credit_limit": account.credit_limit,
                }
        else:
            body |= {"balance": plain(ledger), "available_balance": plain(ledger + pending)}
        return body

    def row(self, member: Member, account_guid: str, shown: Shown, created_at: datetime, updated_at: datetime) -> Body:
        """A row: the amount has no sign, and `date` is the day on which it happened."""
        row = shown.row
        is_pending = row.state is RowState.PENDING
        happened_on = row.booked_on if is_pending else row.authorized_on
        category, top_level = _category(row)
        enters = row.amount > 0
        body: Body = {
            "guid": shown.row_id,
            "id": None,
            "account_guid": account_guid,
            "member_guid": member.guid,
            "user_guid": member.user.guid,
            "amount": abs(row.amount),
            "type": "CREDIT" if enters else "DEBIT",
            "status": "PENDING" if is_pending else "POSTED",
            "date": happened_on.isoformat(),
            "transacted_at": _noon(happened_on),
            "posted_at": None if is_pending else _noon(row.booked_on),
            "description": row.counterparty or row.description.title(),
            "original_description": shown.text,
            "memo": None,
            "category": category,
            "category_guid": None,
            "top_level_category": top_level,
            "merchant_guid": None if row.counterparty is None else self._mint.opaque("merchant", row.counterparty),
            "merchant_category_code": None,
            "check_number_string": None,
            "currency_code": row.currency,
            "is_bill_pay": False,
            "is_direct_deposit": row.purpose is Purpose.SALARY,
            "is_expense": not enters,
            "is_fee": row.purpose is Purpose.FEE,
            "is_income": row.purpose is Purpose.SALARY,
            "is_international": None,
            "is_overdraft_fee": False,
            "is_payroll_advance": False,
            "is_recurring": None,
            "is_subscription": row.purpose is Purpose.SUBSCRIPTION,
            "created_at": wire_instant(created_at),
            "updated_at": wire_instant(updated_at),
        }
        self._blemishes.vary_row(row, body)
        return body

    def holdings(self, member: Member, account: Account, account_guid: str) -> list[Body]:
        """The positions of an account; its cash is not among them."""
        positions, nameless = self._blemishes.spoil_positions(
            member.guid, account, self._world.positions(account.account_id), self._world.now
        )
        bodies = [self._holding(member, account_guid, account, position) for position in positions]
        for body in bodies:
            if body["symbol"] in nameless:
                body |= {"symbol": None, "description": None}
        return bodies

    def _holding(self, member: Member, account_guid: str, account: Account, position: Position) -> Body:
        security = SECURITIES[position.symbol]
        return {
            "guid": self._mint.opaque("holding", account_guid, position.symbol),
            "account_guid": account_guid,
            "member_guid": member.guid,
            "user_guid": member.user.guid,
            "symbol": position.symbol,
            "description": security.name,
            "holding_type": _HOLDING_TYPES[security.kind],
            # The one number that MX writes as a text.
            "quantity": f"{position.quantity:f}",
            "current_price": position.price,
            "current_price_as_of": position.price_on.isoformat(),
            "market_value": position.value,
            "cost_basis": position.cost,
            "purchase_price": None,
            "currency_code": account.currency,
            "put_or_call": None,
            "created_at": wire_instant(member.created_at),
        }

    def owner(self, member: Member, account_guid: str, person: Person) -> Body:
        """A holder of an account."""
        first, _, last = person.name.rpartition(" ")
        return {
            "guid": self._mint.opaque("owner", account_guid, person.email),
            "account_guid": account_guid,
            "member_guid": member.guid,
            "user_guid": member.user.guid,
            "owner_name": person.name,
            "first_name": first or None,
            "last_name": last,
            "address": person.street,
            "city": person.city,
            "state": None,
            "postal_code": person.postal_code,
            "country": person.country,
            "email": person.email,
            "phone": person.phone,
        }

    def number(self, member: Member, account_guid: str, account: Account) -> Body:
        """The full number of a deposit account."""
        return {
            "guid": self._mint.opaque("number", account_guid),
            "account_guid": account_guid,
            "member_guid": member.guid,
            "user_guid": member.user.guid,
            "account_number": account.number,
            "routing_number": account.bank.bank_code,
            "institution_number": None,
            "transit_number": None,
            "loan_guarantor": None,
            "loan_reference_number": None,
            "sequence_number": None,
            "passed_validation": True,
        }


def plain(amount: Decimal) -> Decimal:
    """The amount without a negative zero, which JSON could express and no bank means."""
    return amount or abs(amount)


def _noon(day: date) -> str | None:
    return wire_instant(datetime.combine(day, time(12), tzinfo=UTC))


def _category(row: Row) -> tuple[str, str]:
    if row.purpose is Purpose.INTEREST:
        return ("Interest Income", "Income") if row.amount > 0 else ("Finance Charge", "Fees & Charges")
    return _CATEGORIES.get(row.purpose, _UNKNOWN)
