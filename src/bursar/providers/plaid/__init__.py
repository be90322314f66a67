"""Plaid: a typed client for its API, and the adapter that reads connections through it.

`from bursar.providers.plaid import PlaidClient` needs the base install only; nothing here imports the platform.
"""

from bursar.providers.plaid.sdk.client import PlaidClient
from bursar.providers.plaid.sdk.errors import PlaidError

__all__ = ["PlaidClient", "PlaidError"]
