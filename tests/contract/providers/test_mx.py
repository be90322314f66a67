"""Does MX keep the promises that every provider makes?"""

from bursar.providers.mx.adapter import PROVIDER
from bursar.providers.mx.sandbox import MXFace
from bursar.testing import provider_contract

TestMX = provider_contract(PROVIDER, MXFace(), consent="complete_link", login={"institution_id": "first_river"})
