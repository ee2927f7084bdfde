SET LOCAL lock_timeout = '2s';
DROP INDEX ledger_version_key;
CREATE INDEX ledger_thing_idx ON ledger (thing, version);
DO $$
DECLARE
    edge record;
BEGIN
    FOR edge IN SELECT tgname, tgrelid::regclass AS noun FROM pg_trigger WHERE tgname LIKE '%\_cycle' LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', edge.tgname, edge.noun);
    END LOOP;
END $$;
