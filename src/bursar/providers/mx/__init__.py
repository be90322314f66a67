"""MX: a typed client for its Platform API, and the adapter that reads members through it.

`from bursar.providers.mx import MXClient` needs the base install only; nothing here imports the platform.
"""

from bursar.providers.mx.sdk.blocking import MXSyncClient
from bursar.providers.mx.sdk.client import MXClient
from bursar.providers.mx.sdk.errors import MXError

__all__ = ["MXClient", "MXError", "MXSyncClient"]
