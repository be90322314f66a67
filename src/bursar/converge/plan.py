"""What does a seed decide, before anything runs?

Each decision draws from a stream of its own, named after what it decides: leaving a fault, a tenant or some days out
changes nothing else, which is what makes shrinking work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from bursar.converge.catalogue import FAULTS, Layer
from bursar.sandbox.view import IdPolicy

EVERY_FAULT = frozenset(code for code, fault in FAULTS.items() if fault.tier == 1)

_CHANCE_OF_TIER = 0.7
"""How likely a seed of a dearer tier has each fault that no cheaper tier can make."""

_FIRST_DAY = date(2023, 1, 2)
_START_DAYS = 4 * 365 + 1
"""Worlds begin on any day of four years, so that leap days and both clock changes come by."""

_SHARES = {
    Layer.WORLD: (0.02, 0.05, 0.1, 0.25),
    Layer.FACE: (0.02, 0.05, 0.1, 0.25),
    # Nobody could ever connect to a provider whose every second answer is spoilt.
    Layer.WIRE: (0.01, 0.03, 0.08),
}

_POLICY_FAULTS = {
    IdPolicy.PER_REQUEST: "B3",
    IdPolicy.POSITIONAL: "B4",
    IdPolicy.REUSED: "B5",
    IdPolicy.BLANK: "B6",
    IdPolicy.PER_ACCOUNT: "B7",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run of the test may use; the smaller, the easier to read a failure."""

    faults: frozenset[str] = EVERY_FAULT
    channels: tuple[str, ...] = ()
    """Slugs of providers and formats; empty: all."""
    tenants: int = 3
    days: int = 120
    logins: int = 9
    tier: int = 1
    """1: one process. 2: workers are processes and are killed. 3: the database fails, changes and is restored, too."""


def every_fault(tier: int) -> frozenset[str]:
    """Return all faults that a tier can make."""
    return frozenset(code for code, fault in FAULTS.items() if fault.tier <= tier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The decisions that everything else follows from."""

    seed: int
    start: date
    days: int
    tenants: int
    faults: frozenset[str]
    """Faults that this seed has."""
    shares: Mapping[str, float]
    """Fault -> share of the things it hits; the world and the faces ask it."""
    id_policies: Mapping[str, IdPolicy]
    limits: Limits = field(repr=False)

    def rng(self, *stream: object) -> Random:
        """Return the dice of one decision."""
        return Random("|".join(str(part) for part in (self.seed, *stream)))  # noqa: S311 - reproducibility is the point

    def has(self, code: str) -> bool:
        """Whether this seed has a fault."""
        return code in self.faults


def draw_plan(seed: int, limits: Limits, policies: Mapping[str, tuple[IdPolicy, ...]]) -> Plan:
    """Return what a seed decides; `policies` are the id policies that each provider can have."""

    def rng(*stream: object) -> Random:
        return Random("|".join(str(part) for part in (seed, *stream)))  # noqa: S311 - reproducibility is the point

    # Some seeds have one fault, some have all: what hides behind one another is found by the mixture.
    density = rng("density").choice((0.04, 0.15, 0.15, 0.35, 0.35, 0.6, 1.0))
    drawn = {code for code in FAULTS if rng("fault", code).random() < density}
    chosen: dict[str, IdPolicy] = {}
    for slug, possible in policies.items():
        policy = rng("policy", slug).choice(possible)
        needed = _POLICY_FAULTS.get(policy)
        if needed is not None and needed not in limits.faults:
            policy = possible[0]
            needed = _POLICY_FAULTS.get(policy)
        chosen[slug] = policy
        if needed is not None:
            drawn.add(needed)
    drawn |= {
        code
        for code, fault in FAULTS.items()
        if 1 < fault.tier <= limits.tier and rng("tier", code).random() < _CHANCE_OF_TIER
    }
    # A fault that only a dearer tier can make is nothing that this seed could live through.
    faults = frozenset(drawn & limits.faults & every_fault(limits.tier))
    return Plan(
        seed=seed,
        start=_FIRST_DAY + timedelta(days=rng("start").randrange(_START_DAYS)),
        days=min(rng("days").choice((30, 30, 30, 45, 60, 90, 120)), limits.days),
        tenants=min(rng("tenants").choice((2, 2, 2, 3)), limits.tenants),
        faults=faults,
        shares={
            code: rng("share", code).choice((0.02, 0.05, 0.1, 0.25)) for code in sorted(faults) if _has_share(code)
        },
        id_policies=chosen,
        limits=limits,
    )


def _has_share(code: str) -> bool:
    return FAULTS[code].layer in _SHARES
