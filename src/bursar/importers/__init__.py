"""File formats that the platform reads, one folder each.

May import `domain` and `ports`, never each other. Loaded by the registry at run time, imported statically by tests.
"""
