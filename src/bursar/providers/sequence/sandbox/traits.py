"""How do people use the simulated Sequence, and which faults can its interface not show?"""

from collections.abc import Mapping

from bursar.providers.sequence.sandbox.households import is_shown
from bursar.sandbox.people import Login
from bursar.sandbox.traits import Traits
from bursar.sandbox.view import IdPolicy

_ONE_ID = "a transfer has one id from pending to complete, under which single transfers are asked for"
_OF_THE_ORGANIZATION = "ids belong to the organization, whoever logs in to it and how often"
_NO_SUCH_MEMBER = "amounts are whole cents of US dollars without a sign, in one form everywhere"


def _login(login: Login) -> Mapping[str, str]:
    return {"bank": login.bank.key, "username": login.username, "password": login.password}


def _end_consent(user_id: str) -> tuple[str, Mapping[str, str]]:
    return "end_session", {"user_id": user_id}


TRAITS = Traits(
    consent="consent",
    login=_login,
    end_consent=_end_consent,
    policies=(IdPolicy.SAME_WHEN_POSTED,),
    # Rows only: what is held comes from the same address, and an old answer there would be another fault.
    pages=("/api/graphql#ActivityLogV2Transfers",),
    shows_number=False,
    shows=is_shown,
    immune={
        **dict.fromkeys(("A2", "A3", "A7", "B3", "B4", "B5", "B6", "B7"), _ONE_ID),
        **dict.fromkeys(("B1", "B2"), _OF_THE_ORGANIZATION),
        **dict.fromkeys(("A14", "A18"), _NO_SUCH_MEMBER),
        "A17": "there are no securities inside Sequence",
    },
)
"""What the convergence test must know of the simulated Sequence."""
