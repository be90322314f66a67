"""What does a process import before workers are forked from it?

Importing this module is all: the simulators' modules, and with them the adapters, are found by name when first asked
for, which would cost each worker more than everything else it does to begin.
"""

from bursar.converge.stage import find_channels, find_statements, full_registry

_registry = full_registry()
find_channels(_registry)
find_statements(_registry)
