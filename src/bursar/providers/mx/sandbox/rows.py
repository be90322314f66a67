"""Which guid does MX give a row, and what becomes of it when the row is posted?

Whether a row keeps its guid is not documented. Here it does, but for the rows that A2 hits: MX names no pending row in
a posted one, so another guid is the one way in which the link between the two can be missing.
"""

from datetime import datetime, timedelta

from bursar.providers.mx.sandbox.ids import GuidMint
from bursar.sandbox.ledger import Row, RowState
from bursar.sandbox.neutral.chronicle import Chronicle, Past
from bursar.sandbox.neutral.ids import RowIds, Series
from bursar.sandbox.neutral.showing import Showing
from bursar.sandbox.view import IdPolicy, View
from bursar.sandbox.world import World

_PLACE = "mx"
_LINGERING_SHARE = 0.5


class RowGuids(RowIds):
    """Gives rows their guids, and remembers what each stood for."""

    def __init__(self, view: View, mint: GuidMint) -> None:
        # What the parent asks its policy is whether a pending row and its posted self can be told apart.
        super().__init__(view, _PLACE, mint, IdPolicy.STABLE)
        self._row_view = view
        self._guids = mint

    @property
    def has_links(self) -> bool:
        """Nothing names the pending row."""
        return False

    def changes_when_posted(self, world_id: str) -> bool:
        """A2: whether a posted row has another guid than its pending self."""
        return self._row_view.strikes("A2", _PLACE, world_id)

    def give(
        self, series: Series, chronicle: Chronicle, world_id: str, state: RowState, version: int, place: tuple[str, int]
    ) -> str:
        """The guid of a row."""
        kept = state if self.changes_when_posted(world_id) else "row"
        return self._guids.opaque("row", series.login_id, series.row_epoch, world_id, kept, version)


class MXShowing(Showing):
    """The world's rows as MX lists them."""

    def __init__(self, world: World, guids: RowGuids) -> None:
        super().__init__(world, _PLACE, guids)
        self._row_guids = guids
        self._row_view = world.view

    def _lingers(self, row: Row, past: Past, at: datetime) -> bool:
        """A3: the pending row beside the settled one; only two guids can be listed at once.

        Few rows have two, so that of these every second one lingers in a world that has the fault at all.
        """
        view = self._row_view
        if view.is_stopped or not view.shares.get("A3") or past.posted_at is None or past.returns:
            return False
        hours = 1 + int(view.draw("lingers", _PLACE, row.world_id) * 71)
        if at >= past.posted_at + timedelta(hours=hours) or not self._row_guids.changes_when_posted(row.world_id):
            return False
        if view.draw("A3", _PLACE, row.world_id) >= _LINGERING_SHARE:
            return False
        view.note("A3", _PLACE)
        return True
