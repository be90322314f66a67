-- The tables of the ledger. Natural keys and foreign keys begin with the tenant.
CREATE TABLE providers (
    slug text PRIMARY KEY CHECK (slug ~ '^[a-z][a-z0-9_]{0,49}$'),
    id uuid NOT NULL UNIQUE,
    name text NOT NULL,
    category text NOT NULL,
    auth_type text NOT NULL,
    credential_type text NOT NULL,
    capabilities text[] NOT NULL,
    description text NOT NULL DEFAULT '',
    website_url text,
    documentation_url text,
    is_registered boolean NOT NULL DEFAULT true,
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE tenant_keys (
    tenant_id uuid NOT NULL REFERENCES tenants,
    key_id text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('data', 'identity')),
    wrapped_key bytea NOT NULL,
    master_key_id text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key_id)
);

CREATE TABLE users (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL DEFAULT 'user' CHECK (role IN ('admin', 'user', 'readonly')),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE api_tokens (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users
);

CREATE TABLE connections (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider_slug text NOT NULL REFERENCES providers,
    status text NOT NULL CHECK (status IN ('pending', 'active', 'expired', 'revoked', 'failed', 'disconnected')),
    environment text,
    alias text CHECK (length(alias) <= 100),
    external_login_id text,
    institution_id text,
    institution_name text,
    scopes text[] NOT NULL DEFAULT '{}',
    connected_at timestamptz,
    disconnected_at timestamptz,
    expires_at timestamptz,
    refresh_expires_at timestamptz,
    last_sync_at timestamptz,
    last_sync_status text,
    last_success_at timestamptz,
    last_error_code text,
    last_error_message text,
    next_attempt_at timestamptz,
    sync_cursor jsonb,
    lease_token uuid,
    lease_run_id uuid,
    lease_until timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users
);
CREATE UNIQUE INDEX connections_one_per_login ON connections
    (tenant_id, user_id, provider_slug, coalesce(environment, ''), external_login_id)
    WHERE external_login_id IS NOT NULL AND status <> 'disconnected';

CREATE TABLE connection_credentials (
    tenant_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    credential_type text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, connection_id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections,
    FOREIGN KEY (tenant_id, key_id) REFERENCES tenant_keys
);

CREATE TABLE accounts (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) <= 255),
    account_type text NOT NULL,
    provider_type text,
    account_number_masked text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    balance numeric NOT NULL,
    balance_known boolean NOT NULL,
    available_balance numeric,
    cash_balance numeric,
    credit_limit numeric,
    balance_as_of timestamptz,
    institution_name text,
    institution_timezone text,
    is_active boolean NOT NULL DEFAULT true,
    missing_since timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE account_sources (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    provider_slug text NOT NULL REFERENCES providers,
    provider_account_id text NOT NULL CHECK (length(provider_account_id) BETWEEN 1 AND 255),
    persistent_id text,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, connection_id, provider_account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts,
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections
);
CREATE INDEX account_sources_by_account ON account_sources (tenant_id, account_id);

CREATE TABLE sync_runs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    trigger text NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'partial', 'failed', 'cancelled')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    counts jsonb NOT NULL DEFAULT '{}',
    warnings jsonb NOT NULL DEFAULT '[]',
    error_code text,
    error_message text,
    next_allowed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections
);
CREATE INDEX sync_runs_by_connection ON sync_runs (tenant_id, connection_id, id DESC);

CREATE TABLE imports (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    sync_run_id uuid NOT NULL,
    provider_slug text NOT NULL REFERENCES providers,
    file_name text NOT NULL,
    file_digest bytea NOT NULL,
    file_size bigint NOT NULL,
    format_name text NOT NULL,
    period_start date,
    period_end date,
    result jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections,
    FOREIGN KEY (tenant_id, sync_run_id) REFERENCES sync_runs
);

CREATE TABLE transactions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    transaction_type text NOT NULL,
    subtype text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'settled', 'failed', 'cancelled')),
    amount numeric NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    description text NOT NULL CHECK (length(description) <= 500),
    transaction_date date NOT NULL,
    settlement_date date,
    occurred_at timestamptz,
    symbol text,
    security_name text,
    security_id text,
    security_id_type text,
    asset_type text,
    quantity numeric,
    unit_price numeric,
    multiplier numeric,
    commission numeric,
    fees numeric,
    original_amount numeric,
    original_currency text,
    fx_rate numeric,
    counterparty text,
    check_number text,
    category_hint text,
    memo text,
    settled_seen_at timestamptz,
    removed_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts
);
CREATE INDEX transactions_by_date ON transactions
    (tenant_id, transaction_date DESC, id DESC) WHERE removed_at IS NULL;
CREATE INDEX transactions_by_account ON transactions
    (tenant_id, account_id, transaction_date DESC, id DESC) WHERE removed_at IS NULL;

CREATE TABLE source_records (
    tenant_id uuid NOT NULL,
    source_id uuid NOT NULL,
    key text NOT NULL,
    account_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    provider_transaction_id text,
    fingerprint bytea,
    content_hash bytea NOT NULL,
    is_pending boolean NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    superseded_at timestamptz,
    raw jsonb,
    PRIMARY KEY (tenant_id, source_id, key),
    FOREIGN KEY (tenant_id, source_id) REFERENCES account_sources,
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions
);
CREATE INDEX source_records_by_transaction ON source_records (tenant_id, transaction_id);
CREATE INDEX source_records_by_content ON source_records (tenant_id, account_id, fingerprint);
CREATE INDEX source_records_reused_ids ON source_records (tenant_id, source_id, provider_transaction_id)
    WHERE key <> provider_transaction_id;
CREATE INDEX source_records_pending ON source_records (tenant_id, account_id)
    WHERE is_pending AND withdrawn_at IS NULL AND superseded_at IS NULL;

CREATE TABLE tombstones (
    tenant_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    account_id uuid NOT NULL,
    removed_at timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason IN ('removed_by_source', 'pending_vanished', 'corrected', 'import_undone')),
    sync_run_id uuid,
    last_content jsonb NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id, removed_at),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES transactions
);

CREATE TABLE holdings (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    provider_holding_id text NOT NULL,
    symbol text NOT NULL,
    security_name text NOT NULL,
    security_id text,
    security_id_type text,
    asset_type text NOT NULL,
    quantity numeric NOT NULL,
    multiplier numeric NOT NULL,
    currency text NOT NULL,
    cost_basis numeric,
    market_value numeric,
    average_price numeric,
    current_price numeric,
    price_as_of timestamptz,
    as_of timestamptz,
    is_active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, account_id, provider_holding_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts
);

CREATE TABLE balance_observations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    sync_run_id uuid,
    balance numeric NOT NULL,
    available_balance numeric,
    holdings_value numeric,
    cash_value numeric,
    currency text NOT NULL,
    source text NOT NULL,
    captured_at timestamptz NOT NULL,
    observed_on date NOT NULL,
    date_is_stated boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts
);
CREATE INDEX balance_observations_by_account ON balance_observations
    (tenant_id, account_id, captured_at DESC, id DESC);

CREATE TABLE rejected_records (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    sync_run_id uuid NOT NULL,
    mark bytea NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    field text NOT NULL,
    provider_id text,
    line integer,
    excerpt text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    resolved_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections,
    FOREIGN KEY (tenant_id, sync_run_id) REFERENCES sync_runs
);
CREATE UNIQUE INDEX rejected_records_open ON rejected_records (tenant_id, connection_id, mark)
    WHERE resolved_at IS NULL;

CREATE TABLE outbox (
    tenant_id uuid NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    type text NOT NULL,
    subject_id uuid NOT NULL,
    sync_run_id uuid,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX outbox_changes ON outbox (tenant_id, sync_run_id) WHERE type <> 'transaction.created';

CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants,
    scope text NOT NULL,
    key text NOT NULL,
    request_mark bytea NOT NULL,
    status integer,
    location text,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, scope, key)
);
