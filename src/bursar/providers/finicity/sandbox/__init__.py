"""Finicity as the simulated world sees it: its wire protocol, without any of our client code.

Imports `bursar.sandbox` and nothing else of this project; whoever serves the sandbox imports `SANDBOX` from here.
"""

from bursar.providers.finicity.sandbox.face import FinicityFace
from bursar.providers.finicity.sandbox.traits import TRAITS

SANDBOX = FinicityFace()
"""The face with its published credentials."""

__all__ = ["SANDBOX", "TRAITS", "FinicityFace"]
