"""What has changed for one login since a cursor?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bursar.sandbox.neutral.ids import Mint
from bursar.sandbox.neutral.problems import NeutralProblemError
from bursar.sandbox.neutral.showing import Shown

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One word of the feed; `kind` is `added`, `modified` or `removed`."""

    kind: str
    account_id: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changes in their order."""

    changes: Sequence[Change]
    next_cursor: str
    has_more: bool


class Feed:
    """An append-only log of changes, made by comparing what is shown with what was shown before.

    Whatever strange things a list does (a row away for a day, two rows at once, a text that changes with each poll),
    the feed tells as additions, edits and removals, and so stays consistent with the list.
    """

    def __init__(self, mint: Mint, name: str) -> None:
        self._mint = mint
        self._name = name
        self._changes: list[Change] = []
        self._listed: dict[_Key, Shown] = {}
        self._absent: dict[str, dict[_Key, Shown]] = {}
        self._snapshots: dict[int, list[Change]] = {}
        self.is_started = False

    def catch_up(self, shown: Mapping[str, Sequence[Shown]]) -> None:
        """Takes over what is shown now, by account id."""
        self.is_started = True
        for account_id in {key[0] for key in self._listed} - shown.keys():
            # No removals: the account is out of sight, and nobody knows what becomes of its rows.
            gone = {key: one for key, one in self._listed.items() if key[0] == account_id}
            self._absent[account_id] = gone
            for key in gone:
                del self._listed[key]
        now = {(account_id, one.row_id): one for account_id, rows in shown.items() for one in rows}
        before = dict(self._listed)
        for account_id in [name for name in self._absent if name in shown]:
            for key, one in self._absent.pop(account_id).items():
                if key not in now:
                    self._changes.append(Change("removed", account_id, one))
        for key, one in now.items():
            if key not in before:
                self._changes.append(Change("added", key[0], one))
            elif before[key] != one:
                self._changes.append(Change("modified", key[0], one))
        for key, one in before.items():
            if key not in now:
                self._changes.append(Change("removed", key[0], one))
        self._listed = now

    def page(self, cursor: str | None, count: int) -> Page:
        """The page that a cursor stands for (None: the beginning); a cursor of another feed is refused."""
        if cursor is None:
            is_whole, offset, head = True, 0, len(self._changes)
            self._snapshots = {head: [Change("added", key[0], one) for key, one in self._listed.items()]}
        else:
            is_whole, offset, head = self._read_cursor(cursor)
        if is_whole:
            known = self._snapshots.get(head)
            if known is None:
                raise data_changed()
            waiting: Sequence[Change] = known[offset:]
        else:
            waiting = self._changes[offset:head]
        served = waiting[:count]
        has_more = len(waiting) > count
        following = (is_whole, offset + count, head) if has_more else (False, head, -1)
        return Page(served, self._write_cursor(*following), has_more)

    def is_first(self, cursor: str | None) -> bool:
        """Whether a cursor begins an update, and is no place inside one."""
        return cursor is None or cursor.split("-")[2:3] == ["end"]

    def _write_cursor(self, is_whole: bool, offset: int, head: int) -> str:
        text = f"{'w' if is_whole else 'c'}-{offset}-{'end' if head < 0 else head}"
        return f"{text}-{self._mint.opaque('cursor', self._name, text)}"

    def _read_cursor(self, cursor: str) -> tuple[bool, int, int]:
        text, _, seal = cursor.rpartition("-")
        if seal != self._mint.opaque("cursor", self._name, text):
            raise cursor_unknown()
        mode, offset, head = text.split("-")
        return mode == "w", int(offset), len(self._changes) if head == "end" else int(head)


def cursor_unknown() -> NeutralProblemError:
    """A cursor that is too old, of another consent, or no cursor."""
    return NeutralProblemError(410, "cursor_unknown", "read from the beginning")


def data_changed() -> NeutralProblemError:
    """The data changed between two pages."""
    return NeutralProblemError(409, "data_changed", "begin this update again")
