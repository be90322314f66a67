"""How do people use the simulated Finicity, and which faults can its protocol not show?"""

from collections.abc import Mapping

from bursar.sandbox.people import Login
from bursar.sandbox.traits import Traits
from bursar.sandbox.view import IdPolicy

_DOCUMENTED = "the vendor documents ids that stay and are unique within their account"


def _login(login: Login) -> Mapping[str, str]:
    return {"institution_id": login.bank.key, "username": login.username, "password": login.password}


def _end_consent(login_id: str) -> tuple[str, Mapping[str, str]]:
    return "break_login", {"institution_login_id": login_id, "code": "103"}


TRAITS = Traits(
    consent="complete_link",
    login=_login,
    end_consent=_end_consent,
    policies=(IdPolicy.STABLE, IdPolicy.SAME_WHEN_POSTED, IdPolicy.PER_ACCOUNT),
    pages=("/aggregation/v3/customers",),
    shows_number=False,
    links_pending=False,
    immune={
        "A2": "nothing ever links a settled row to its pending one",
        "A18": "rows have no currency of their own: it is their account's",
        **dict.fromkeys(("B3", "B4", "B5"), _DOCUMENTED),
        "B6": "the id of a transaction is mandatory",
        "C11": "there is no cursor: rows are counted",
    },
)
"""What the convergence test must know of the simulated Finicity."""
