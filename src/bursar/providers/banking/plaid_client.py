"""Where is Plaid's client, for those who look for it here?"""

from bursar.providers.plaid import PlaidClient

__all__ = ["PlaidClient"]
