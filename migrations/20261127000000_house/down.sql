SET LOCAL lock_timeout = '2s';
DROP SCHEMA as_of CASCADE;
DROP TABLE functions, kept, stamping, stamps, ledger;
DROP FUNCTION search_words(text), alias_names(jsonb), fold(text);
-- The role itself is the cluster's. Of this database it may do nothing any more.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'territoires_service') THEN
        DROP OWNED BY territoires_service;
    END IF;
END $$;
