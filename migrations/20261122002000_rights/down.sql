SET LOCAL lock_timeout = '2s';

CREATE OR REPLACE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    author text := nullif(current_setting('app.author', true), '');
    parent_noun text := TG_ARGV[0];
    parent uuid;
    old_row jsonb;
    new_row jsonb;
    row jsonb;
BEGIN
    IF author IS NULL THEN
        RAISE EXCEPTION 'a write nobody signed: app.author is not set' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD) - 'search'; END IF;
    IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW) - 'search'; END IF;
    row := coalesce(new_row, old_row);
    IF parent_noun IS NOT NULL THEN
        parent := (row ->> TG_ARGV[1])::uuid;
    END IF;
    INSERT INTO ledger (noun, thing, parent_noun, parent, version, action, before, after, author, key_id, request, reason)
    VALUES (TG_TABLE_NAME, (row ->> 'id')::uuid, parent_noun, parent,
            (row ->> 'version')::integer + (TG_OP = 'DELETE')::integer,
            CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END,
            old_row, new_row, author,
            nullif(current_setting('app.key', true), '')::uuid,
            nullif(current_setting('app.request', true), ''),
            nullif(current_setting('app.reason', true), ''));
    IF parent_noun IS NOT NULL THEN
        EXECUTE format('UPDATE %I SET version = version + 1 WHERE id = $1 AND xmin <> pg_current_xact_id()::xid', parent_noun) USING parent;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION keep_ledger(noun regclass, parent_noun text DEFAULT NULL, parent_column text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION stamp()', noun);
    IF parent_noun IS NULL THEN
        EXECUTE format('CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record()', noun);
    ELSE
        EXECUTE format('CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record(%L, %L)', noun, parent_noun, parent_column);
    END IF;
END $$;

DROP FUNCTION audience_of(text, jsonb);
ALTER TABLE ledger DROP COLUMN audience, DROP COLUMN places;
DROP TABLE kept;
ALTER TABLE api_keys ADD COLUMN role text CONSTRAINT api_keys_role CHECK (role IN ('editor', 'admin')),
    DROP COLUMN created_by, DROP COLUMN revoked_by, DROP COLUMN previous_hash, DROP COLUMN previous_until;
UPDATE api_keys SET role = CASE WHEN EXISTS (SELECT FROM grants WHERE key_id = api_keys.id AND role = 'admin') THEN 'admin' ELSE 'editor' END;
ALTER TABLE api_keys ALTER COLUMN role SET NOT NULL;
DROP TABLE grants;
ALTER TABLE people DROP COLUMN publication_basis, DROP COLUMN consented_on;
DROP VIEW territory_places;
ALTER TABLE territory_members DROP COLUMN department_codes;
DROP TABLE department_regions;
CREATE OR REPLACE FUNCTION action_fiches_levels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id) THEN
        PERFORM FROM action_fiches WHERE id IN (NEW.parent_id, NEW.id) ORDER BY id FOR UPDATE;
        IF EXISTS (SELECT FROM action_fiches WHERE id = NEW.parent_id AND (parent_id IS NOT NULL OR territory_id <> NEW.territory_id))
           OR EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id) THEN
            RAISE EXCEPTION 'two levels at most' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_levels';
        END IF;
    END IF;
    IF NEW.progress = 'done' AND (TG_OP = 'INSERT' OR OLD.progress <> 'done') AND EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id AND progress NOT IN ('done', 'abandoned')) THEN
        RAISE EXCEPTION 'an open child' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_open_child';
    END IF;
    IF NEW.parent_id IS NOT NULL AND NEW.progress NOT IN ('done', 'abandoned')
       AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.progress <> OLD.progress)
       AND 'done' = (SELECT progress FROM action_fiches WHERE id = NEW.parent_id FOR UPDATE) THEN
        RAISE EXCEPTION 'a done parent' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_done_parent';
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION visibility_rank(text);
