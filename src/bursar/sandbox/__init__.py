"""A simulated world of banks: people, accounts and money, with a ledger that is the truth.

Imports nothing else of this project, so that it can testify about it. Provider faces
(`providers/<p>/sandbox`), statement writers (`importers/<f>/sandbox.py`), the terminal and tests import it.
"""
