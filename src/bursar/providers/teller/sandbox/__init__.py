"""Teller as the simulated world sees it: its wire protocol, without any of our client code.

Imports `bursar.sandbox` and nothing else of this project; whoever serves the sandbox imports `SANDBOX` from here.
"""

from bursar.providers.teller.sandbox.face import TellerFace
from bursar.providers.teller.sandbox.traits import TRAITS

SANDBOX = TellerFace()
"""The face with its published credentials."""

__all__ = ["SANDBOX", "TRAITS", "TellerFace"]
