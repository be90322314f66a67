"""Which account a number stands for, whoever tells it; and until when a source's word was true."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

_READ = ("source_records", "transactions")


def upgrade() -> None:
    """Change the tables; the owner's own policies step aside while what is stored already gets its new columns."""
    for table in _READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
    for table in _READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
