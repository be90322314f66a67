"""What do Plaid's identifiers look like, and how are they made without randomness?"""

from base64 import b64encode
from hashlib import sha256
from uuid import UUID

_ID_LENGTH = 37
_REQUEST_ID_LENGTH = 15
# Plaid's identifiers are letters and digits only; what these two stand for no longer matters.
_LETTERS_FOR_SIGNS = bytes.maketrans(b"+/", b"xQ")


class IdMint:
    """Makes identifiers as a pure function of the world's seed, so that a run can be repeated byte for byte.

    It remembers what the identifiers of rows and accounts stand for, which nobody can read out of them.
    """

    def __init__(self, seed: int) -> None:
        self._seed = str(seed)
        self._request_count = 0
        self._opaque: dict[tuple[str, ...], str] = {}
        self._rows: dict[str, tuple[str, str]] = {}
        self._accounts: dict[str, str] = {}

    def opaque(self, *parts: str) -> str:
        """A case-sensitive identifier of letters and digits that gives nothing of its parts away."""
        known = self._opaque.get(parts)
        if known is None:
            known = self._opaque[parts] = _letters(self._digest(parts), _ID_LENGTH)
        return known

    def row_id(self, kind: str, world_account_id: str, world_id: str, *parts: str) -> str:
        """An identifier of a row of the world; `kind` and `parts` tell it from the row's other identifiers."""
        identifier = self.opaque(kind, world_id, *parts)
        self._rows[identifier] = (world_account_id, world_id)
        return identifier

    def account_id(self, world_account_id: str, *parts: str) -> str:
        """An identifier of an account of the world; `parts` tell it from the account's other identifiers."""
        identifier = self.opaque("account", world_account_id, *parts)
        self._accounts[identifier] = world_account_id
        return identifier

    def trace_row(self, account_id: str, row_id: str) -> str | None:
        """The world's id of a row behind the two identifiers it ever had; None when they do not belong together."""
        world_account_id, world_id = self._rows.get(row_id, (None, None))
        return world_id if world_account_id is not None and self.trace_account(account_id) == world_account_id else None

    def trace_account(self, account_id: str) -> str | None:
        """The world's id of an account behind any identifier it ever had; None for an unknown one."""
        return self._accounts.get(account_id)

    def uuid(self, *parts: str) -> str:
        """A random-looking UUID."""
        return str(UUID(bytes=self._digest(parts)[:16], version=4))

    def token(self, kind: str, *parts: str) -> str:
        """A `link`, `public` or `access` token of the sandbox environment."""
        return f"{kind}-sandbox-{self.uuid(kind, *parts)}"

    def next_request_id(self) -> str:
        """The identifier of the next answer."""
        self._request_count += 1
        return _letters(self._digest(("request", str(self._request_count))), _REQUEST_ID_LENGTH)

    def seal(self, text: str) -> str:
        """A short check value that only this mint can make."""
        return self._digest(("seal", text)).hex()[:12]

    def secret_number(self, name: str) -> int:
        """A large number for deriving a key."""
        return int.from_bytes(self._digest(("number", name)))

    def _digest(self, parts: tuple[str, ...]) -> bytes:
        return sha256("\x1f".join(("plaid", self._seed, *parts)).encode()).digest()


def _letters(digest: bytes, length: int) -> str:
    return b64encode(digest)[:length].translate(_LETTERS_FOR_SIGNS).decode()
