-- Locks an identifier until the transaction ends, whether there is a row or not: for whatever brings a thing back.
CREATE OR REPLACE FUNCTION lock_thing(id uuid) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('thing ' || id, 0))
$$;

-- Before a write: an update that changes nothing is dropped; any other write gets a new version and the hour. The service never
-- sets these columns itself. A version that comes already raised was raised by `record()`, for the whole of a part.
CREATE OR REPLACE FUNCTION set_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- What was deleted and comes back goes on where its versions stopped. One transaction at a time brings it back.
        IF EXISTS (SELECT FROM ledger WHERE thing = NEW.id) THEN
            PERFORM lock_thing(NEW.id);
        END IF;
        NEW.version := coalesce((SELECT max(version) FROM ledger WHERE thing = NEW.id), 0) + 1;
        NEW.created_at := clock_timestamp();
        NEW.updated_at := NEW.created_at;
        RETURN NEW;
    END IF;
    IF NEW.version = OLD.version THEN
        -- A generated column is not computed yet.
        IF to_jsonb(NEW) - 'search' = to_jsonb(OLD) - 'search' THEN
            RETURN NULL;
        END IF;
        NEW.version := OLD.version + 1;
    END IF;
    NEW.id := OLD.id;
    NEW.created_at := OLD.created_at;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

-- All that a line says of the thing after the write; null when it is deleted. A line that has another version and hour, and nothing else, names
-- the line that says the rest.
CREATE OR REPLACE FUNCTION content(line ledger) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN line.same_as IS NULL THEN line.after ELSE (SELECT origin.after FROM ledger origin WHERE origin.id = line.same_as) || line.after END
$$;

-- All that was said of the thing before the write of a line: the line before says it, unless this line does.
CREATE OR REPLACE FUNCTION content_before(line ledger) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(line.before, (SELECT content(last) FROM ledger last WHERE last.thing = line.thing AND last.version = line.version - 1))
$$;

-- After a write: one line in the ledger, in the same transaction. What is said once is not repeated: what the line before says, and what no
-- write changed. What else follows from the write:
-- - A part's write gives its whole a new version, once a transaction. (A whole that was made or changed in this transaction
--   has its new version already.) A part that some may not see who see the whole moves nothing: it would tell of itself.
-- - When a thing is for others from now on, its parts, its citations and what names it get a line too: whom they are for has changed.
-- - When a person may be named by all from now on, or no longer, whatever names the person gets a line. Where else the person sits
--   has no bearing on it.
-- - A thing that is deleted is cited no more.
CREATE OR REPLACE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    author text := nullif(current_setting('app.author', true), '');
    parent_noun text := TG_ARGV[0];
    parent uuid;
    old_row jsonb;
    new_row jsonb;
    row jsonb;
    now_for record;
    was_for record;
    whole record;
    part kept;
    moves boolean;
    whole_version integer;
    last ledger;
    told jsonb;
    same_as bigint;
    many bigint;
    bytes bigint;
    shared boolean;
    texts text;
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
    SELECT * INTO now_for FROM audience_of(TG_TABLE_NAME, row);
    SELECT * INTO last FROM ledger WHERE thing = (row ->> 'id')::uuid ORDER BY version DESC LIMIT 1;
    SELECT last.audience, last.places INTO was_for;
    IF TG_OP = 'UPDATE' THEN
        told := content(last);
        IF told - '{version,updated_at}'::text[] = new_row - '{version,updated_at}'::text[] THEN
            same_as := coalesce(last.same_as, last.id);
        END IF;
    END IF;
    IF parent_noun IS NOT NULL THEN
        SELECT audience, places, version, action INTO whole FROM ledger WHERE thing = (row ->> TG_ARGV[1])::uuid ORDER BY version DESC LIMIT 1;
        moves := NOT is_narrower(now_for.audience, now_for.places, whole.audience, whole.places)
            OR TG_OP = 'UPDATE' AND NOT is_narrower(was_for.audience, was_for.places, whole.audience, whole.places);
        EXECUTE format('SELECT version + (xmin <> pg_current_xact_id()::xid AND $2)::integer FROM %I WHERE id = $1', parent_noun)
            INTO whole_version USING parent, moves;
        -- A whole that is gone goes in this transaction: its line is there already, or still to come.
        whole_version := coalesce(whole_version, whole.version + (whole.action <> 'delete')::integer);
    END IF;
    INSERT INTO ledger (noun, thing, parent_noun, parent, parent_version, version, same_as, action, before, after, author, key_id, request, reason, audience, places)
    VALUES (TG_TABLE_NAME, (row ->> 'id')::uuid, parent_noun, parent, whole_version,
            (row ->> 'version')::integer + (TG_OP = 'DELETE')::integer, same_as,
            CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END,
            CASE WHEN told IS DISTINCT FROM old_row THEN old_row END,
            CASE WHEN same_as IS NULL THEN new_row ELSE jsonb_build_object('version', new_row -> 'version', 'updated_at', new_row -> 'updated_at') END, author,
            nullif(current_setting('app.key', true), '')::uuid,
            nullif(current_setting('app.request', true), ''),
            nullif(current_setting('app.reason', true), ''),
            coalesce(now_for.audience, 'restricted'), coalesce(now_for.places, '{}'));
    -- A thing has so many parts of one sort, of so many bytes. What is brought back was within these bounds once.
    IF parent_noun IS NOT NULL AND coalesce(current_setting('app.action', true), '') = ''
        AND (TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND same_as IS NULL AND octet_length(new_row::text) > octet_length(old_row::text)) THEN
        -- What several territories write into one thing is counted of each, and is a tenth: so none of them fills it for the others.
        SELECT TG_ARGV[1] <> 'territory_id' AND row ? 'territory_id',
            string_agg(CASE atttypid WHEN 'text'::regtype THEN format('coalesce(octet_length(part.%I), 0)', attname)
                ELSE format('coalesce(octet_length(part.%I::text), 0)', attname) END, ' + ')
            INTO shared, texts FROM pg_attribute WHERE attrelid = TG_RELID AND atttypid IN ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype) AND attnum > 0 AND NOT attisdropped;
        EXECUTE format('SELECT count(*), sum(%s) FROM %I part WHERE %I = $1 AND (NOT $2 OR to_jsonb(part) -> ''territory_id'' = $3)',
                coalesce(texts, '0'), TG_TABLE_NAME, TG_ARGV[1])
            INTO many, bytes USING parent, shared, row -> 'territory_id';
        IF shared THEN
            many := many * 10;
            bytes := bytes * 10;
        END IF;
        IF TG_OP = 'INSERT' AND many > 1000 THEN
            RAISE EXCEPTION 'too many parts' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_TABLE_NAME || '_parts_most';
        ELSIF bytes > 4194304 THEN
            RAISE EXCEPTION 'too large parts' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_TABLE_NAME || '_parts_bytes';
        END IF;
    END IF;
    IF moves THEN
        EXECUTE format('UPDATE %I SET version = version + 1 WHERE id = $1 AND xmin <> pg_current_xact_id()::xid', parent_noun) USING parent;
    ELSIF parent_noun IS NULL AND EXISTS (SELECT FROM ledger line WHERE line.parent = (row ->> 'id')::uuid AND line.transaction = pg_current_xact_id()
            AND line.parent_version < (row ->> 'version')::integer + (TG_OP = 'DELETE')::integer AND line.recorded_at > now() - interval '1 day') THEN
        PERFORM move_along((row ->> 'id')::uuid, (row ->> 'version')::integer + (TG_OP = 'DELETE')::integer);
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM citations WHERE thing_id = OLD.id;
    END IF;
    IF TG_OP = 'UPDATE' AND was_for IS DISTINCT FROM now_for THEN
        FOR part IN SELECT * FROM kept WHERE kept.parent_noun = TG_TABLE_NAME ORDER BY noun LOOP
            EXECUTE format('UPDATE %I SET version = version + 1 WHERE %I = $1', part.noun, part.parent_column) USING NEW.id;
        END LOOP;
    END IF;
    IF TG_OP = 'UPDATE' AND was_for IS DISTINCT FROM now_for THEN
        UPDATE citations SET version = version + 1 WHERE NEW.id IN (thing_id, document_id);
    END IF;
    IF TG_TABLE_NAME = 'action_fiches' AND TG_OP = 'UPDATE' AND was_for IS DISTINCT FROM now_for THEN
        FOR part IN SELECT kept.* FROM kept JOIN pg_attribute ON attrelid = noun::regclass AND attname = 'action_fiche_id'
                    WHERE kept.parent_noun IS DISTINCT FROM 'action_fiches' ORDER BY noun LOOP
            EXECUTE format('UPDATE %I SET version = version + 1 WHERE action_fiche_id = $1 AND xmin <> pg_current_xact_id()::xid', part.noun) USING NEW.id;
        END LOOP;
    END IF;
    IF TG_TABLE_NAME = 'people' AND TG_OP = 'UPDATE' AND was_for.audience IS DISTINCT FROM now_for.audience THEN
        FOR part IN SELECT kept.* FROM kept JOIN pg_attribute ON attrelid = noun::regclass AND attname = 'person_id'
                    WHERE kept.parent_noun IS DISTINCT FROM 'people' ORDER BY noun LOOP
            EXECUTE format('UPDATE %I SET version = version + 1 WHERE person_id = $1 AND xmin <> pg_current_xact_id()::xid', part.noun) USING NEW.id;
        END LOOP;
    END IF;
    IF parent_noun IS DISTINCT FROM 'people' AND row ? 'person_id' THEN
        UPDATE people SET version = version + 1
            WHERE id IN ((old_row ->> 'person_id')::uuid, (new_row ->> 'person_id')::uuid) AND publication_basis = 'not_publishable'
              AND (SELECT places FROM audience_of('people', to_jsonb(people) - 'search'))
                  IS DISTINCT FROM (SELECT places FROM ledger WHERE thing = people.id ORDER BY version DESC LIMIT 1);
    END IF;
    RETURN NULL;
END $$;

-- What this transaction wrote of the parts of a thing is of the last version of the thing that it makes: of this one.
CREATE OR REPLACE FUNCTION move_along(whole uuid, version integer) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE ledger SET parent_version = move_along.version
        WHERE parent = whole AND transaction = pg_current_xact_id() AND parent_version < move_along.version AND recorded_at > now() - interval '1 day'
$$;

-- What a transaction does beyond creating, changing and deleting has its own name in the ledger, for the noun it is done to and the
-- parts of that noun: `app.action` says `restore people`.
CREATE OR REPLACE FUNCTION name_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named text[] := string_to_array(current_setting('app.action', true), ' ');
BEGIN
    IF named[2] IN (NEW.noun, NEW.parent_noun) AND NEW.action <> 'delete' THEN
        NEW.action := named[1];
    END IF;
    RETURN NEW;
END $$;

-- Nothing in the ledger and its stamps is ever changed, but for what erasure empties, and for the version of its whole that the line of a
-- part gets before its transaction ends.
CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    emptied text[] := CASE TG_TABLE_NAME WHEN 'ledger' THEN '{before,after,reason,request}'::text[] ELSE '{salt,remark_salt}' END;
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - emptied = to_jsonb(OLD) - emptied THEN
        IF TG_TABLE_NAME = 'stamps' THEN
            IF coalesce(NEW.salt, OLD.salt) IS NOT DISTINCT FROM OLD.salt AND coalesce(NEW.remark_salt, OLD.remark_salt) IS NOT DISTINCT FROM OLD.remark_salt THEN
                RETURN NEW;
            END IF;
        ELSIF coalesce(NEW.before = ANY (ARRAY[OLD.before, erased(OLD.noun, OLD.before)]), OLD.before IS NULL AND NEW.before IS NULL)
            AND coalesce(NEW.after = ANY (ARRAY[OLD.after, erased(OLD.noun, OLD.after)]), OLD.after IS NULL AND NEW.after IS NULL)
            AND coalesce(NEW.reason, OLD.reason) IS NOT DISTINCT FROM OLD.reason AND coalesce(NEW.request, OLD.request) IS NOT DISTINCT FROM OLD.request THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'ledger' AND to_jsonb(NEW) - 'parent_version' = to_jsonb(OLD) - 'parent_version' THEN
        IF OLD.transaction = pg_current_xact_id() THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

-- The last line of each migration that makes a noun's table, or changes one: the table keeps the ledger, and has a view of its past
-- with the columns it has now. A part names the table of its whole, and the column that points to it. Where nothing else is said, a
-- row is in the places that its `territory_id` and `region_code` name.
CREATE OR REPLACE FUNCTION keep_ledger(noun regclass, parent_noun text DEFAULT NULL, parent_column text DEFAULT NULL, places text[] DEFAULT NULL)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    places := coalesce(places, ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = noun AND attname IN ('territory_id', 'region_code') AND NOT attisdropped));
    EXECUTE format('CREATE OR REPLACE TRIGGER set_version BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION set_version()', noun);
    IF parent_noun IS NULL THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record()', noun);
    ELSE
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record(%L, %L)', noun, parent_noun, parent_column);
    END IF;
    INSERT INTO kept VALUES (noun::text, parent_noun, parent_column, places)
        ON CONFLICT ON CONSTRAINT kept_pkey
        DO UPDATE SET parent_noun = excluded.parent_noun, parent_column = excluded.parent_column, places = excluded.places;
    PERFORM look_back(noun);
END $$;
