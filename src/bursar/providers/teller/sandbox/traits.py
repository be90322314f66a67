"""How do people use the simulated Teller, and which faults can its protocol not show?"""

from collections.abc import Mapping

from bursar.providers.teller.sandbox.desk import is_shown
from bursar.sandbox.people import Login
from bursar.sandbox.traits import Traits
from bursar.sandbox.view import IdPolicy

_BY_ID = "rows are asked for by their id, and pages begin behind one: an id stays and names one row"
_REPAIRED = "signing in again repairs the enrolment: its token and all its ids stay"


def _login(login: Login) -> Mapping[str, str]:
    return {"institution_id": login.bank.key, "username": login.username, "password": login.password}


def _end_consent(enrollment_id: str) -> tuple[str, Mapping[str, str]]:
    return "disconnect", {"enrollment_id": enrollment_id, "reason": "credentials_invalid"}


TRAITS = Traits(
    consent="complete_link",
    login=_login,
    end_consent=_end_consent,
    policies=(IdPolicy.SAME_WHEN_POSTED,),
    # Rows only: balances are asked of the bank while we wait, and an old answer there would be another fault.
    pages=("/accounts/*/transactions",),
    shows_number=False,
    shows=is_shown,
    immune={
        **dict.fromkeys(("B1", "B2"), _REPAIRED),
        **dict.fromkeys(("B3", "B4", "B5", "B6", "B7"), _BY_ID),
        "A3": "one id from pending to posted: the two never stand side by side, nor where the id is a new one (A2)",
        "A17": "Teller has no positions",
        "A18": "the currency is the account's: a row has none of its own",
    },
)
"""What the convergence test must know of the simulated Teller."""
