"""What a connection's status needs to tell: who paused it, and how often it was read of late; and erasure."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change the tables, and let the application erase a tenant."""
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
