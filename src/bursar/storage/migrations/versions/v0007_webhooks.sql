-- What a provider told unasked, once for each notice, without its body. A row belongs to no tenant: whose login it is
-- about is looked up later, and forgotten with it, so that nothing of a tenant is left in a row that was followed.
CREATE TABLE webhook_notices (
    id uuid PRIMARY KEY,
    provider_slug text NOT NULL REFERENCES providers,
    notice_id text NOT NULL CHECK (length(notice_id) BETWEEN 1 AND 255),
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 50),
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 255),
    external_login_id text CHECK (length(external_login_id) BETWEEN 1 AND 255),
    sent_at timestamptz,
    received_at timestamptz NOT NULL,
    repeat_count integer NOT NULL DEFAULT 0,
    connection_count integer,
    followed_at timestamptz,
    -- The same notice is one row however often it is delivered.
    UNIQUE (provider_slug, notice_id),
    CHECK (followed_at IS NULL OR external_login_id IS NULL)
);
CREATE INDEX webhook_notices_open ON webhook_notices (received_at) WHERE followed_at IS NULL;
CREATE INDEX webhook_notices_by_age ON webhook_notices (received_at);

-- Across tenants: the connections of a login. Two tenants may have the same one.
CREATE INDEX connections_by_login ON connections (provider_slug, external_login_id)
    WHERE external_login_id IS NOT NULL AND status <> 'disconnected';
