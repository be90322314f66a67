"""Sequence: a typed client for its web application's API, with the login and the safeguards around it.

`from bursar.providers.sequence import SequenceClient, get_access_token` needs `bursar[sequence]`; without it the first
call says so. Importing loads neither a browser nor curl, because the platform reads every provider's declaration.
"""

from bursar.providers.sequence.sdk import *  # noqa: F403 - the client's names are the package's
from bursar.providers.sequence.sdk import __all__ as __all__
