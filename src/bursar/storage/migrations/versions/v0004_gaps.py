"""Balance gaps as objects of their own: found, dated, closed."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change the tables."""
