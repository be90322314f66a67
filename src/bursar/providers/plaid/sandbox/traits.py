"""How do people use the simulated Plaid, and which faults can its protocol not show?"""

from collections.abc import Mapping

from bursar.providers.plaid.sandbox.institutions import find_institution_of
from bursar.sandbox.people import Login
from bursar.sandbox.traits import Traits


def _login(login: Login) -> Mapping[str, str]:
    return {
        "institution_id": find_institution_of(login.bank.key).institution_id,
        "username": login.username,
        "password": login.password,
    }


def _end_consent(item_id: str) -> tuple[str, Mapping[str, str]]:
    return "break_item", {"item_id": item_id, "code": "ITEM_LOGIN_REQUIRED"}


TRAITS = Traits(
    consent="complete_link",
    login=_login,
    end_consent=_end_consent,
    pages=("/transactions/sync", "/investments/transactions/get"),
    shows_number=False,
    immune={
        "A14": "what is read for the ledger comes from one endpoint, with one sign and its currency's decimals",
        "B3": "Plaid documents ids that stay",
        "B4": "Plaid documents ids that stay",
        "B5": "Plaid documents unique ids",
        "B6": "Plaid documents that each transaction has an id",
        "B7": "Plaid documents ids that are unique everywhere",
        "C9": "updates come behind cursors, each of which is asked for by name",
    },
)
"""What the convergence test must know of the simulated Plaid."""
