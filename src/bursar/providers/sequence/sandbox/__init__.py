"""Sequence as a browser and a client see it: an application with a GraphQL interface, and a site to log in at.

Imports `bursar.sandbox` and nothing else of this project.
"""

from bursar.providers.sequence.sandbox.serving import serving
from bursar.providers.sequence.sandbox.simulator import Simulator

__all__ = ["Simulator", "serving"]
