SET LOCAL lock_timeout = '2s';

CREATE OR REPLACE FUNCTION keep_ledger(noun regclass, parent_noun text DEFAULT NULL, parent_column text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER stamp BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION stamp()', noun);
    IF parent_noun IS NULL THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record()', noun);
    ELSE
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record(%L, %L)', noun, parent_noun, parent_column);
    END IF;
    INSERT INTO kept VALUES (noun::text, parent_noun, parent_column)
        ON CONFLICT ON CONSTRAINT kept_pkey DO UPDATE SET parent_noun = excluded.parent_noun, parent_column = excluded.parent_column;
END $$;

DROP FUNCTION settle(timestamptz);
DROP FUNCTION look_back(regclass);
DROP SCHEMA as_of CASCADE;
DROP INDEX ledger_noun_idx;
