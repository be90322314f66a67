"""What do MX's identifiers look like, and how are they made without randomness?"""

from hashlib import blake2b
from uuid import UUID

from bursar.sandbox.neutral.ids import Mint

_PREFIXES = {
    "user": "USR",
    "member": "MBR",
    "account": "ACT",
    "row": "TRN",
    "holding": "HOL",
    "institution": "INS",
    "credential": "CRD",
    "challenge": "CRD",
    "owner": "ACO",
    "number": "ACN",
    "job": "JOB",
    "merchant": "MCH",
    "widget": "WDG",
}


class GuidMint(Mint):
    """Makes guids as a pure function of the world's seed, so that a run can be repeated byte for byte."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "mx")
        self._seed = seed
        self._guids: dict[tuple[object, ...], str] = {}
        self._counts: dict[str, int] = {}

    def opaque(self, *parts: object) -> str:
        """A guid that gives nothing of its parts away; the first part names the kind."""
        found = self._guids.get(parts)
        if found is None:
            found = self._guids[parts] = self.fresh(*parts)
        return found

    def fresh(self, *parts: object) -> str:
        """As `opaque`, for what is made once and never asked for again."""
        text = "|".join(map(str, (self._seed, "mx", *parts)))
        return f"{_PREFIXES[str(parts[0])]}-{UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4)}"

    def next(self, kind: str) -> str:
        """The next guid of a kind."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self.fresh(kind, "count", self._counts[kind])
