"""What do Finicity's identifiers look like, and how are they made without randomness?"""

from hashlib import sha256

from bursar.sandbox.ledger import RowState
from bursar.sandbox.view import IdPolicy, View

_ROW_SPACE = 10**15
_SLUG = "finicity"


class IdMint:
    """Makes numbers as a pure function of a seed, and remembers what each of them stands for."""

    def __init__(self, view: View, policy: IdPolicy) -> None:
        self._view = view
        self._policy = policy
        self._counts: dict[str, int] = {}
        self.accounts: dict[str, str] = {}
        """Id of an account that was given out -> the world's account."""
        self.rows: dict[tuple[str, str], str | None] = {}
        """(account, number) of a row that was given out -> the world's row; None for a number that stood for two."""

    @property
    def keeps_ids(self) -> bool:
        """Whether a row has one number for ever."""
        return self._policy is IdPolicy.SAME_WHEN_POSTED

    def number(self, kind: str, *parts: object, space: int = 10**9) -> int:
        """A number of a kind that gives nothing of its parts away."""
        text = "\x1f".join((_SLUG, str(self._view.seed), kind, *(str(part) for part in parts)))
        return int.from_bytes(sha256(text.encode()).digest()[:8]) % space + 6 * space

    def next(self, kind: str) -> int:
        """The next number of a kind."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self.number(kind, "count", self._counts[kind])

    def word(self, kind: str) -> str:
        """The next opaque word of a kind."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        text = f"{_SLUG}|{self._view.seed}|{kind}|{self._counts[kind]}"
        return sha256(text.encode()).hexdigest()[:32]

    def row(
        self, login_id: str, epoch: int, account_id: str, world_id: str, state: RowState, version: int, index: int
    ) -> int:
        """The number of a row in its account; `index` counts the account's rows from 0."""
        if self._policy is IdPolicy.PER_ACCOUNT:
            self._view.note("B7", _SLUG)
            made = (epoch + 1) * 10**7 + index * 20 + version * 2 + (state is RowState.SETTLED) + 1
        else:
            kept = "row" if self.keeps_ids else state
            made = self.number("row", login_id, epoch, world_id, kept, version, space=_ROW_SPACE)
        key = (account_id, str(made))
        if self.rows.setdefault(key, world_id) != world_id:
            self.rows[key] = None
        return made
