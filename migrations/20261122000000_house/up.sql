-- The house: words folded for search, the ledger, and the two triggers by which every noun keeps it.
SET LOCAL lock_timeout = '2s';

-- A text without case, accents, ligatures or typographic apostrophes: how names are compared and searched.
CREATE FUNCTION fold(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN replace(replace(replace(
        regexp_replace(lower(normalize(words, NFKD) COLLATE "und-x-icu"), '[' || U&'\0300' || '-' || U&'\036F' || ']', '', 'g'),
        U&'\0153', 'oe'), U&'\00E6', 'ae'), U&'\2019', '''');

-- What a thing is found by: its words as they stand and as French stems them.
CREATE FUNCTION search_words(words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple', fold(coalesce(words, ''))) || to_tsvector('pg_catalog.french', fold(coalesce(words, '')));

-- The names in a list of aliases, as one text.
CREATE FUNCTION alias_names(aliases jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN (jsonb_path_query_array(aliases, '$[*].name') || jsonb_path_query_array(aliases, '$[*] ? (@.type() == "string")'))::text;

-- What a person typed, as a query: every word begins a word, or is one of its forms in French, and all must be there.
-- Never errs.
CREATE FUNCTION search_query(typed text) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    query tsquery;
    one tsquery;
    word text;
BEGIN
    FOR word IN SELECT (regexp_matches(fold(typed), '[[:alnum:]]+', 'g'))[1] LIMIT 20 LOOP
        one := to_tsquery('simple', word || ':*') || plainto_tsquery('french', word);
        query := coalesce(query && one, one);
    END LOOP;
    RETURN coalesce(query, ''::tsquery);
END $$;

-- Every write, in the order of the transactions that made it: what a thing was, what it became, who did it and why.
CREATE TABLE ledger (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noun         text        NOT NULL,
    thing        uuid        NOT NULL,
    parent_noun  text,
    parent       uuid,
    version      integer     NOT NULL,
    action       text        NOT NULL CONSTRAINT ledger_action CHECK (action IN ('create', 'update', 'delete')),
    before       jsonb,
    after        jsonb,
    author       text        NOT NULL,
    key_id       uuid,
    request      text,
    reason       text,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    transaction  xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ledger_thing_idx ON ledger (thing, version);
CREATE INDEX ledger_parent_idx ON ledger (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX ledger_transaction_idx ON ledger (transaction, id);

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- Before a write: nothing changed, nothing written; else a new version and a new hour. The service never sets these
-- itself: a version that comes already raised is `record()` touching the parent of a part.
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- What was deleted and comes back goes on where its versions stopped.
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

-- After a write: one line in the ledger, in the same transaction; and for a part, a new version of its parent,
-- once a transaction (a parent made or changed in this very transaction has its new version already).
CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- The last line of every noun's migration. A part names its parent's table and the column that points to it.
CREATE FUNCTION keep_ledger(noun regclass, parent_noun text DEFAULT NULL, parent_column text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION stamp()', noun);
    IF parent_noun IS NULL THEN
        EXECUTE format('CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record()', noun);
    ELSE
        EXECUTE format('CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record(%L, %L)', noun, parent_noun, parent_column);
    END IF;
END $$;
