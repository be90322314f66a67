"""Does Finicity keep the promises that every provider makes?"""

from bursar.providers.finicity.adapter import PROVIDER
from bursar.providers.finicity.sandbox import FinicityFace
from bursar.testing import provider_contract

TestFinicity = provider_contract(
    PROVIDER,
    FinicityFace(),
    consent="complete_link",
    login={"institution_id": "first_river"},
    names_pending=False,
)
