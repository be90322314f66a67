"""Which faults of data and identity does this world's view put into Plaid's answers?

Without a share of a fault nothing of it is seen, so that the vendor's own client can be used in front of it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bursar.sandbox.investing import Position
from bursar.sandbox.ledger import Row
from bursar.sandbox.people import Account
from bursar.sandbox.view import View

_PLACE = "plaid"
_SLOT = timedelta(hours=6)
"""How long the bad answers about one thing last."""

_LEFT_OUT = (
    "merchant_name merchant_entity_id logo_url website counterparties personal_finance_category "
    "personal_finance_category_icon_url check_number category category_id transaction_type"
).split()
_MADE_NULL = (
    "merchant_name merchant_entity_id website personal_finance_category authorized_date category check_number"
).split()


class Blemishes:
    """What is spoilt about which row, account or request; the same question always has the same answer."""

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def is_stopped(self) -> bool:
        """Whether everything that is merely late comes now."""
        return self._view.is_stopped

    def has_no_link(self, row: Row) -> bool:
        """A2: the posted row does not name the pending one."""
        return self._strikes("A2", row.world_id)

    def overlap(self, row: Row) -> timedelta | None:
        """A3: how long the pending row stays beside the posted one; None: they change places."""
        return self._span("A3", row.world_id, 2, 72) if self._strikes("A3", row.world_id) else None

    def detour(self, row: Row) -> tuple[timedelta, timedelta] | None:
        """A7: after which time a pending row leaves, and after which further time it is back under another id."""
        if not self._strikes("A7", row.world_id):
            return None
        return self._span("A7", row.world_id, 1, 30), self._span("A7 away", row.world_id, 1, 20)

    def returns_with_new_id(self, row: Row) -> bool:
        """A9: whether a restored row has another id than before; half of them have, in worlds that restore rows."""
        if not self._view.shares.get("A9"):
            return False
        self._view.note("A9", _PLACE)
        return self._view.draw("A9", _PLACE, row.world_id) < 0.5

    def rewording(self, row: Row, wording: int) -> timedelta | None:
        """A13: after which time the row comes again as modified, in other words; None: it stays as it is."""
        if not self._strikes("A13", row.world_id, transient=True):
            return None
        return self._span("A13", f"{row.world_id}|{wording}", 3, 30)

    def is_trimmed(self, row: Row) -> bool:
        """A14: the list by date writes amounts without the zeros at their end."""
        return self._strikes("A14", row.world_id)

    def vary_row(self, row: Row, body: dict[str, object]) -> None:
        """A15: changes the wire object in a way that Plaid announces nowhere and its contract allows."""
        if not self._strikes("A15", row.world_id):
            return
        manner = int(self._view.draw("A15 how", row.world_id) * 5)
        if manner == 0:
            body |= {"settlement_rail": {"kind": "HYPERLOOP", "hops": 3}, "carbon_grams": 12.5}
        elif manner == 1:
            body |= {"payment_channel": "by pigeon", "transaction_type": "barter", "transaction_code": "barter"}
        elif manner == 2:
            body["personal_finance_category"] = {
                "primary": "BARTER",
                "detailed": "BARTER_SHELLS",
                "confidence_level": "ASTONISHING",
                "version": "v9",
            }
            body["counterparties"] = [{"name": "Oracle", "type": "oracle", "confidence_level": "ASTONISHING"}]
        elif manner == 3:
            for name in _LEFT_OUT:
                body.pop(name, None)
        else:
            body |= dict.fromkeys(_MADE_NULL)

    def vary_account(self, account: Account, body: dict[str, object]) -> None:
        """A15: the same for an account; its id, its type and its mask stay."""
        if not self._strikes("A15", account.account_id):
            return
        manner = int(self._view.draw("A15 how", account.account_id) * 3)
        if manner == 0:
            body |= {"subtype": "moon deposit", "ownership_tier": ["GOLD"]}
        elif manner == 1:
            body |= {"official_name": None, "holder_category": "household"}
        else:
            body["subtype"] = None
            del body["holder_category"]

    def lags(self, item_id: str, now: datetime) -> bool:
        """A16: the rows stand still for some hours, while the balances go on."""
        return self._strikes("A16", item_id, "rows", _slot(now), transient=True)

    def balance_fault(self, item_id: str, account: Account, now: datetime) -> str | None:
        """A16: `missing` (no ledger balance), `unknown` (no number at all, so no currency), or `old`."""
        if not self._strikes("A16", item_id, account.account_id, _slot(now), transient=True):
            return None
        roll = self._view.draw("A16 how", item_id, account.account_id, _slot(now))
        return "missing" if roll < 0.3 else "unknown" if roll < 0.45 else "old"

    def balance_age(self, item_id: str, account: Account, now: datetime) -> timedelta:
        """A16: how old an old balance is."""
        return self._span("A16", f"{item_id}|{account.account_id}|{_slot(now)}", 1, 72)

    def dates_balances(self, item_id: str) -> bool:
        """A16: whether the institution says when it read an old balance; half of them do."""
        return self._view.draw("A16 dates", item_id) < 0.5

    def spoil_holdings(
        self, item_id: str, account: Account, positions: Sequence[Position], now: datetime
    ) -> tuple[list[Position], set[str]]:
        """A17: the positions that are told, and the symbols whose security the answer does not describe."""
        told: list[Position] = []
        nameless: set[str] = set()
        for position in positions:
            key = (item_id, account.account_id, position.symbol, _slot(now))
            if not self._strikes("A17", *key, transient=True):
                told.append(position)
            elif self._view.draw("A17 how", *key) < 0.5:
                told.append(position)
                nameless.add(position.symbol)
        return told, nameless

    def hide_currency(self, item_id: str, request: int, rows: Sequence[dict[str, object]]) -> None:
        """A18: one row of an answer has neither of the two currency codes."""
        if rows and self._strikes("A18", item_id, request, transient=True):
            row = rows[int(self._view.draw("A18 which", item_id, request) * len(rows))]
            row |= {"iso_currency_code": None, "unofficial_currency_code": None}

    def changes_row_ids(self, item_id: str, consent: int) -> bool:
        """B1: a new consent to the same item gives every row another id."""
        return self._strikes("B1", item_id, consent)

    def changes_account_id(self, item_id: str, consent: int, account: Account) -> bool:
        """B2: a new consent gives an account, and so its rows, other ids; some of an item's accounts or all."""
        if not self._strikes("B2", item_id, consent):
            return False
        return self._view.draw("B2 which", item_id, consent, account.account_id) < 0.7

    def announces_new_ids(self, item_id: str, consent: int) -> bool:
        """B1, B2: whether the feed removes the old ids and adds the new ones; otherwise all cursors end."""
        return self._view.draw("new ids", item_id, consent) < 0.5

    def has_persistent_id(self, account: Account) -> bool:
        """B2, B9: whether the institution gives accounts an id that outlives items; half of them do."""
        if not (self._view.shares.get("B2") or self._view.shares.get("B9")):
            return False
        return self._view.draw("persistent ids", account.bank.key) < 0.5

    def page_size(self, item_id: str, loop: int) -> int | None:
        """C10: how short the pages of a loop are between which the data changes; None: it does not change."""
        if not self._strikes("C10", item_id, loop, transient=True):
            return None
        return 1 + int(self._view.draw("C10 size", item_id, loop) * 12)

    def rejects_cursor(self, item_id: str, loop: int) -> bool:
        """C11: all cursors that were given out so far are worth nothing any more."""
        return self._strikes("C11", item_id, loop, transient=True)

    def staleness(self, item_id: str, loop: int) -> timedelta | None:
        """C12: how far behind the copy is that answers; None: it is not."""
        if not self._strikes("C12", item_id, loop, transient=True):
            return None
        return self._span("C12", f"{item_id}|{loop}", 1, 96)

    def _strikes(self, fault: str, *key: object, transient: bool = False) -> bool:
        return self._view.strikes(fault, _PLACE, *key, transient=transient)

    def _span(self, what: str, key: str, low_hours: int, high_hours: int) -> timedelta:
        """A span in whole minutes that belongs to the key."""
        low, high = low_hours * 60, high_hours * 60
        return timedelta(minutes=low + int(self._view.draw("when", what, key) * (high - low)))


def reword(text: str, wording: int, booked: str) -> str:
    """The text in one of the ways in which banks write the same thing; `wording` 0 is the text itself.

    `booked` is the booking date as month and day.
    """
    manner = wording % 5
    if manner == 1:
        return f"  {text.replace(' ', '   ')} "
    if manner == 2:
        return text.title()
    if manner == 3:
        return f"{booked} {text}"
    if manner == 4:
        return text.lower() + " "
    return text


def _slot(now: datetime) -> int:
    return int(now.timestamp() // _SLOT.total_seconds())
