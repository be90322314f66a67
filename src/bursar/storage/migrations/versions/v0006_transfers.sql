-- Orders to move money. A row is there before the provider is asked, and says for ever what became of it.
CREATE TABLE transfers (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    connection_id uuid NOT NULL,
    provider_slug text NOT NULL REFERENCES providers,
    requested_by uuid NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_mark bytea NOT NULL,
    source_account_id uuid NOT NULL,
    destination_account_id uuid NOT NULL,
    source_place text NOT NULL,
    destination_place text NOT NULL,
    amount numeric NOT NULL CHECK (amount > 0 AND amount < 'Infinity'),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    description text NOT NULL CHECK (length(description) <= 140),
    is_instant boolean NOT NULL,
    status text NOT NULL CHECK (status IN
        ('awaiting_confirmation', 'sending', 'completed', 'failed', 'unknown', 'cancelled', 'expired')),
    limit_day date,
    provider_transfer_id text,
    failure_code text,
    failure_message text,
    confirmed_by uuid,
    expires_at timestamptz,
    sent_at timestamptz,
    finished_at timestamptz,
    check_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    -- One intent is one row for ever, not for the day that answers to requests are kept.
    UNIQUE (tenant_id, requested_by, idempotency_key),
    CHECK (source_account_id <> destination_account_id),
    CHECK (status NOT IN ('sending', 'completed', 'unknown') OR (limit_day IS NOT NULL AND sent_at IS NOT NULL)),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections,
    FOREIGN KEY (tenant_id, requested_by) REFERENCES users,
    FOREIGN KEY (tenant_id, confirmed_by) REFERENCES users (tenant_id, id),
    FOREIGN KEY (tenant_id, source_account_id) REFERENCES accounts,
    FOREIGN KEY (tenant_id, destination_account_id) REFERENCES accounts
);
-- A movement at the provider belongs to one transfer at most.
CREATE UNIQUE INDEX transfers_one_per_movement ON transfers (tenant_id, connection_id, provider_transfer_id)
    WHERE provider_transfer_id IS NOT NULL;
CREATE INDEX transfers_alike ON transfers (tenant_id, connection_id, source_place, destination_place, amount);
CREATE INDEX transfers_due ON transfers (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX transfers_by_source ON transfers (tenant_id, source_account_id);
CREATE INDEX transfers_by_destination ON transfers (tenant_id, destination_account_id);
CREATE INDEX transfers_by_confirmer ON transfers (tenant_id, confirmed_by);

-- What is used of a day's limit. Whoever reserves changes this row, so reservations of one day are made one by one.
CREATE TABLE transfer_days (
    tenant_id uuid NOT NULL REFERENCES tenants,
    provider_slug text NOT NULL REFERENCES providers,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    day date NOT NULL,
    reserved numeric NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved < 'Infinity'),
    committed numeric NOT NULL DEFAULT 0 CHECK (committed >= 0 AND committed < 'Infinity'),
    PRIMARY KEY (tenant_id, provider_slug, currency, day)
);

-- What was done, by whom, with what outcome. The application may add to it and read it, nothing else.
CREATE TABLE audit_events (
    tenant_id uuid NOT NULL REFERENCES tenants,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_type text NOT NULL CHECK (length(event_type) BETWEEN 1 AND 100),
    subject_id uuid NOT NULL,
    actor_user_id uuid,
    data jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, actor_user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX audit_events_by_subject ON audit_events (tenant_id, subject_id, id);
CREATE INDEX audit_events_by_actor ON audit_events (tenant_id, actor_user_id);
