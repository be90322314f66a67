"""Do the adapters of the convergence test's own provider keep the promises that every provider makes?"""

from dataclasses import replace

from bursar.converge.neutral import NEUTRAL_SPECS
from bursar.sandbox.neutral import NEUTRAL_FACES
from bursar.sandbox.view import IdPolicy
from bursar.testing import provider_contract

FEED, WINDOW, LIST = NEUTRAL_SPECS
FEED_FACE, WINDOW_FACE, LIST_FACE = NEUTRAL_FACES
LOGIN = {"bank": "first_river", "username": "user_good", "password": "pass_good"}

TestNeutralFeed = provider_contract(FEED, FEED_FACE, login=LOGIN)

# The suite follows a row by its id, and where nothing is told to be removed, only an id that survives the posting says
# that the pending row is gone. What other ids lead to is the convergence test's matter.
TestNeutralWindow = provider_contract(
    WINDOW, replace(WINDOW_FACE, policy=IdPolicy.SAME_WHEN_POSTED, page_size=20), login=LOGIN
)
# Without the quota: the world's clock stands still, so it would never recover.
TestNeutralList = provider_contract(LIST, replace(LIST_FACE, policy=IdPolicy.SAME_WHEN_POSTED, quota=None), login=LOGIN)
