"""Secrets: what is sealed at rest, and what proves who calls.

Imports `domain` and the cryptography library. Imported by the services and the composition root; never by storage,
which keeps what this room made and cannot open it.
"""
