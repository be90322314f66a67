"""Which faults of data and identity does this world's view put into the answers of Flanks?

Without a share of a fault nothing of it is seen. What is settled only and has one id for ever cannot show all of them:
see `traits`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bursar.sandbox.people import Account
from bursar.sandbox.view import View

Member = dict[str, Any]

_PLACE = "flanks"
_SLOT = timedelta(hours=6)
"""How long the bad answers about one thing last."""


class Blemishes:
    """What is spoilt about which row, account or request; the same question always has the same answer."""

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def is_stopped(self) -> bool:
        """Whether everything that is merely late comes now."""
        return self._view.is_stopped

    def rows_at(self, token: str, now: datetime) -> datetime:
        """A16: as of when the movements are; before now they are older than the balances."""
        if self._strikes("A16", token, "rows", _slot(now), transient=True):
            return now - self._span("A16 rows", f"{token}|{_slot(now)}", 1, 30)
        return now

    def balance_at(self, token: str, account: Account, now: datetime) -> datetime | None:
        """A16: as of when a balance is; None: it is missing."""
        key = (token, account.account_id, _slot(now))
        if not self._strikes("A16", *key, transient=True):
            return now
        if self._view.draw("A16 how", *key) < 0.4:
            return None
        return now - self._span("A16 age", f"{token}|{account.account_id}|{_slot(now)}", 1, 72)

    def reword(self, world_id: str, text: str, now: datetime) -> str:
        """A13: the text as this extraction has it."""
        if not self._strikes("A13", world_id, _slot(now), transient=True):
            return text
        manner = int(self._view.draw("A13 how", world_id, _slot(now)) * 4)
        return (f"  {text.replace(' ', '   ')} ", text.title(), f"CARGO {text}", text.lower() + " ")[manner]

    def lacks_position(self, token: str, symbol: str, account: Account, now: datetime) -> bool:
        """A17: whether the details of a position are missing, although the products list it."""
        return self._strikes("A17", token, account.account_id, symbol, _slot(now), transient=True)

    def vary_account(self, account: Account, member: Member) -> None:
        """A15: what the contract allows an account, card or debt to be without announcing it."""
        if not self._strikes("A15", account.account_id):
            return
        manner = int(self._view.draw("A15 how", account.account_id) * 3)
        if manner == 0:
            member |= {"type": "moonDeposit", "esgScore": {"letter": "A", "points": [1, 2]}}
        elif manner == 1:
            member |= dict.fromkeys(name for name in ("alias", "owners", "availableBalance", "limit") if name in member)
        else:
            for name in ("external_id", "updated_at_timestamp", "numOwners", "isOwner", "description"):
                member.pop(name, None)

    def vary_row(self, world_id: str, member: Member) -> None:
        """A14, A15: how a row of the listing of all products is written otherwise than in the lists of each kind."""
        amount = member["amount"]
        if amount is not None and self._strikes("A14", world_id):
            # The listing may write an amount as a text, and has no zeros at its end.
            member["amount"] = format(amount.normalize(), "f")
        if not self._strikes("A15", world_id):
            return
        manner = int(self._view.draw("A15 how", world_id) * 3)
        if manner == 0:
            member |= {"category": "Trueque", "carbon": {"grams": 12}}
        elif manner == 1:
            member |= dict.fromkeys(("category", "labels"))
        else:
            del member["category"], member["labels"]

    def hide_currency(self, request: int, rows: Sequence[Member]) -> None:
        """A18: one row of an answer has no currency."""
        if rows and self._strikes("A18", request, transient=True):
            rows[int(self._view.draw("A18 which", request) * len(rows))]["currency"] = None

    def page_size(self, request: int) -> int | None:
        """C10: how short the pages of a listing are between which the data changes; None: it does not change."""
        if not self._strikes("C10", request, transient=True):
            return None
        return 1 + int(self._view.draw("C10 size", request) * 12)

    def lead(self, request: int) -> timedelta:
        """C10: how much older the first page is than those after it."""
        return self._span("C10 lead", str(request), 1, 48)

    def rejects_page(self, token: str) -> bool:
        """C11: a page token is worth nothing any more."""
        return self._strikes("C11", token, transient=True)

    def changes_row_ids(self, token: str, consent: int) -> bool:
        """B1: signing in again gives every movement another id."""
        return self._strikes("B1", token, consent)

    def changes_account_ids(self, token: str, consent: int) -> bool:
        """B2: signing in again gives accounts and cards that show their number other ids."""
        return self._strikes("B2", token, consent)

    def _strikes(self, fault: str, *key: object, transient: bool = False) -> bool:
        return self._view.strikes(fault, _PLACE, *key, transient=transient)

    def _span(self, what: str, key: str, low_hours: int, high_hours: int) -> timedelta:
        """A span in whole minutes that belongs to the key."""
        low, high = low_hours * 60, high_hours * 60
        return timedelta(minutes=low + int(self._view.draw("when", what, key) * (high - low)))


def _slot(now: datetime) -> int:
    return int(now.timestamp() // _SLOT.total_seconds())
