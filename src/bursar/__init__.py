"""Bursar: every financial account in one ledger that you own."""

__version__ = "0.1.0"
