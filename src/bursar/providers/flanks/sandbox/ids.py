"""What do Flanks' identifiers look like, and how are they made without randomness?"""

from hashlib import sha256


class IdMint:
    """Makes identifiers as a pure function of a seed, so that a run can be repeated byte for byte."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counts: dict[str, int] = {}
        self.accounts: dict[str, str] = {}
        """Id of an account, card, debt or portfolio that was given out -> the world's account."""
        self.rows: dict[str, str] = {}
        """Id of a movement that was given out -> the world's row."""

    def opaque(self, prefix: str, *parts: str) -> str:
        """A name that gives nothing of its parts away."""
        return f"{prefix}_{self._digest((prefix, *parts))[:20]}"

    def next(self, prefix: str) -> str:
        """The next name of a kind."""
        self._counts[prefix] = self._counts.get(prefix, 0) + 1
        return self.opaque(prefix, "count", str(self._counts[prefix]))

    def trace_id(self) -> str:
        """32 hexadecimal digits for the next answer."""
        self._counts["trace"] = self._counts.get("trace", 0) + 1
        return self._digest(("trace", str(self._counts["trace"])))[:32]

    def _digest(self, parts: tuple[str, ...]) -> str:
        return sha256("\x1f".join(("flanks", str(self._seed), *parts)).encode()).hexdigest()
