"""What the platform says about itself: log lines without secrets, and counters.

Imports `domain`, `transport` (its redaction) and structlog. Imported by the doors, the services and the composition
root.
"""
