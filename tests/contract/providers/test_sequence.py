"""Does Sequence keep the promises that every provider makes?"""

from bursar.providers.sequence.adapter import PROVIDER
from bursar.providers.sequence.sandbox import SequenceFace
from bursar.testing import provider_contract

# The pause between requests belongs to the real service. Amounts are whole cents on the wire.
TestSequence = provider_contract(
    PROVIDER,
    SequenceFace(),
    login={"bank": "first_river"},
    settings={"sequence_pause_s": "0"},
    amount_scale=2,
)
