"""Which account a number stands for, whoever tells it; and until when a source's word was true."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Change the tables."""
