-- The keyed hash of the full number, where a source shows it, and when the newest listing of the source was true.
ALTER TABLE account_sources ADD COLUMN identity_hash text, ADD COLUMN listed_at timestamptz;
CREATE INDEX account_sources_by_identity ON account_sources (tenant_id, identity_hash) WHERE identity_hash IS NOT NULL;
CREATE INDEX account_sources_by_persistent_id ON account_sources (tenant_id, provider_slug, persistent_id)
    WHERE persistent_id IS NOT NULL;
CREATE INDEX account_sources_by_provider_id ON account_sources (tenant_id, provider_account_id);

-- What this source said last: the row itself may stand otherwise, once another source has told of it, too.
ALTER TABLE source_records ADD COLUMN booked_on date, ADD COLUMN amount numeric;
UPDATE source_records e SET booked_on = t.transaction_date, amount = t.amount
    FROM transactions t WHERE t.tenant_id = e.tenant_id AND t.id = e.transaction_id;
ALTER TABLE source_records ALTER COLUMN booked_on SET NOT NULL, ALTER COLUMN amount SET NOT NULL;
-- Equal content is of an equal day, and a listing is a span of days: one index serves both.
DROP INDEX source_records_by_content;
CREATE INDEX source_records_by_day ON source_records (tenant_id, account_id, booked_on);

ALTER TABLE tombstones DROP CONSTRAINT tombstones_reason_check;
ALTER TABLE tombstones ADD CONSTRAINT tombstones_reason_check
    CHECK (reason IN ('removed_by_source', 'pending_vanished', 'corrected', 'import_undone', 'merged'));
