"""Any bank through one interface: `easy_banking()` in a script, `add_banking(app)` in a web application.

Works over the registry and the adapters, with the base install and without a database. May import `models`, `registry`,
`ports`, `domain` and `transport`, never a provider: which there are, the registry knows. FastAPI is imported by
`add_banking` only.
"""

from bursar.banking.easy import easy_banking
from bursar.banking.face import Banking
from bursar.banking.mounting import add_banking

__all__ = ["Banking", "add_banking", "easy_banking"]
