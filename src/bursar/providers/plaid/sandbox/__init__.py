"""Plaid as the simulated world sees it: the wire protocol of the sandbox environment, without any of our client code.

Imports `bursar.sandbox` and nothing else of this project; whoever serves the sandbox imports `SANDBOX` from here.
"""

from bursar.providers.plaid.sandbox.face import PlaidFace
from bursar.providers.plaid.sandbox.traits import TRAITS

SANDBOX = PlaidFace()
"""The face with its published credentials."""

__all__ = ["SANDBOX", "TRAITS", "PlaidFace"]
