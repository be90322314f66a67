"""Which faults of data and identity does this world have, and which rows do they hit?

A world is asked through a `View`: the share of things that each fault concerns, drawn per seed. Who is hit follows from
the seed and the thing's own key, so that every face asks in any order and as often as it likes and gets one answer.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b

_WHOLE = 2**64


class IdPolicy(StrEnum):
    """What a provider's transaction ids are worth."""

    STABLE = "stable"
    """One id per state of a row: a pending row and its settled self have different ids."""
    SAME_WHEN_POSTED = "same_when_posted"
    """One id per row for ever."""
    PER_REQUEST = "per_request"
    """Every answer has new ids."""
    POSITIONAL = "positional"
    """Day and position in that day's list, so that a late row renumbers the rows behind it."""
    REUSED = "reused"
    """Now and then two different rows carry one id."""
    BLANK = "blank"
    """Some rows have an empty or a blank id."""
    PER_ACCOUNT = "per_account"
    """A counter that begins anew in each account."""


class View:
    """How the world is shown: the share of each fault (0 to 1), by the fault's name in the convergence test.

    `stop` ends those that happen anew at each request; what belongs to a row (a missing link, an id) stays with it.
    """

    def __init__(
        self,
        seed: int,
        shares: Mapping[str, float] | None = None,
        id_policies: Mapping[str, IdPolicy] | None = None,
    ) -> None:
        """`id_policies` is by the slug of a face; a face without one has its provider's documented policy."""
        self.seed = seed
        self.shares = dict(shares or {})
        self.id_policies = dict(id_policies or {})
        self.hits: Counter[tuple[str, str]] = Counter()
        """(fault, slug of the face, or `world`) -> how often it was shown."""
        self.is_stopped = False

    def stop(self) -> None:
        """No fault that happens at requests happens any more."""
        self.is_stopped = True

    def strikes(self, fault: str, place: str, *key: object, transient: bool = False) -> bool:
        """Whether a fault hits the thing named by `key` at `place` (a face's slug, or `world`), and counts the hit.

        With `transient` the fault belongs to a request, not to a row: never after `stop`.
        """
        share = self.shares.get(fault, 0.0)
        if share <= 0 or (transient and self.is_stopped):
            return False
        if self.draw(fault, *key) >= share:
            return False
        self.hits[fault, place] += 1
        return True

    def note(self, fault: str, place: str) -> None:
        """Counts something that is shown without a share deciding it."""
        self.hits[fault, place] += 1

    def draw(self, *key: object) -> float:
        """A number from [0, 1) that belongs to the seed and the key."""
        text = "|".join(map(str, (self.seed, *key)))
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / _WHOLE
