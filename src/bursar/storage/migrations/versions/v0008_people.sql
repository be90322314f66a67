-- Who owns an account, as a provider told it when somebody asked; one sealed text for each account.
CREATE TABLE account_owners (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    stored_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES accounts,
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections,
    FOREIGN KEY (tenant_id, key_id) REFERENCES tenant_keys
);
CREATE INDEX account_owners_by_connection ON account_owners (tenant_id, connection_id);
CREATE INDEX account_owners_by_key ON account_owners (tenant_id, key_id);

-- How long a tenant keeps what is about people; no row: until it is erased.
CREATE TABLE retention_policies (
    tenant_id uuid NOT NULL REFERENCES tenants,
    subject text NOT NULL CHECK (subject IN ('identity', 'transaction_texts')),
    keep_days integer NOT NULL CHECK (keep_days BETWEEN 1 AND 36500),
    changed_by uuid,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, subject),
    FOREIGN KEY (tenant_id, changed_by) REFERENCES users (tenant_id, id)
);
CREATE INDEX retention_policies_by_user ON retention_policies (tenant_id, changed_by);

-- Set once, when the texts of a row are forgotten: no later reading brings them back.
ALTER TABLE transactions ADD COLUMN texts_removed_at timestamptz;

-- What is left of a tenant that was erased: that it was, what went, and which providers could not be told. The mark is a
-- digest of the tenant's id: whoever has the id finds the proof, and the proof tells nobody the id.
CREATE TABLE erasure_proofs (
    id uuid PRIMARY KEY,
    tenant_mark bytea NOT NULL,
    erased_at timestamptz NOT NULL,
    row_counts jsonb NOT NULL,
    revoked_count integer NOT NULL,
    not_revoked jsonb NOT NULL,
    audit_length bigint NOT NULL,
    audit_hash bytea
);
CREATE INDEX erasure_proofs_by_mark ON erasure_proofs (tenant_mark);

-- Each audit event is a link of its tenant's chain: its hash is of the one before and of what the event says. Who
-- changes, drops or slips in an event afterwards has to change every later link, and the head that was noted elsewhere.
CREATE TABLE audit_heads (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    length bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE audit_links (
    tenant_id uuid NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, event_id),
    FOREIGN KEY (tenant_id, event_id) REFERENCES audit_events
);

CREATE FUNCTION audit_digest(event audit_events) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(jsonb_build_array(event.tenant_id, event.id, event.occurred_at AT TIME ZONE 'UTC',
        event.event_type, event.subject_id, event.actor_user_id, event.data)::text, 'UTF8'))
$$;

CREATE FUNCTION link_audit_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    link record;
BEGIN
    -- The head's row is the lock of the chain: writers of one tenant take their places one after the other.
    INSERT INTO public.audit_heads AS head (tenant_id, length, hash)
    VALUES (NEW.tenant_id, 1, sha256(public.audit_digest(NEW)))
    ON CONFLICT (tenant_id) DO UPDATE SET length = head.length + 1,
        hash = sha256(head.hash || public.audit_digest(NEW))
    RETURNING head.length, head.hash INTO link;
    INSERT INTO public.audit_links (tenant_id, position, event_id, hash)
    VALUES (NEW.tenant_id, link.length, NEW.id, link.hash);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION link_audit_event() FROM PUBLIC;
-- At commit, so that nobody holds the head while waiting for anything else.
CREATE CONSTRAINT TRIGGER linked AFTER INSERT ON audit_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION link_audit_event();

-- The texts of a batch of old rows, in every place that has them. Feed and tombstones may only be added to by the
-- application, so this is done for it, for the tenant that its transaction is bound to.
CREATE FUNCTION forget_texts(whose uuid, booked_before date, after_id uuid, batch integer, at timestamptz,
    OUT last_id uuid, OUT row_count bigint, OUT raw_count bigint, OUT change_count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    chosen uuid[];
    done bigint;
BEGIN
    IF whose IS DISTINCT FROM nullif(current_setting('app.tenant_id', true), '')::uuid THEN
        RAISE insufficient_privilege USING MESSAGE = 'a transaction can change only the tenant that it is bound to';
    END IF;
    SELECT array_agg(id), max(id::text)::uuid, count(*) INTO chosen, last_id, row_count FROM (
        SELECT id FROM public.transactions
        WHERE tenant_id = whose AND id > after_id AND transaction_date < booked_before AND texts_removed_at IS NULL
            AND (status <> 'pending' OR removed_at IS NOT NULL)
        ORDER BY id LIMIT batch FOR UPDATE
    ) AS due;
    UPDATE public.source_records SET raw = NULL
    WHERE tenant_id = whose AND transaction_id = ANY(chosen) AND raw IS NOT NULL;
    GET DIAGNOSTICS raw_count = ROW_COUNT;
    UPDATE public.outbox SET data = data
        || CASE WHEN data -> 'before' ? 'description'
            THEN jsonb_build_object('before', data -> 'before' || '{"description": ""}') ELSE '{}' END
        || CASE WHEN data -> 'after' ? 'description'
            THEN jsonb_build_object('after', data -> 'after' || '{"description": ""}') ELSE '{}' END
    WHERE tenant_id = whose AND subject_id = ANY(chosen) AND type LIKE 'transaction.%'
        AND (data #>> '{before,description}' <> '' OR data #>> '{after,description}' <> '');
    GET DIAGNOSTICS change_count = ROW_COUNT;
    UPDATE public.tombstones SET last_content = last_content || '{"description": ""}'
    WHERE tenant_id = whose AND transaction_id = ANY(chosen) AND last_content ->> 'description' <> '';
    GET DIAGNOSTICS done = ROW_COUNT;
    change_count := change_count + done;
    WITH forgotten AS (
        UPDATE public.transactions SET description = '', counterparty = NULL, memo = NULL, check_number = NULL,
            texts_removed_at = at, version = version + 1, updated_at = at
        WHERE tenant_id = whose AND id = ANY(chosen)
        RETURNING id, removed_at, jsonb_build_object('account_id', account_id, 'status', status,
            'amount', amount::text, 'currency', currency, 'transaction_date', transaction_date,
            'description', description) AS told
    )
    -- Whoever keeps a copy of the feed learns that the texts are to be forgotten there, too.
    INSERT INTO public.outbox (tenant_id, type, subject_id, occurred_at, data)
    SELECT whose, 'transaction.updated', id, at, jsonb_build_object('before', told, 'after', told)
    FROM forgotten WHERE removed_at IS NULL;
END $$;
REVOKE ALL ON FUNCTION forget_texts(uuid, date, uuid, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_texts(uuid, date, uuid, integer, timestamptz) TO bursar_app;

-- As before, and it says what it has deleted: rows by table, null when there was no such tenant.
DROP FUNCTION erase_tenant(uuid);
CREATE FUNCTION erase_tenant(erased uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    fenced regclass;
    existed boolean;
    done bigint;
    counts jsonb := '{}';
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
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done > 0 THEN
            counts := counts || jsonb_build_object(fenced::text, done);
        END IF;
    END LOOP;
    -- A job that is being carried out belongs to its worker, which finds nothing left to do and ends it.
    DELETE FROM public.procrastinate_jobs WHERE args ->> 'tenant_id' = erased::text AND status <> 'doing';
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN CASE WHEN existed THEN counts || jsonb_build_object('jobs', done) END;
END $$;
REVOKE ALL ON FUNCTION erase_tenant(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_tenant(uuid) TO bursar_app;

-- When the data that came through a connection was erased on request; the row itself stays, without anything to know
-- its login by, for the audit trail to point at.
ALTER TABLE connections ADD COLUMN erased_at timestamptz;

-- Everything that only this connection has told of. What another source of an account has told of, too, is the other's,
-- and stays. Rows by table; null when the connection is not there, not disconnected, or erased already.
CREATE FUNCTION erase_connection(whose uuid, left_id uuid, at timestamptz) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    sources uuid[];
    alone uuid[];
    gone uuid[];
    runs uuid[];
    done bigint;
    row_count bigint;
BEGIN
    IF whose IS DISTINCT FROM nullif(current_setting('app.tenant_id', true), '')::uuid THEN
        RAISE insufficient_privilege USING MESSAGE = 'a transaction can change only the tenant that it is bound to';
    END IF;
    PERFORM FROM public.connections WHERE tenant_id = whose AND id = left_id AND status = 'disconnected'
        AND erased_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(array_agg(id), '{}') INTO sources FROM public.account_sources
    WHERE tenant_id = whose AND connection_id = left_id;
    SELECT coalesce(array_agg(DISTINCT s.account_id), '{}') INTO alone FROM public.account_sources s
    WHERE s.tenant_id = whose AND s.connection_id = left_id AND NOT EXISTS (
        SELECT FROM public.account_sources o
        WHERE o.tenant_id = whose AND o.account_id = s.account_id AND o.connection_id <> left_id);
    SELECT coalesce(array_agg(id), '{}') INTO runs FROM public.sync_runs
    WHERE tenant_id = whose AND connection_id = left_id;
    SELECT coalesce(array_agg(id), '{}') INTO gone FROM (
        SELECT id FROM public.transactions WHERE tenant_id = whose AND account_id = ANY(alone)
        UNION
        SELECT r.transaction_id FROM public.source_records r WHERE r.tenant_id = whose AND r.source_id = ANY(sources)
            AND NOT EXISTS (SELECT FROM public.source_records o WHERE o.tenant_id = whose
                AND o.transaction_id = r.transaction_id AND NOT o.source_id = ANY(sources))
    ) AS told_by_nobody_else;
    DELETE FROM public.source_records WHERE tenant_id = whose AND source_id = ANY(sources);
    DELETE FROM public.tombstones WHERE tenant_id = whose AND transaction_id = ANY(gone);
    DELETE FROM public.outbox WHERE tenant_id = whose AND subject_id = ANY(gone);
    DELETE FROM public.transactions WHERE tenant_id = whose AND id = ANY(gone);
    GET DIAGNOSTICS row_count = ROW_COUNT;
    DELETE FROM public.account_owners
    WHERE tenant_id = whose AND (connection_id = left_id OR account_id = ANY(alone));
    DELETE FROM public.transfers WHERE tenant_id = whose AND (connection_id = left_id
        OR source_account_id = ANY(alone) OR destination_account_id = ANY(alone));
    DELETE FROM public.balance_gaps WHERE tenant_id = whose AND account_id = ANY(alone);
    DELETE FROM public.proofs_due WHERE tenant_id = whose AND account_id = ANY(alone);
    DELETE FROM public.balance_observations WHERE tenant_id = whose AND account_id = ANY(alone);
    DELETE FROM public.holdings WHERE tenant_id = whose AND account_id = ANY(alone);
    DELETE FROM public.account_sources WHERE tenant_id = whose AND id = ANY(sources);
    DELETE FROM public.accounts WHERE tenant_id = whose AND id = ANY(alone);
    GET DIAGNOSTICS done = ROW_COUNT;
    DELETE FROM public.rejected_records WHERE tenant_id = whose AND connection_id = left_id;
    DELETE FROM public.imports WHERE tenant_id = whose AND connection_id = left_id;
    DELETE FROM public.sync_runs WHERE tenant_id = whose AND id = ANY(runs);
    DELETE FROM public.connection_credentials WHERE tenant_id = whose AND connection_id = left_id;
    UPDATE public.connections SET erased_at = at, alias = NULL, external_login_id = NULL, institution_id = NULL,
        institution_name = NULL, sync_cursor = NULL, version = version + 1, updated_at = at
    WHERE tenant_id = whose AND id = left_id;
    RETURN jsonb_build_object('accounts', done, 'transactions', row_count);
END $$;
REVOKE ALL ON FUNCTION erase_connection(uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_connection(uuid, uuid, timestamptz) TO bursar_app;
