"""What do Plaid's identifiers look like, and how are they made without randomness?"""

from hashlib import sha256
from uuid import UUID

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 37
_REQUEST_ID_LENGTH = 15


class IdMint:
    """Makes identifiers as a pure function of the world's seed, so that a run can be repeated byte for byte."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._request_count = 0

    def opaque(self, *parts: str) -> str:
        """A case-sensitive identifier of letters and digits that gives nothing of its parts away."""
        return _base62(self._digest(parts), _ID_LENGTH)

    def uuid(self, *parts: str) -> str:
        """A random-looking UUID."""
        return str(UUID(bytes=self._digest(parts)[:16], version=4))

    def token(self, kind: str, *parts: str) -> str:
        """A `link`, `public` or `access` token of the sandbox environment."""
        return f"{kind}-sandbox-{self.uuid(kind, *parts)}"

    def next_request_id(self) -> str:
        """The identifier of the next answer."""
        self._request_count += 1
        return _base62(self._digest(("request", str(self._request_count))), _REQUEST_ID_LENGTH)

    def seal(self, text: str) -> str:
        """A short check value that only this mint can make."""
        return self._digest(("seal", text)).hex()[:12]

    def secret_number(self, name: str) -> int:
        """A large number for deriving a key."""
        return int.from_bytes(self._digest(("number", name)))

    def _digest(self, parts: tuple[str, ...]) -> bytes:
        return sha256("\x1f".join(("plaid", str(self._seed), *parts)).encode()).digest()


def _base62(digest: bytes, length: int) -> str:
    number, letters = int.from_bytes(digest), ""
    for _ in range(length):
        number, index = divmod(number, 62)
        letters += _ALPHABET[index]
    return letters
