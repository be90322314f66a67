"""The pure model: values, entities and rules of a ledger, with no I/O.

Imports the standard library only. Imported by every other room.
"""
