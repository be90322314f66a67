"""What a connection's status needs to tell: who paused it, and how often it was read of late."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change the tables."""
