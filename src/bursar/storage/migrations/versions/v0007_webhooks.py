"""Notices that providers sent by webhook, before anybody knows whose login they are about."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table, and let the scheduler, who works across tenants, and nobody else handle it."""
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
    op.execute(
        """
        ALTER TABLE webhook_notices ENABLE ROW LEVEL SECURITY;
        ALTER TABLE webhook_notices FORCE ROW LEVEL SECURITY;
        CREATE POLICY received_notices ON webhook_notices TO bursar_scheduler USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_notices TO bursar_scheduler;
        -- A notice names a login; which connection that is can only be looked up across tenants.
        GRANT SELECT (external_login_id) ON connections TO bursar_scheduler;
        -- The job that looks is enqueued with the notice.
        GRANT SELECT, INSERT ON procrastinate_jobs, procrastinate_events TO bursar_scheduler;
        GRANT USAGE, SELECT ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO bursar_scheduler;
        """
    )
