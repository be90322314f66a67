"""Finicity (Mastercard Open Finance, United States): a typed client, and the adapter that reads banks through it.

`from bursar.providers.finicity import FinicityClient` needs the base install only; nothing here imports the platform.
"""

from bursar.providers.finicity.sdk import *  # noqa: F403 - the client's names are the package's
from bursar.providers.finicity.sdk import __all__ as __all__
