"""The ledger: tenants, connections, accounts, transactions, evidence, balances, runs, and who may touch them."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

ROLES = """
DO $$ BEGIN
    CREATE ROLE bursar_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN
    CREATE ROLE bursar_scheduler NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'bursar_app', 'MEMBER') THEN EXECUTE 'GRANT bursar_app TO CURRENT_USER'; END IF;
    IF NOT pg_has_role(current_user, 'bursar_scheduler', 'MEMBER') THEN
        EXECUTE 'GRANT bursar_scheduler TO CURRENT_USER';
    END IF;
END $$;
"""

TENANT_TABLES = (
    "tenants tenant_keys users api_tokens connections connection_credentials accounts account_sources sync_runs "
    "imports transactions source_records tombstones holdings balance_observations rejected_records outbox "
    "idempotency_keys"
).split()
"""Every table with rows of tenants; all other tables are shared and hold no tenant's data."""

APPEND_ONLY = frozenset({"tombstones", "outbox", "balance_observations"})
NEVER_DELETED = frozenset({"tenants", "users", "connections", "accounts", "transactions", "sync_runs", "imports"})


def upgrade() -> None:
    """Create the roles, the tables, the policies and the grants."""
    op.execute(ROLES)
    op.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
    for table in TENANT_TABLES:
        op.execute(
            f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
            CREATE POLICY tenant_rows ON {table}
                USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
                WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
            """
        )
        rights = "SELECT, INSERT"
        if table not in APPEND_ONLY:
            rights += ", UPDATE" if table in NEVER_DELETED else ", UPDATE, DELETE"
        op.execute(f"GRANT {rights} ON {table} TO bursar_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON providers TO bursar_app")
    # A caller is known by the digest of its token before its tenant is: this one row, and no other, may be read.
    op.execute(
        """
        CREATE POLICY presented_token ON api_tokens FOR SELECT
            USING (digest = (SELECT decode(nullif(current_setting('app.token_digest', true), ''), 'hex')));
        """
    )
    # The scheduler looks across tenants for which there are and what is due, and sees nothing else of them.
    op.execute(
        """
        CREATE POLICY due_connections ON connections FOR SELECT TO bursar_scheduler USING (true);
        GRANT SELECT (tenant_id, id, status, provider_slug, last_sync_at, next_attempt_at, lease_until)
            ON connections TO bursar_scheduler;
        CREATE POLICY every_tenant ON tenants FOR SELECT TO bursar_scheduler USING (true);
        GRANT SELECT (tenant_id) ON tenants TO bursar_scheduler;
        """
    )
