"""The HTTP door: parses and authorises a request, calls one use case, shapes the answer.

Imports `bootstrap`, `services`, `domain`, `observability` and `security`, never `storage`. Imported by the terminal.
"""
