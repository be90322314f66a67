"""Use cases: what Bursar can do, one module per job, each with the tenant as its first argument.

Imports storage, security, observability, registry, ports and domain; never a concrete provider. Imported by the doors.
Public functions return `Success | Failure`; only programming errors and a lost database are exceptions.
"""
