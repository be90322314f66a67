"""The convergence test: a seeded world of banks, faults of every kind, the real platform, and one oracle.

May import everything below it; the terminal starts it. Nothing of the platform knows that it exists.
"""
