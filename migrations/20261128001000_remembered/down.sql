SET LOCAL lock_timeout = '2s';
DROP INDEX api_keys_name_key, api_keys_created_by_idx, api_keys_lineage_idx;
ALTER TABLE api_keys DROP COLUMN lineage;
DROP TABLE usage;
ALTER TABLE idempotency_keys DROP COLUMN things;
ALTER TABLE stamps DROP COLUMN remark, DROP COLUMN remark_salt;
DROP INDEX ledger_person_idx, ledger_parent_version_idx, ledger_parent_idx;
CREATE OR REPLACE VIEW as_of.written AS
    SELECT line.noun, line.thing, line.parent, line.version, line.action, line.after
    FROM ledger line
    WHERE line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz - interval '1 day')
       OR line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz)
          AND (SELECT last.recorded_at FROM ledger last WHERE last.transaction BETWEEN line.transaction AND line.transaction
                 AND last.recorded_at < line.recorded_at + interval '1 day'
               ORDER BY last.transaction DESC, last.id DESC LIMIT 1) <= (SELECT current_setting('app.as_of')::timestamptz);
-- The functions that read them go with them.
ALTER TABLE ledger DROP COLUMN parent_version CASCADE, DROP COLUMN same_as CASCADE;
CREATE INDEX ledger_parent_idx ON ledger (parent, id) WHERE parent IS NOT NULL;
