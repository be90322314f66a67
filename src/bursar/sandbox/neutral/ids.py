"""Which ids does the invented provider give, and what did each of them stand for?"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from bursar.sandbox.ledger import RowState
from bursar.sandbox.neutral.chronicle import Chronicle
from bursar.sandbox.view import IdPolicy, View

_DEFAULT_SHARE = 0.1
_BLANKS = ("", " ", "   ", "\t")

MEANINGLESS = frozenset({IdPolicy.PER_REQUEST, IdPolicy.POSITIONAL})
"""Policies under which an id does not say which row is meant."""


class Mint:
    """Makes identifiers as a pure function of the seed and the face."""

    def __init__(self, seed: int, slug: str) -> None:
        self._prefix = f"{seed}|{slug}|"
        self._known: dict[tuple[object, ...], str] = {}

    def opaque(self, *parts: object) -> str:
        """An identifier of 24 letters and digits that gives nothing of its parts away."""
        found = self._known.get(parts)
        if found is None:
            text = self._prefix + "|".join(str(part) for part in parts)
            found = self._known[parts] = "n" + blake2b(text.encode(), digest_size=12).hexdigest()[:23]
        return found

    def fresh(self, *parts: object) -> str:
        """As `opaque`, for what is made once and never asked for again."""
        text = self._prefix + "|".join(str(part) for part in parts)
        return "n" + blake2b(text.encode(), digest_size=12).hexdigest()[:23]


@dataclass(frozen=True, slots=True)
class Series:
    """Where ids are unique: a login under one consent. A new consent may begin new series."""

    login_id: str
    account_epoch: int
    row_epoch: int


class RowIds:
    """Gives rows their ids under a policy, and remembers what each id stood for."""

    def __init__(self, view: View, slug: str, mint: Mint, policy: IdPolicy) -> None:
        self._view = view
        self._slug = slug
        self._mint = mint
        self.policy = policy
        self._given: dict[tuple[str, str], str | None] = {}
        self._count = 0

    @property
    def has_links(self) -> bool:
        """Whether a settled row can name the pending row whose place it took."""
        return self.policy not in MEANINGLESS and self.policy is not IdPolicy.SAME_WHEN_POSTED

    def give(
        self, series: Series, chronicle: Chronicle, world_id: str, state: RowState, version: int, place: tuple[str, int]
    ) -> str:
        """The id of a row in a listing; `place` is its day and its position in that day's list, from 1."""
        policy = self.policy
        if policy is IdPolicy.POSITIONAL:
            self._hit("B4")
            return f"{place[0].replace('-', '')}-{place[1]:03d}"
        if policy is IdPolicy.PER_REQUEST:
            self._hit("B3")
            self._count += 1
            return self._mint.fresh("request", self._count)
        if policy is IdPolicy.PER_ACCOUNT:
            self._hit("B7")
            number = 2 * chronicle.get(world_id).index + (state is RowState.SETTLED) + 1
            return f"{series.row_epoch + 1}{number:05d}{'' if not version else f'-{version}'}"
        if policy is IdPolicy.BLANK and self._strikes("B6", world_id):
            self._hit("B6")
            return _BLANKS[int(self._view.draw("blank", world_id) * len(_BLANKS))]
        named = world_id
        if policy is IdPolicy.REUSED and chronicle.get(world_id).index and self._strikes("B5", world_id):
            self._hit("B5")
            named = chronicle.order[chronicle.get(world_id).index - 1]
        kept = "row" if policy is IdPolicy.SAME_WHEN_POSTED else state
        return self._mint.opaque("row", series.login_id, series.row_epoch, named, kept, version)

    def note(self, account_id: str, row_id: str, world_id: str) -> None:
        """Remembers that an id left the house."""
        if self.policy in MEANINGLESS or not row_id.strip():
            return
        before = self._given.setdefault((account_id, row_id), world_id)
        if before != world_id:
            self._given[account_id, row_id] = None

    def trace(self, account_id: str, row_id: str) -> str | None:
        """The row that an id stood for; None when it stood for none, or for more than one."""
        return self._given.get((account_id, row_id))

    def _strikes(self, fault: str, world_id: str) -> bool:
        # The policy is chosen, so the share only says how many; a world without shares has some all the same.
        return self._view.draw(fault, self._slug, world_id) < (self._view.shares.get(fault) or _DEFAULT_SHARE)

    def _hit(self, fault: str) -> None:
        self._view.hits[fault, self._slug] += 1


def places(days: Sequence[str]) -> list[tuple[str, int]]:
    """Each row's day and its position in that day's list, from 1."""
    counts: dict[str, int] = {}
    found: list[tuple[str, int]] = []
    for day in days:
        counts[day] = counts.get(day, 0) + 1
        found.append((day, counts[day]))
    return found
