"""Does Teller keep the promises that every provider makes?"""

from bursar.providers.teller.adapter import PROVIDER
from bursar.providers.teller.sandbox import TellerFace
from bursar.testing import provider_contract

TestTeller = provider_contract(PROVIDER, TellerFace(), consent="complete_link", login={"institution_id": "first_river"})
