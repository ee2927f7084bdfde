SET LOCAL lock_timeout = '2s';
DROP INDEX api_keys_name_key, api_keys_created_by_idx, api_keys_lineage_idx;
ALTER TABLE api_keys DROP COLUMN lineage;
DROP TABLE usage;
ALTER TABLE idempotency_keys DROP COLUMN things;
ALTER TABLE stamps DROP COLUMN remark, DROP COLUMN remark_salt;
DROP INDEX ledger_person_idx, ledger_parent_version_idx, ledger_parent_idx;
-- The functions that read it go with it.
ALTER TABLE ledger DROP COLUMN parent_version CASCADE;
CREATE INDEX ledger_parent_idx ON ledger (parent, id) WHERE parent IS NOT NULL;
