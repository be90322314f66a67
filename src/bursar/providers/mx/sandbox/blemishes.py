"""Which faults of data and identity does this world's view put into MX's answers?

Without a share of a fault nothing of it is seen. What concerns a row's place in a list and its id is in the showing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bursar.sandbox.investing import Position
from bursar.sandbox.ledger import Row
from bursar.sandbox.people import Account
from bursar.sandbox.view import View

Body = dict[str, object]

_PLACE = "mx"
_SLOT = timedelta(hours=6)
"""How long the bad answers about one thing last."""

_OPTIONAL = (
    "memo category category_guid top_level_category merchant_guid merchant_category_code check_number_string "
    "is_bill_pay is_direct_deposit is_expense is_fee is_income is_international is_overdraft_fee is_payroll_advance "
    "is_recurring is_subscription id transacted_at"
).split()


class Blemishes:
    """What is spoilt about which row, account or listing; the same question always has the same answer."""

    def __init__(self, view: View) -> None:
        self._view = view

    def rows_at(self, member: str, now: datetime) -> datetime:
        """A16: as of when the rows are; before now they are older than the balances."""
        if self._strikes("A16", member, "rows", _slot(now), transient=True):
            return now - self._span("A16 rows", f"{member}|{_slot(now)}", 1, 30)
        return now

    def balance_fault(self, member: str, account: Account, now: datetime) -> str | None:
        """A16: `missing`, `old` (with the instant of which it is) or `undated`; None: as it is."""
        key = (member, account.account_id, _slot(now))
        if not self._strikes("A16", *key, transient=True):
            return None
        roll = self._view.draw("A16 how", *key)
        return "missing" if roll < 0.4 else "old" if roll < 0.8 else "undated"

    def balance_age(self, member: str, account: Account, now: datetime) -> timedelta:
        """A16: how old an old balance is."""
        return self._span("A16 age", f"{member}|{account.account_id}|{_slot(now)}", 1, 72)

    def spoil_positions(
        self, member: str, account: Account, positions: Sequence[Position], now: datetime
    ) -> tuple[list[Position], set[str]]:
        """A17: the positions that are told, and the symbols of those that nothing names."""
        told: list[Position] = []
        nameless: set[str] = set()
        for position in positions:
            key = (member, account.account_id, position.symbol, _slot(now))
            if not self._strikes("A17", *key, transient=True):
                told.append(position)
            elif self._view.draw("A17 how", *key) < 0.6:
                told.append(position)
                nameless.add(position.symbol)
        return told, nameless

    def vary_row(self, row: Row, body: Body) -> None:
        """A14, A15, A18: how a row can be written within the contract."""
        if self._strikes("A14", row.world_id):
            body["amount"] = trimmed(abs(row.amount))
        if self._strikes("A18", row.world_id):
            body["currency_code"] = None
        if not self._strikes("A15", row.world_id):
            return
        manner = int(self._view.draw("A15 how", row.world_id) * 4)
        if manner == 0:
            body |= {"carbon_grams": 12.5, "settlement_rail": {"kind": "HYPERLOOP", "hops": 3}}
        elif manner == 1:
            body |= {"category": "Bartering", "top_level_category": "Shells & Beads", "merchant_category_code": "9z99"}
        elif manner == 2:
            for name in _OPTIONAL:
                body.pop(name, None)
        else:
            body |= dict.fromkeys(_OPTIONAL)

    def vary_account(self, account: Account, body: Body, now: datetime) -> None:
        """A15, A18: the same for an account; its guid, its type, its name and its number stay."""
        if self._strikes("A18", "account", account.account_id, _slot(now), transient=True):
            body["currency_code"] = None
        if not self._strikes("A15", account.account_id):
            return
        manner = int(self._view.draw("A15 how", account.account_id) * 3)
        if manner == 0:
            body |= {"subtype": "MOON_DEPOSIT", "loyalty": ["GOLD", 7]}
        elif manner == 1:
            body |= dict.fromkeys(("subtype", "nickname", "apr", "apy", "routing_number", "is_hidden", "is_manual"))
        else:
            for name in ("id", "nickname", "subtype", "apr", "apy", "created_at", "is_closed"):
                body.pop(name, None)

    def loop(self, listing: str, number: int) -> str | None:
        """C9, C10: what befalls the pages after the first of a listing: `repeated`, `reordered`, `changed` or None."""
        if self._strikes("C10", listing, number, transient=True):
            return "changed"
        if self._strikes("C9", listing, number, transient=True):
            return "repeated" if self._view.draw("C9 how", listing, number) < 0.5 else "reordered"
        return None

    def page_size(self, listing: str, number: int) -> int:
        """How short the pages are of a listing to which something happens."""
        return 1 + int(self._view.draw("page size", listing, number) * 12)

    def lead(self, listing: str, number: int) -> timedelta:
        """C10: how much older the first page is than those after it."""
        return self._span("C10 lead", f"{listing}|{number}", 1, 48)

    def staleness(self, listing: str, number: int) -> timedelta:
        """C12: how far behind the copy is that answers; zero: it is not."""
        if not self._strikes("C12", listing, number, transient=True):
            return timedelta(0)
        return self._span("C12", f"{listing}|{number}", 1, 47)

    def changes_row_ids(self, member: str, consent: int) -> bool:
        """B1: signing in again gives every row another guid."""
        return self._strikes("B1", member, consent)

    def changes_account_ids(self, member: str, consent: int) -> bool:
        """B2: signing in again gives every account another guid."""
        return self._strikes("B2", member, consent)

    def _strikes(self, fault: str, *key: object, transient: bool = False) -> bool:
        return self._view.strikes(fault, _PLACE, *key, transient=transient)

    def _span(self, what: str, key: str, low_hours: int, high_hours: int) -> timedelta:
        """A span in whole minutes that belongs to the key."""
        low, high = low_hours * 60, high_hours * 60
        return timedelta(minutes=low + int(self._view.draw("when", what, key) * (high - low)))


def trimmed(amount: Decimal) -> Decimal:
    """The same amount without the zeros at its end, and without an exponent."""
    short = amount.normalize()
    return short if int(short.as_tuple().exponent) <= 0 else short.quantize(Decimal(1))


def _slot(now: datetime) -> int:
    return int(now.timestamp() // _SLOT.total_seconds())
