"""What becomes of a row in a turbulent world?

A fate is drawn whole when its row begins: a list of steps, each with its instant. Whether a fault hits a row, and how,
follows from the view's seed and the row alone, so that a fault that is switched off changes nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from bursar.sandbox.ledger import EventKind, Row, RowState
from bursar.sandbox.merchants import LOCAL_SCALE
from bursar.sandbox.people import CURRENCY_DECIMALS, Bank
from bursar.sandbox.view import View

Step = tuple[datetime, EventKind, Row]
"""When, what, and the row as an `Event` has it."""

_EXPONENTS = {currency: Decimal(1).scaleb(-decimals) for currency, decimals in CURRENCY_DECIMALS.items()}


_SOON = timedelta(days=20)
"""How long the faults take at most that soon follow a settlement."""
_LONG_AFTER = timedelta(days=61)
"""How long a change after sixty days takes at least."""


class Fates:
    """Draws what becomes of rows."""

    def __init__(self, view: View, earliest: date, latest: datetime) -> None:
        """Nothing is dated before `earliest` or happens after `latest`; a fault that would is not asked for."""
        self._view = view
        self._earliest = earliest
        self._latest = latest

    def purchase(self, bank: Bank, row: Row, settles_at: datetime) -> list[list[Step]]:
        """A pending row that settles at `settles_at` when nothing comes between; with a twin when A12 hits."""
        announced = replace(row, state=RowState.PENDING)
        begins_at = row.occurred_at
        if self._strikes("A6", row):
            vanishes_at = begins_at + self._span("A6", row, 12, 7 * 24)
            return [[(begins_at, EventKind.PENDING, announced), (vanishes_at, EventKind.CANCELLED, announced)]]
        if self._strikes("A4", row):
            announced, row = self._change_amount(announced, row)
        if self._strikes("A5", row):
            days = self._between("A5", row, -10, 9)
            moved_on = row.booked_on + timedelta(days=days + (days >= 0))
            # A bank does not book in the future: what moves forward settles that much later.
            settles_at += max(timedelta(days=(moved_on - bank.local_date(settles_at)).days), timedelta(0))
            row = replace(row, booked_on=max(moved_on, self._earliest))
        steps = [(begins_at, EventKind.PENDING, announced), (settles_at, EventKind.POSTED, row)]
        return [steps + self._aftermath(row, settles_at), *self._twin(steps)]

    def booking(self, row: Row, *, is_trade: bool = False) -> list[list[Step]]:
        """A row that is settled from the start; late when A11 or A11x hits, with a twin when A12 hits.

        A trade is only ever late: its units could not be sold again otherwise.
        """
        begins_at = row.occurred_at
        if not is_trade and self._strikes("A11x", row):
            return [[(begins_at, EventKind.HELD, row)]]
        days_left = (self._latest - begins_at).days - 3
        if days_left > 0 and self._strikes("A11", row):
            return [self._late(row, begins_at + self._span("A11", row, 24, min(45, days_left) * 24), is_trade=is_trade)]
        steps = [(begins_at, EventKind.POSTED, row)]
        if is_trade:
            return [steps]
        return [steps + self._aftermath(row, begins_at), *self._twin(steps)]

    def _late(self, row: Row, listed_at: datetime, *, is_trade: bool) -> list[Step]:
        steps = [(row.occurred_at, EventKind.HELD, row)]
        surfaced = (listed_at, EventKind.SURFACED, row)
        if is_trade:
            return [*steps, surfaced]
        # Now and then something else happens to it in the hours around its listing.
        around = max(listed_at + timedelta(hours=self._between("around", row, -40, 40)), row.occurred_at)
        if self._strikes("A8", row):
            removed = (around, EventKind.REMOVED, row)
            return [*steps, removed] if around < listed_at else [*steps, surfaced, removed]
        if self._strikes("A10", row):
            changed = self._change(row)
            modified = (around, EventKind.MODIFIED, changed)
            if around < listed_at:
                return [*steps, modified, (listed_at, EventKind.SURFACED, changed)]
            return [*steps, surfaced, modified]
        return [*steps, surfaced]

    def _aftermath(self, row: Row, at: datetime) -> list[Step]:
        """What happens to a settled and listed row: nothing, removal, removal and return, or a late change."""
        left = self._latest - at
        if left >= _SOON and self._strikes("A8", row):
            return [(at + self._span("A8", row, 5, 20 * 24), EventKind.REMOVED, row)]
        if left >= _SOON and self._strikes("A9", row):
            removed_at = at + self._span("A9", row, 5, 10 * 24)
            restored_at = removed_at + self._span("return", row, 12, 10 * 24)
            return [(removed_at, EventKind.REMOVED, row), (restored_at, EventKind.RESTORED, row)]
        if left >= _LONG_AFTER and self._strikes("A10", row):
            latest_hours = min(left, timedelta(days=75)) // timedelta(hours=1)
            modified_at = at + self._span("A10", row, 60 * 24 + 1, latest_hours)
            return [(modified_at, EventKind.MODIFIED, self._change(row))]
        return []

    def _twin(self, steps: Sequence[Step]) -> list[list[Step]]:
        """The life of a row that equals another one in everything until the bank withdraws it."""
        at, _, row = steps[-1]
        if self._latest - at < _SOON or not self._strikes("A12", row):
            return []
        removed_at = at + self._span("A12", row, 12, 10 * 24)
        world_id = f"{row.world_id}t"
        twin = [(at, kind, replace(one, world_id=world_id)) for at, kind, one in steps]
        return [[*twin, (removed_at, EventKind.REMOVED, twin[-1][2])]]

    def _change_amount(self, announced: Row, row: Row) -> tuple[Row, Row]:
        """The pending and the settled row when the amount changes between them."""
        manner = self._between("A4", row, 0, 3)
        if manner == 0:
            return replace(announced, amount=_one_dollar(row)), row
        if manner == 1:
            return announced, replace(row, amount=(row.amount * 0).quantize(_EXPONENTS[row.currency]))
        factor = (
            Decimal(self._between("tip", row, 105, 125) if manner == 2 else self._between("fx", row, 97, 103)) / 100
        )
        changed = (row.amount * factor).quantize(_EXPONENTS[row.currency])
        return announced, replace(row, amount=changed)

    def _change(self, row: Row) -> Row:
        manner = self._between("change", row, 0, 2)
        if manner == 0:
            return replace(row, description=f"{row.description} CORRECTED")
        if manner == 1:
            moved_on = row.booked_on - timedelta(days=self._between("day", row, 1, 3))
            return replace(row, booked_on=max(moved_on, self._earliest))
        return replace(row, amount=row.amount + _one_dollar(row))

    def _strikes(self, fault: str, row: Row) -> bool:
        return self._view.strikes(fault, "world", row.world_id)

    def _between(self, what: str, row: Row, low: int, high: int) -> int:
        """A whole number from `low` to `high` that belongs to this row."""
        return low + int(self._view.draw("how", what, row.world_id) * (high - low + 1))

    def _span(self, what: str, row: Row, low_hours: int, high_hours: int) -> timedelta:
        """A span in whole minutes."""
        low, high = low_hours * 60, high_hours * 60
        return timedelta(minutes=low + int(self._view.draw("when", what, row.world_id) * (high - low)))


def mirror(steps: Sequence[Step], account_id: str) -> list[Step]:
    """The same life as another account lists it, with world ids of its own."""
    return [
        (at, kind, replace(row, account_id=account_id, world_id=_moved(row, account_id))) for at, kind, row in steps
    ]


def _moved(row: Row, account_id: str) -> str:
    return account_id + row.world_id.removeprefix(row.account_id)


def _one_dollar(row: Row) -> Decimal:
    """What one dollar buys, in the row's currency and direction."""
    units = Decimal(LOCAL_SCALE[row.currency]).scaleb(-CURRENCY_DECIMALS[row.currency])
    return units.copy_sign(row.amount)
