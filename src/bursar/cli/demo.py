"""Stub."""


def demo() -> None:
    """Show Bursar with a simulated world of banks."""
