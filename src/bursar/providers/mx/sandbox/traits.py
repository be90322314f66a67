"""How do people use the simulated MX, and which faults can its protocol not show?"""

from collections.abc import Mapping

from bursar.sandbox.people import Login
from bursar.sandbox.traits import Traits
from bursar.sandbox.view import IdPolicy

_GUIDS = "MX documents guids: they stay, each names one object, and every object has one"


def _login(login: Login) -> Mapping[str, str]:
    return {"institution_id": login.bank.key, "username": login.username, "password": login.password}


def _end_consent(member_guid: str) -> tuple[str, Mapping[str, str]]:
    return "set_status", {"member_guid": member_guid, "status": "EXPIRED"}


TRAITS = Traits(
    consent="complete_link",
    login=_login,
    end_consent=_end_consent,
    # Whether a row keeps its guid when it is posted is not documented: it does, but for the rows that A2 hits.
    policies=(IdPolicy.SAME_WHEN_POSTED,),
    # Pages that are old, come twice or in another order are played by the simulator itself: the path of a listing
    # begins with the ids of its user, so nothing else could be told from it.
    pages=(),
    shows_number=False,
    immune={
        **dict.fromkeys(("B3", "B4", "B5", "B6", "B7"), _GUIDS),
        "C11": "there is no cursor; pages are numbers",
    },
)
"""What the convergence test must know of the simulated MX."""
