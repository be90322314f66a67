"""What outsiders implement: the protocols of providers and importers, and the errors that they may raise.

Imports `domain` only. Imported by providers, importers, the registry and the services.
"""
