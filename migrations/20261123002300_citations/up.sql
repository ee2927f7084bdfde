SET LOCAL lock_timeout = '2s';

CREATE TABLE citations (
    id           uuid        PRIMARY KEY,
    document_id  uuid        NOT NULL CONSTRAINT citations_document_id_fkey REFERENCES documents,
    noun         text        NOT NULL,
    thing_id     uuid        NOT NULL,
    member       text,
    relation     text        NOT NULL CONSTRAINT citations_relation CHECK (relation IN ('source', 'attached')),
    passage      text,
    territory_id uuid        CONSTRAINT citations_territory_id_fkey REFERENCES territories,
    visibility   text        NOT NULL DEFAULT 'restricted' CONSTRAINT citations_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX citations_document_id_idx ON citations (document_id);
CREATE INDEX citations_thing_id_idx ON citations (thing_id);
CREATE INDEX citations_territory_id_idx ON citations (territory_id);
SELECT keep_ledger('citations');
CREATE INDEX citations_seen_idx ON citations (visibility, territory_id);

-- Who sees a citation sees both its document and its thing: it is for whom the stricter of them is for.
CREATE FUNCTION citations_audience() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    source documents;
    thing record;
    territory uuid;
BEGIN
    SELECT * INTO source FROM documents WHERE id = NEW.document_id;
    SELECT audience, places INTO thing FROM ledger WHERE ledger.thing = NEW.thing_id ORDER BY version DESC LIMIT 1;
    SELECT id INTO territory FROM territories WHERE id::text = ANY (thing.places) LIMIT 1;
    IF source.visibility = 'public' THEN
        NEW.visibility := thing.audience;
        NEW.territory_id := CASE WHEN thing.audience = 'public' THEN coalesce(territory, source.territory_id) ELSE territory END;
    ELSIF thing.audience = 'public' THEN
        NEW.visibility := source.visibility;
        NEW.territory_id := source.territory_id;
    ELSE
        -- Who sees both is in the territory of both, or sees all there is.
        NEW.visibility := CASE WHEN visibility_rank(thing.audience) > visibility_rank(source.visibility) THEN thing.audience ELSE source.visibility END;
        NEW.territory_id := CASE WHEN territory = source.territory_id THEN territory END;
    END IF;
    -- When a thing is for others from now on, so are its citations, in one write: they are so many at most.
    IF TG_OP = 'INSERT' AND 1000 <= (SELECT count(*) FROM citations JOIN documents ON documents.id = citations.document_id
            WHERE citations.thing_id = NEW.thing_id AND documents.territory_id IS NOT DISTINCT FROM source.territory_id) THEN
        RAISE EXCEPTION 'too many citations' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'citations_most';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audience BEFORE INSERT OR UPDATE ON citations FOR EACH ROW EXECUTE FUNCTION citations_audience();

-- As before; and when a thing or a document is for others from now on, so are its citations. What names a person gets a line when
-- the person may be named by all from now on, or no longer: where else the person sits has no bearing on it.
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
    part kept;
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
    SELECT audience, places INTO was_for FROM ledger WHERE thing = (row ->> 'id')::uuid ORDER BY version DESC LIMIT 1;
    -- The whole is gone already, and takes its parts along.
    IF now_for.audience IS NULL THEN
        now_for := was_for;
    END IF;
    INSERT INTO ledger (noun, thing, parent_noun, parent, version, action, before, after, author, key_id, request, reason, audience, places)
    VALUES (TG_TABLE_NAME, (row ->> 'id')::uuid, parent_noun, parent,
            (row ->> 'version')::integer + (TG_OP = 'DELETE')::integer,
            CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END,
            old_row, new_row, author,
            nullif(current_setting('app.key', true), '')::uuid,
            nullif(current_setting('app.request', true), ''),
            nullif(current_setting('app.reason', true), ''),
            coalesce(now_for.audience, 'restricted'), coalesce(now_for.places, '{}'));
    IF parent_noun IS NOT NULL THEN
        EXECUTE format('UPDATE %I SET version = version + 1 WHERE id = $1 AND xmin <> pg_current_xact_id()::xid', parent_noun) USING parent;
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
