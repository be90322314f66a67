"""Transfers, what is used of a day's limit, and the record of who did what."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

RIGHTS = {
    "transfers": "SELECT, INSERT, UPDATE",
    "transfer_days": "SELECT, INSERT, UPDATE",
    "audit_events": "SELECT, INSERT",
}


def upgrade() -> None:
    """Create the tables, their policies and their grants."""
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
    for table, rights in RIGHTS.items():
        op.execute(
            f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
            CREATE POLICY tenant_rows ON {table}
                USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
                WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
            GRANT {rights} ON {table} TO bursar_app;
            """
        )
    # The scheduler sees which transfers are due to be looked after, and nothing else of them.
    op.execute(
        """
        CREATE POLICY due_transfers ON transfers FOR SELECT TO bursar_scheduler USING (check_at IS NOT NULL);
        GRANT SELECT (tenant_id, id, check_at) ON transfers TO bursar_scheduler;
        """
    )
