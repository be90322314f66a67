"""Teller: a typed client for its API, and the adapter that reads enrolments through it.

`from bursar.providers.teller import TellerClient` needs the base install only; nothing here imports the platform.
"""

from bursar.providers.teller.sdk import *  # noqa: F403 - the client's names are the package's
from bursar.providers.teller.sdk import __all__ as __all__
