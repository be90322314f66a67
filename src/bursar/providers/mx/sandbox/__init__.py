"""MX as the simulated world sees it: the wire protocol of the Platform API, without any of our client code.

Imports `bursar.sandbox` and nothing else of this project; whoever serves the sandbox imports `SANDBOX` from here.
"""

from bursar.providers.mx.sandbox.face import MXFace
from bursar.providers.mx.sandbox.traits import TRAITS

SANDBOX = MXFace()
"""The face with its published credentials."""

__all__ = ["SANDBOX", "TRAITS", "MXFace"]
