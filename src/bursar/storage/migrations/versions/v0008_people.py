"""What is kept about people: the owners of accounts, how long, who looked, and the proof that it is gone."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"

RIGHTS = {
    "account_owners": "SELECT, INSERT, UPDATE, DELETE",
    "retention_policies": "SELECT, INSERT, UPDATE, DELETE",
    # Written by the trigger alone.
    "audit_heads": "SELECT",
    "audit_links": "SELECT",
}


def upgrade() -> None:
    """Create the tables, their policies, their grants, and the functions that destroy."""
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
    op.execute(
        """
        -- The scheduler sees which tenants have a policy, and nothing else of it.
        CREATE POLICY scheduled ON retention_policies FOR SELECT TO bursar_scheduler USING (true);
        GRANT SELECT (tenant_id) ON retention_policies TO bursar_scheduler;
        -- Whoever is erased leaves one proof about itself; what was left is looked up by its id, across tenants.
        ALTER TABLE erasure_proofs ENABLE ROW LEVEL SECURITY;
        ALTER TABLE erasure_proofs FORCE ROW LEVEL SECURITY;
        CREATE POLICY left_behind ON erasure_proofs FOR INSERT TO bursar_app
            WITH CHECK (tenant_mark = sha256(convert_to(current_setting('app.tenant_id', true), 'UTF8')));
        CREATE POLICY looked_up ON erasure_proofs FOR SELECT TO bursar_scheduler USING (true);
        GRANT INSERT ON erasure_proofs TO bursar_app;
        GRANT SELECT ON erasure_proofs TO bursar_scheduler;
        """
    )
