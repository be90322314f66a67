"""What came out of a seed?"""

from collections import Counter
from dataclasses import dataclass, field

from bursar.converge.oracle import Divergence


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What came out of a seed."""

    seed: int
    divergences: list[Divergence] = field(default_factory=list[Divergence])
    exemptions: Counter[str] = field(default_factory=Counter[str])
    row_count: int = 0
    run_count: int = 0
    struck: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    trace_mark: str = ""
    trace: list[str] = field(default_factory=list[str])
    channels: frozenset[str] = frozenset()
