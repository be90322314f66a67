"""Which faults of data does this world's view put into Teller's answers?

Without a share of a fault nothing of it is seen. What a row's place and id in a list suffer is in `bursar.sandbox`.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bursar.sandbox.ledger import RowState
from bursar.sandbox.neutral.chronicle import Chronicle
from bursar.sandbox.neutral.ids import Mint, RowIds, Series
from bursar.sandbox.people import Account
from bursar.sandbox.view import IdPolicy, View

PLACE = "teller"
_SLOT = timedelta(hours=6)
"""How long the bad answers about one thing last."""

Member = dict[str, Any]


class TellerRowIds(RowIds):
    """One id from pending to posted, as Teller documents; with A2 a row that Teller cannot match posts under another.

    There is no word for the row before: whoever reads has to find the pair.
    """

    def __init__(self, view: View, mint: Mint, policy: IdPolicy) -> None:
        super().__init__(view, PLACE, mint, policy)
        self._blemishes = view

    def give(
        self, series: Series, chronicle: Chronicle, world_id: str, state: RowState, version: int, place: tuple[str, int]
    ) -> str:
        """The id of a row in a listing."""
        was_pending = state is RowState.SETTLED and chronicle.get(world_id).pending is not None
        if was_pending and self.policy is IdPolicy.SAME_WHEN_POSTED and self._blemishes.strikes("A2", PLACE, world_id):
            version += 1000
        return f"txn_{super().give(series, chronicle, world_id, state, version, place)[1:]}"


class Blemishes:
    """What is spoilt about which row, account or request; the same question always has the same answer."""

    def __init__(self, view: View) -> None:
        self._view = view

    def rows_at(self, enrollment_id: str, now: datetime) -> datetime:
        """A16: as of when the rows are; before now they are older than the balances."""
        if self._strikes("A16", enrollment_id, "rows", _slot(now), transient=True):
            return now - self._span("A16 rows", f"{enrollment_id}|{_slot(now)}", 1, 30)
        return now

    def balance_at(self, enrollment_id: str, account: Account, now: datetime) -> datetime | None:
        """A16: as of when a balance is; None: there is none."""
        key = (enrollment_id, account.account_id, _slot(now))
        if not self._strikes("A16", *key, transient=True):
            return now
        if self._view.draw("A16 how", *key) < 0.4:
            return None
        return now - self._span("A16 age", f"{enrollment_id}|{account.account_id}|{_slot(now)}", 1, 72)

    def vary_account(self, account: Account, member: Member) -> None:
        """A15: what the contract allows an account to be without announcing it."""
        if not self._strikes("A15", account.account_id):
            return
        manner = int(self._view.draw("A15 how", account.account_id) * 3)
        if manner == 0:
            member |= {"subtype": "moon_deposit", "carbon": {"grams": 12}}
        elif manner == 1:
            member["status"] = "sleepy"
        else:
            member["links"]["carbon"] = "https://api.teller.io/carbon"

    def vary_row(self, world_id: str, member: Member) -> None:
        """A14, A15: amounts without the zeros at their end; words and members that nobody knows, and nulls."""
        if self._strikes("A14", world_id):
            member["amount"] = _trimmed(member["amount"])
        if not self._strikes("A15", world_id):
            return
        manner = int(self._view.draw("A15 how", world_id) * 4)
        if manner == 0:
            member |= {"type": "barter", "carbon": {"grams": 12}}
            member["details"]["category"] = "shells"
        elif manner == 1:
            member["details"] |= {"category": None, "counterparty": None, "processing_status": "astonished"}
        elif manner == 2:
            member["details"]["counterparty"] = {"name": None, "type": "oracle"}
        else:
            member["running_balance"] = None

    def is_older(self, listing: int) -> timedelta | None:
        """C10: how much older the first page of a listing is than those after it; None: it is not."""
        if not self._strikes("C10", listing, transient=True):
            return None
        return self._span("C10 lead", str(listing), 1, 48)

    def rejects_place(self, request: int) -> bool:
        """C11: the row that a page begins behind is not known any more."""
        return self._strikes("C11", request, transient=True)

    def _strikes(self, fault: str, *key: object, transient: bool = False) -> bool:
        return self._view.strikes(fault, PLACE, *key, transient=transient)

    def _span(self, what: str, key: str, low_hours: int, high_hours: int) -> timedelta:
        """A span in whole minutes that belongs to the key."""
        low, high = low_hours * 60, high_hours * 60
        return timedelta(minutes=low + int(self._view.draw("when", what, key) * (high - low)))


def _trimmed(text: str) -> str:
    return format(Decimal(text).normalize(), "f")


def _slot(now: datetime) -> int:
    return int(now.timestamp() // _SLOT.total_seconds())
