-- What the status of a connection needs to tell the truth.
ALTER TABLE connections
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN last_error_cause text,
    ADD COLUMN last_error_at timestamptz,
    ADD COLUMN read_at timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN quota_free_at timestamptz;
COMMENT ON COLUMN connections.read_at IS 'attempts to read within the window of the provider''s quota, oldest first';
COMMENT ON COLUMN connections.quota_free_at IS 'when the quota allows the next attempt; null while it has room';
GRANT SELECT (paused_at, quota_free_at) ON connections TO bursar_scheduler;

-- What the keys between tables, and the erasure of a tenant, look up.
DROP INDEX transactions_by_account;
CREATE INDEX transactions_by_account ON transactions (tenant_id, account_id, transaction_date DESC, id DESC);
CREATE INDEX imports_by_connection ON imports (tenant_id, connection_id);
CREATE INDEX imports_by_run ON imports (tenant_id, sync_run_id);
CREATE INDEX rejected_records_by_connection ON rejected_records (tenant_id, connection_id);
CREATE INDEX rejected_records_by_run ON rejected_records (tenant_id, sync_run_id);
CREATE INDEX connection_credentials_by_key ON connection_credentials (tenant_id, key_id);
CREATE INDEX api_tokens_by_user ON api_tokens (tenant_id, user_id);
CREATE INDEX connections_by_user ON connections (tenant_id, user_id);
CREATE INDEX procrastinate_jobs_by_tenant ON procrastinate_jobs ((args ->> 'tenant_id'));

-- The application may not delete from most tables, and may erase the tenant that its transaction is bound to.
CREATE FUNCTION erase_tenant(erased uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    fenced regclass;
    existed boolean;
BEGIN
    IF erased IS DISTINCT FROM nullif(current_setting('app.tenant_id', true), '')::uuid THEN
        RAISE insufficient_privilege USING MESSAGE = 'a transaction can erase only the tenant that it is bound to';
    END IF;
    -- In the order in which everybody else takes these locks. Runs under way are waited for; with the users locked
    -- no connection can be added, so that the second look finds the last one.
    PERFORM FROM public.connections WHERE tenant_id = erased ORDER BY id FOR UPDATE;
    PERFORM FROM public.users WHERE tenant_id = erased ORDER BY id FOR UPDATE;
    PERFORM FROM public.connections WHERE tenant_id = erased ORDER BY id FOR UPDATE;
    PERFORM FROM public.tenants WHERE tenant_id = erased FOR UPDATE;
    existed := FOUND;
    -- Every table with rows of tenants, whichever migration made it: what points at others before what is pointed at.
    FOR fenced IN
        WITH RECURSIVE tenant_tables AS (
            SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
                AND a.attname = 'tenant_id' AND NOT a.attisdropped
        ), depths (oid, depth) AS (
            SELECT oid, 0 FROM tenant_tables
            UNION
            SELECT k.conrelid, d.depth + 1 FROM depths d
            JOIN pg_constraint k ON k.confrelid = d.oid AND k.contype = 'f' AND k.conrelid <> k.confrelid
            WHERE d.depth < 32 AND k.conrelid IN (SELECT oid FROM tenant_tables)
        )
        SELECT oid FROM depths GROUP BY oid ORDER BY max(depth) DESC, oid
    LOOP
        EXECUTE format('DELETE FROM %s WHERE tenant_id = $1', fenced) USING erased;
    END LOOP;
    -- A job that is being carried out belongs to its worker, which finds nothing left to do and ends it.
    DELETE FROM public.procrastinate_jobs WHERE args ->> 'tenant_id' = erased::text AND status <> 'doing';
    RETURN existed;
END $$;
REVOKE ALL ON FUNCTION erase_tenant(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_tenant(uuid) TO bursar_app;
