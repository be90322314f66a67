"""What do Sequence's identifiers look like, and how are they made without randomness?"""

from base64 import b32encode
from hashlib import sha256


class IdMint:
    """Makes identifiers as a pure function of a seed, and remembers what those that were given out stand for."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.accounts: dict[str, str] = {}
        """Id of a pod or port -> the world's account."""
        self.rows: dict[tuple[str, str], str] = {}
        """Id of a pod or port and of a transfer -> the world's row on that side of it."""

    def uuid(self, kind: str, *parts: str) -> str:
        """A version 4 UUID in form."""
        digits = self._digest(kind, *parts).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"

    def secret(self, *parts: str) -> str:
        """A base32 secret of 160 bits, for somebody's authenticator."""
        return b32encode(self._digest("secret", *parts)[:20]).decode()

    def _digest(self, *parts: str) -> bytes:
        return sha256("\x1f".join(("sequence", str(self._seed), *parts)).encode()).digest()
