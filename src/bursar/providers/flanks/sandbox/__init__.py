"""Flanks as the simulated world sees it: its wire protocol, without any of our client code.

Imports `bursar.sandbox` and nothing else of this project; whoever serves the sandbox imports `SANDBOX` from here.
"""

from bursar.providers.flanks.sandbox.face import FlanksFace
from bursar.providers.flanks.sandbox.traits import TRAITS

SANDBOX = FlanksFace()
"""The face with its published credentials."""

__all__ = ["SANDBOX", "TRAITS", "FlanksFace"]
