"""How does Plaid write an instant?"""

from datetime import UTC, datetime


def wire_instant(instant: datetime) -> str:
    """The instant in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
