"""Does Plaid keep the promises that every provider makes?"""

from bursar.providers.plaid.adapter import PROVIDER
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.testing import provider_contract

# Without the published rate limits: the world's clock stands still, so they would never recover.
TestPlaid = provider_contract(
    PROVIDER, PlaidFace(rate_limits=False), consent="complete_link", login={"institution_id": "ins_109508"}
)
