"""Sequence as a browser and a client see it: an application with a GraphQL interface, and a site to log in at.

`SANDBOX` shows the simulated world; `Simulator` is one of its own with a small set of known figures, on two ports by
`serving`. Imports `bursar.sandbox` and nothing else of this project.
"""

from bursar.providers.sequence.sandbox.face import SequenceFace
from bursar.providers.sequence.sandbox.serving import serving
from bursar.providers.sequence.sandbox.simulator import Simulator
from bursar.providers.sequence.sandbox.traits import TRAITS

SANDBOX = SequenceFace(lifetime_s=400 * 86_400)
"""The face with its published client id. Its access tokens outlive a simulated world, where nobody can drive a browser
each day; they end with `end_session`, as those of a day do."""

__all__ = ["SANDBOX", "TRAITS", "SequenceFace", "Simulator", "serving"]
