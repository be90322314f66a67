"""Where is Teller's client, for those who look for it here?"""

from bursar.providers.teller import TellerClient

__all__ = ["TellerClient"]
