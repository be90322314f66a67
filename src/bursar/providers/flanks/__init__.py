"""Flanks: a typed client for its API, and the adapter that reads wealth accounts through it.

`from bursar.providers.flanks import FlanksClient` needs the base install only; nothing here imports the platform.
"""

from bursar.providers.flanks.sdk import *  # noqa: F403 - the client's names are the package's
from bursar.providers.flanks.sdk import __all__ as __all__
