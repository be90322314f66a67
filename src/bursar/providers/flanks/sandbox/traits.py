"""How do people use the simulated Flanks, and which faults can its protocol not show?"""

from collections.abc import Mapping

from bursar.sandbox.people import Login
from bursar.sandbox.traits import Traits

_SETTLED_ONLY = "Flanks lists settled movements only: no row of it is ever pending"
_ONE_ID = "labels are set on a movement by its id alone, so an id stays, names one movement and is unique everywhere"


def _login(login: Login) -> Mapping[str, str]:
    return {"bank": login.bank.key, "username": login.username, "password": login.password}


def _end_consent(login_id: str) -> tuple[str, Mapping[str, str]]:
    return "block", {"login_id": login_id}


TRAITS = Traits(
    consent="consent",
    login=_login,
    end_consent=_end_consent,
    pages=("/aggregation/v2/list-products", "/aggregation/v2/list-transactions"),
    shows_number=False,
    immune={
        **dict.fromkeys(("A2", "A3", "A7"), _SETTLED_ONLY),
        **dict.fromkeys(("B3", "B4", "B5", "B7"), _ONE_ID),
        "B6": "the id of a movement is mandatory",
    },
)
"""What the convergence test must know of the simulated Flanks."""
