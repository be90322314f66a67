"""Balance gaps as objects of their own: found, dated, closed."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE balance_gaps (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    opening_id uuid NOT NULL,
    closing_id uuid NOT NULL,
    start_on date NOT NULL,
    end_on date NOT NULL,
    amount numeric NOT NULL CHECK (amount <> 0),
    currency text NOT NULL,
    opening_balance numeric NOT NULL,
    closing_balance numeric NOT NULL,
    suggested_fetch_start date NOT NULL,
    suggested_fetch_end date NOT NULL,
    found_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by text CHECK (closed_by IN ('explained', 'replaced')),
    PRIMARY KEY (tenant_id, id),
    CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts,
    FOREIGN KEY (tenant_id, opening_id) REFERENCES balance_observations,
    FOREIGN KEY (tenant_id, closing_id) REFERENCES balance_observations
);
-- An account has one open gap at most between two balances; what comes back is found anew.
CREATE UNIQUE INDEX balance_gaps_open ON balance_gaps (tenant_id, account_id, opening_id, closing_id)
    WHERE closed_at IS NULL;

-- Written with the rows of a batch, taken away with the proof: a run that dies in between loses no proof.
CREATE TABLE proofs_due (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    due_since timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts
);

-- A proof asks for the changes of rows, which are few among the news of rows that are new.
CREATE INDEX outbox_with_before ON outbox (tenant_id, id) WHERE data ? 'before';
"""

RIGHTS = {"balance_gaps": "SELECT, INSERT, UPDATE", "proofs_due": "SELECT, INSERT, DELETE"}


def upgrade() -> None:
    """Create the tables, their policies and their grants; every account is due, because none was proven for keeps."""
    op.execute(TABLES)
    for table, rights in RIGHTS.items():
        op.execute(
            f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY tenant_rows ON {table}
                USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))
                WITH CHECK (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
            GRANT {rights} ON {table} TO bursar_app;
            """
        )
    op.execute("ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY")
    op.execute("INSERT INTO proofs_due SELECT tenant_id, id, now() FROM accounts")
    op.execute("ALTER TABLE accounts FORCE ROW LEVEL SECURITY")
    for table in RIGHTS:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
