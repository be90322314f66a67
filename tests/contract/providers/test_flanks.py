"""Does Flanks keep the promises that every provider makes?"""

from bursar.providers.flanks.adapter import PROVIDER
from bursar.providers.flanks.sandbox import FlanksFace
from bursar.testing import provider_contract

# A missing page token is documented to mean the last page, so a listing of several pages could not notice its loss.
TestFlanks = provider_contract(PROVIDER, FlanksFace(page_size=400))
