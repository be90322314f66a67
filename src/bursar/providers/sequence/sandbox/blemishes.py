"""Which faults of data does this world's view put into the answers of Sequence?

Without a share of a fault nothing of it is seen. One id from pending to complete, whole cents and one currency leave no
room for many of them: see `traits`.
"""

from datetime import datetime, timedelta

from bursar.providers.sequence.sandbox.records import Place, PlaceKind, Transfer
from bursar.sandbox.people import Account
from bursar.sandbox.view import View

_PLACE = "sequence"
_SLOT = timedelta(hours=6)
"""How long the bad answers about one thing last."""


class Blemishes:
    """What is spoilt about which row, place or request; the same question always has the same answer."""

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def is_stopped(self) -> bool:
        """Whether everything that is merely late comes now."""
        return self._view.is_stopped

    def rows_at(self, user_id: str, now: datetime) -> datetime:
        """A16: as of when the transfers are; before now they are older than the balances."""
        if self._strikes("A16", user_id, "rows", _slot(now), transient=True):
            return now - self._span("A16 rows", f"{user_id}|{_slot(now)}", 1, 30)
        return now

    def balance_at(self, user_id: str, account: Account, now: datetime) -> datetime | None:
        """A16: as of when a balance is; None: it is missing."""
        key = (user_id, account.account_id, _slot(now))
        if not self._strikes("A16", *key, transient=True):
            return now
        if self._view.draw("A16 how", *key) < 0.4:
            return None
        return now - self._span("A16 age", f"{user_id}|{account.account_id}|{_slot(now)}", 1, 72)

    def drops_metadata(self, user_id: str, account: Account, now: datetime) -> bool:
        """A16: whether a missing balance is missing with all that is around it."""
        return self._view.draw("A16 metadata", user_id, account.account_id, _slot(now)) < 0.5

    def reword(self, world_id: str, text: str, now: datetime) -> str:
        """A13: the text as it is told in these hours."""
        if not self._strikes("A13", world_id, _slot(now), transient=True):
            return text
        manner = int(self._view.draw("A13 how", world_id, _slot(now)) * 4)
        return (f"  {text.replace(' ', '   ')} ", text.title(), f"ACH {text}", text.lower() + " ")[manner]

    def vary_place(self, account: Account, place: Place) -> None:
        """A15: what the schema allows a pod or port to be without announcing it."""
        if not self._strikes("A15", account.account_id):
            return
        place.icon = None
        if place.kind is PlaceKind.POD:
            place.type = "MOON_POD" if self._view.draw("A15 how", account.account_id) < 0.5 else None

    def vary_transfer(self, world_id: str, transfer: Transfer) -> None:
        """A15: kinds that nobody knows, and nulls wherever the schema allows them but at the ends of the transfer."""
        if not self._strikes("A15", world_id):
            return
        manner = int(self._view.draw("A15 how", world_id) * 4)
        if manner == 0:
            transfer.type, transfer.activity_type = "BARTER", "CASHBACK"
        elif manner == 1:
            transfer.direction = transfer.activity_type = transfer.updated_at = None
        elif manner == 2:
            transfer.description = transfer.details = transfer.error_reason = None
        elif transfer.status == "PENDING":
            transfer.status = "PENDING_APPROVAL"
        elif transfer.status == "FAILED":
            transfer.status = "ERROR"

    def changes_between_pages(self, listing: int) -> bool:
        """C10: whether the first page of a listing is older than those after it."""
        return self._strikes("C10", listing, transient=True)

    def rejects_cursor(self, listing: int) -> bool:
        """C11: whether the first cursor of a listing is worth nothing any more when it is used."""
        return self._strikes("C11", listing, transient=True)

    def page_size(self, listing: int, row_count: int) -> int:
        """How short the pages of a spoilt listing are, which always has a second one."""
        return 1 + int(self._view.draw("page size", listing) * min(row_count - 1, 12))

    def lead(self, listing: int) -> timedelta:
        """C10: how much older the first page is than those after it."""
        return self._span("C10 lead", str(listing), 1, 48)

    def is_steady(self, world_id: str) -> bool:
        """Whether nothing of what this world does to rows ever happens to this one."""
        shares = self._view.shares
        return all(self._view.draw(code, world_id) >= shares.get(code, 0.0) for code in _FATES)

    def is_handed_over(self, world_id: str) -> bool:
        """Whether a pending payment has left Sequence, and is not being processed by it."""
        return self._view.draw("handed over", world_id) < 0.5

    def _strikes(self, fault: str, *key: object, transient: bool = False) -> bool:
        return self._view.strikes(fault, _PLACE, *key, transient=transient)

    def _span(self, what: str, key: str, low_hours: int, high_hours: int) -> timedelta:
        """A span in whole minutes that belongs to the key."""
        low, high = low_hours * 60, high_hours * 60
        return timedelta(minutes=low + int(self._view.draw("when", what, key) * (high - low)))


_FATES = ("A4", "A5", "A6", "A8", "A9", "A10", "A11", "A11x", "A12")
"""What the world does to single rows, and so to one side of a transfer between own accounts."""


def _slot(now: datetime) -> int:
    return int(now.timestamp() // _SLOT.total_seconds())
