"""Which misbehaviour of the simulated servers belongs to each fault of the wire?"""

from collections.abc import Mapping

from bursar.converge.plan import Plan
from bursar.converge.stage import Channel
from bursar.sandbox.faults import FaultBoard, FaultKind

_Settings = Mapping[str, object]

_WIRE: Mapping[str, tuple[tuple[FaultKind, _Settings], ...]] = {
    "C1": (
        (FaultKind.STATUS, {"status": 429, "retry_after_s": 90}),
        (FaultKind.STATUS, {"status": 429, "retry_after_s": 4000, "retry_after_as_date": True}),
        (FaultKind.STATUS, {"status": 429}),
        (FaultKind.STATUS, {"status": 429, "retry_after": "soon"}),
        (FaultKind.STATUS, {"status": 429, "retry_after": "-5"}),
    ),
    "C2": tuple((FaultKind.STATUS, {"status": status}) for status in (500, 502, 503, 504)),
    "C3": (
        (FaultKind.CONNECT_TIMEOUT, {}),
        (FaultKind.READ_TIMEOUT, {}),
        (FaultKind.POOL_TIMEOUT, {}),
        (FaultKind.READ_TIMEOUT, {"after_effect": True}),
    ),
    "C4": ((FaultKind.RESET, {}), (FaultKind.RESET, {"after_effect": True})),
    "C5": (
        (FaultKind.TRUNCATE, {}),
        (FaultKind.WRONG_LENGTH, {}),
        (FaultKind.CUT_JSON, {}),
        (FaultKind.CUT_GZIP, {}),
    ),
    "C6": ((FaultKind.HTML, {}),),
    "C7": ((FaultKind.ERROR_BODY, {"status": 500}), (FaultKind.ERROR_BODY, {"status": 429})),
    "C8": ((FaultKind.SLOW, {"delay_s": 0.002}),),
    "C9": ((FaultKind.REPEATED_PAGE, {}), (FaultKind.REORDERED_PAGE, {})),
    "C12": ((FaultKind.STALE, {}),),
    "C13": ((FaultKind.REDIRECT, {}),),
}

_LISTED = frozenset({"C9", "C12"})
"""No provider hands an old token to somebody new: these strike listings only."""

_SAME_KIND = ("C1", "C2")
"""Both are error statuses, counted as one kind: a provider has one of them at a time."""


def switch_on(board: FaultBoard, plan: Plan, channels: Mapping[str, Channel]) -> dict[tuple[FaultKind, str], str]:
    """Let the seed's faults of the wire strike the servers of each provider; return whose the hits will be."""
    owners: dict[tuple[FaultKind, str], str] = {}
    for slug, channel in sorted(channels.items()):
        left_out = plan.rng("wire", "status", slug).choice(_SAME_KIND) if all(map(plan.has, _SAME_KIND)) else ""
        for code, variants in _WIRE.items():
            if plan.has(code) and code != left_out and code not in channel.traits.immune:
                kind, settings = plan.rng("wire", code, slug).choice(variants)
                for path in channel.traits.pages if code in _LISTED else ("/",):
                    board.add(kind, path=f"/{slug}{path}", share=plan.shares[code], **settings)
                owners[kind, slug] = code
    return owners
