"""An invented provider in three reading styles, whose view of the world every seed chooses anew.

It shows what the simulators of real providers do not: ids that are reused, renumbered, blank or new with each request;
windows and whole lists instead of a feed; quotas. Imports `bursar.sandbox` only; the convergence test imports it.
"""

from collections.abc import Mapping

from bursar.sandbox.neutral.endpoints import Style
from bursar.sandbox.neutral.face import NeutralFace, NeutralServer
from bursar.sandbox.neutral.quota import Quota
from bursar.sandbox.people import Login
from bursar.sandbox.traits import Traits
from bursar.sandbox.view import IdPolicy

NEUTRAL_FACES: tuple[NeutralFace, ...] = (
    NeutralFace(slug="neutral_feed", style=Style.FEED, policy=IdPolicy.STABLE),
    NeutralFace(slug="neutral_window", style=Style.WINDOW, policy=IdPolicy.STABLE),
    NeutralFace(slug="neutral_list", style=Style.LIST, policy=IdPolicy.PER_REQUEST, quota=Quota()),
)
"""The simulators, by what they are good for."""

_POLICIES: Mapping[str, tuple[IdPolicy, ...]] = {
    "neutral_feed": (IdPolicy.STABLE, IdPolicy.SAME_WHEN_POSTED, IdPolicy.PER_ACCOUNT),
    "neutral_window": (
        IdPolicy.STABLE,
        IdPolicy.SAME_WHEN_POSTED,
        IdPolicy.REUSED,
        IdPolicy.POSITIONAL,
        IdPolicy.BLANK,
        IdPolicy.PER_ACCOUNT,
    ),
    "neutral_list": (IdPolicy.PER_REQUEST, IdPolicy.POSITIONAL, IdPolicy.BLANK),
}
_STABLE_NEEDED = "ids are stable here: that is what this style is for"
_NO_CURSOR = "there is no cursor and no page whose token could run out"
_IMMUNE: Mapping[str, Mapping[str, str]] = {
    "neutral_feed": dict.fromkeys(("B3", "B4", "B5", "B6"), _STABLE_NEEDED),
    "neutral_window": {"B3": "ids that change with every request are the list's", "C11": _NO_CURSOR},
    "neutral_list": {
        "A2": "ids mean nothing, so nothing links a settled row to its pending one",
        "B5": "an id that means nothing can not be reused",
        "B7": "an id that means nothing is unique nowhere",
        "C10": "one answer holds the whole list",
        "C11": _NO_CURSOR,
    },
}


def _login(login: Login) -> Mapping[str, str]:
    return {"bank": login.bank.key, "username": login.username, "password": login.password}


def _end_consent(login_id: str) -> tuple[str, Mapping[str, str]]:
    return "end_consent", {"login_id": login_id}


NEUTRAL_TRAITS: Mapping[str, Traits] = {
    face.slug: Traits(
        consent="consent",
        login=_login,
        end_consent=_end_consent,
        policies=_POLICIES[face.slug],
        pages=("/changes",) if face.style is Style.FEED else ("/transactions",),
        immune=_IMMUNE[face.slug],
    )
    for face in NEUTRAL_FACES
}
"""How people use them, and what they can not show."""

__all__ = ["NEUTRAL_FACES", "NEUTRAL_TRAITS", "NeutralFace", "NeutralServer", "Quota", "Style"]
