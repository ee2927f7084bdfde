-- What some may not see moves nothing of what they see: a part that is for fewer than its whole changes without a new version of
-- the whole. And citations go and come with what they cite.
-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid, ban-drop-constraint, require-concurrent-index-creation
SET LOCAL lock_timeout = '2s';

-- Does not everyone see this who sees the whole it is part of?
CREATE FUNCTION is_narrower(audience text, places text[], whole_audience text, whole_places text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN visibility_rank(audience) > visibility_rank(whole_audience) OR audience <> 'public' AND NOT whole_places <@ places;

-- As before; and what is gone is cited no more.
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
        SELECT audience, places INTO whole FROM ledger WHERE thing = (row ->> TG_ARGV[1])::uuid ORDER BY version DESC LIMIT 1;
        IF NOT is_narrower(now_for.audience, now_for.places, whole.audience, whole.places)
            OR TG_OP = 'UPDATE' AND NOT is_narrower(was_for.audience, was_for.places, whole.audience, whole.places) THEN
            EXECUTE format('UPDATE %I SET version = version + 1 WHERE id = $1 AND xmin <> pg_current_xact_id()::xid', parent_noun) USING parent;
        END IF;
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

-- A document that is deleted is cited by nothing any more.
ALTER TABLE citations DROP CONSTRAINT citations_document_id_fkey,
    ADD CONSTRAINT citations_document_id_fkey FOREIGN KEY (document_id) REFERENCES documents ON DELETE CASCADE;

-- As before; and what is not there is not cited.
CREATE OR REPLACE FUNCTION citations_audience() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    source documents;
    thing record;
    territory uuid;
BEGIN
    SELECT * INTO source FROM documents WHERE id = NEW.document_id;
    SELECT audience, places, action INTO thing FROM ledger WHERE ledger.thing = NEW.thing_id ORDER BY version DESC LIMIT 1;
    IF TG_OP = 'INSERT' AND thing.action = 'delete' THEN
        RAISE EXCEPTION 'no such thing' USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'citations_thing_id_fkey';
    END IF;
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
    IF TG_OP = 'INSERT' AND coalesce(nullif(current_setting('app.action', true), 'restore citations'), '') = '' AND 1000 <= (SELECT count(*) FROM citations JOIN documents ON documents.id = citations.document_id
            WHERE citations.thing_id = NEW.thing_id AND documents.territory_id IS NOT DISTINCT FROM source.territory_id) THEN
        RAISE EXCEPTION 'too many citations' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'citations_most';
    END IF;
    RETURN NEW;
END $$;

-- The citations that went with what they cite, or with their document.
CREATE INDEX ledger_cited_idx ON ledger ((before ->> 'thing_id')) WHERE noun = 'citations' AND action = 'delete';
CREATE INDEX ledger_citing_idx ON ledger ((before ->> 'document_id')) WHERE noun = 'citations' AND action = 'delete';
CREATE FUNCTION citations_gone_with(cited uuid) RETURNS SETOF ledger LANGUAGE sql STABLE AS $$
    SELECT line.* FROM ledger line
    WHERE line.noun = 'citations' AND line.action = 'delete' AND cited::text IN (line.before ->> 'thing_id', line.before ->> 'document_id')
      AND NOT EXISTS (SELECT FROM ledger later WHERE later.thing = line.thing AND later.version > line.version)
      AND EXISTS (SELECT FROM ledger whole WHERE whole.thing IN ((line.before ->> 'thing_id')::uuid, (line.before ->> 'document_id')::uuid) AND whole.action = 'delete'
          -- As texts: or the whole of the transaction is walked for each.
          AND whole.transaction::text = line.transaction::text AND whole.recorded_at BETWEEN line.recorded_at - interval '1 day' AND line.recorded_at + interval '1 day')
$$;

-- Holds what is named, so that nobody hides or deletes it before this transaction ends: whom a row is for is read off it.
CREATE FUNCTION hold_named(item jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM action_fiches WHERE id = (item ->> 'action_fiche_id')::uuid FOR SHARE;
    PERFORM FROM people WHERE id = (item ->> 'person_id')::uuid FOR SHARE;
    PERFORM FROM documents WHERE id = (item ->> 'document_id')::uuid FOR SHARE;
    IF item ?& '{noun,thing_id}' THEN
        EXECUTE format('SELECT FROM %I WHERE id = $1 FOR SHARE', replace(item ->> 'noun', '-', '_')) USING (item ->> 'thing_id')::uuid;
    END IF;
END $$;

-- The columns that a row is written with as it was once: what the service sets itself, and what is computed, is not among them.
CREATE FUNCTION columns_of(noun regclass, item jsonb) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = noun AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND item ? attname
      AND attname NOT IN ('version', 'created_at', 'updated_at')
$$;

-- What has come back is cited again as it was, as far as the other end is there: of one thing by the documents of one territory so
-- often at most as anybody may cite it.
CREATE FUNCTION cite_again(cited uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    back jsonb;
BEGIN
    PERFORM hold_named(ends.item) FROM (SELECT DISTINCT before - '{id,version,member,relation,passage,created_at,updated_at}'::text[] AS item
        FROM citations_gone_with(cited) ORDER BY 1) ends;
    WITH gone AS MATERIALIZED (
        SELECT line.id, line.before, document.territory_id AS territory, (line.before ->> 'thing_id')::uuid AS thing_id
        FROM citations_gone_with(cited) line JOIN documents document ON document.id = (line.before ->> 'document_id')::uuid
        WHERE 'delete' <> (SELECT action FROM ledger last WHERE last.thing = (line.before ->> 'thing_id')::uuid ORDER BY last.version DESC LIMIT 1)
    ), taken AS MATERIALIZED (
        SELECT wanted.thing_id, wanted.territory, (SELECT count(*) FROM citations JOIN documents ON documents.id = citations.document_id
            WHERE citations.thing_id = wanted.thing_id AND documents.territory_id IS NOT DISTINCT FROM wanted.territory) AS places
        FROM (SELECT DISTINCT gone.thing_id, gone.territory FROM gone) wanted
    ), ranked AS (
        SELECT gone.id, gone.before, taken.places + row_number() OVER (PARTITION BY gone.thing_id, gone.territory ORDER BY gone.id) AS place
        FROM gone JOIN taken ON taken.thing_id = gone.thing_id AND taken.territory IS NOT DISTINCT FROM gone.territory
    )
    SELECT jsonb_agg(before ORDER BY id) INTO back FROM ranked WHERE place <= 1000;
    IF back IS NOT NULL THEN
        EXECUTE format('INSERT INTO citations (%s) SELECT %1$s FROM jsonb_populate_recordset(NULL::citations, $1)', columns_of('citations', back -> 0)) USING back;
        -- Citations are cited as well.
        PERFORM cite_again((citation ->> 'id')::uuid) FROM jsonb_array_elements(back) citation
            WHERE EXISTS (SELECT FROM ledger WHERE noun = 'citations' AND action = 'delete' AND before ->> 'thing_id' = citation ->> 'id');
    END IF;
END $$;

-- As before; but what the row names is held, and what comes back under its identifier is cited again.
CREATE OR REPLACE FUNCTION put_back(noun regclass, item jsonb, anyhow boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    columns text := columns_of(noun, item);
    found bigint;
BEGIN
    PERFORM hold_named(item);
    EXECUTE format('SELECT count(*) FROM %s WHERE id = $1', noun) INTO found USING (item ->> 'id')::uuid;
    IF found = 0 THEN
        EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)', noun, columns) USING item;
        PERFORM cite_again((item ->> 'id')::uuid);
    ELSE
        EXECUTE format('UPDATE %s AS one SET (%s, version) = (SELECT %2$s, one.version + $2 FROM jsonb_populate_record(NULL::%1$s, $1)) WHERE id = $3', noun, columns)
            USING item, anyhow::integer, (item ->> 'id')::uuid;
    END IF;
END $$;

-- As before; but what each part was then is what it was before the next version began: those that are for fewer may have
-- changed meanwhile.
CREATE OR REPLACE FUNCTION restore_thing(noun text, thing uuid, version integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    item jsonb;
    part kept;
    living uuid[];
    steps jsonb := '[]';
    later jsonb;
    step jsonb;
    made ledger;
    until bigint;
BEGIN
    SELECT line.* INTO STRICT made FROM ledger line
        WHERE line.noun = restore_thing.noun AND line.thing = restore_thing.thing AND line.version = restore_thing.version;
    item := made.after;
    PERFORM set_config('app.action', 'restore ' || noun, true);
    PERFORM put_back(noun::regclass, item, true);
    SELECT min(line.id) INTO until
        FROM (SELECT * FROM ledger next WHERE next.thing = restore_thing.thing AND next.version > made.version
                AND (next.transaction <> made.transaction OR next.recorded_at > made.recorded_at + interval '1 day') ORDER BY next.version LIMIT 1) next
        JOIN ledger line ON line.transaction = next.transaction AND restore_thing.thing IN (line.thing, line.parent)
            AND line.recorded_at BETWEEN next.recorded_at - interval '1 day' AND next.recorded_at + interval '1 day';
    FOR part IN SELECT * FROM kept WHERE parent_noun = restore_thing.noun ORDER BY kept.noun LOOP
        EXECUTE format('SELECT array_agg(id) FROM %I WHERE %I = $1', part.noun, part.parent_column) INTO living USING thing;
        SELECT steps || coalesce(jsonb_agg(jsonb_build_object('noun', part.noun, 'id', line.thing, 'item', line.after) ORDER BY line.thing), '[]') INTO steps
            FROM (SELECT DISTINCT ON (line.thing) line.thing, line.after FROM ledger line
                  WHERE line.parent = restore_thing.thing AND line.noun = part.noun AND line.id < until
                  ORDER BY line.thing, line.version DESC) line
            WHERE line.after IS NOT NULL OR line.thing = ANY (living);
        SELECT steps || coalesce(jsonb_agg(jsonb_build_object('noun', part.noun, 'id', id, 'item', NULL) ORDER BY id), '[]') INTO steps
            FROM unnest(living) id WHERE NOT steps @> jsonb_build_array(jsonb_build_object('id', id));
    END LOOP;
    -- Parts may lean on each other: what cannot be done yet is tried again, as long as anything could be.
    WHILE steps <> '[]' LOOP
        later := '[]';
        FOR step IN SELECT * FROM jsonb_array_elements(steps) LOOP
            BEGIN
                PERFORM put_part_back(step);
            EXCEPTION WHEN foreign_key_violation OR unique_violation THEN
                later := later || step;
            END;
        END LOOP;
        IF later = steps THEN
            PERFORM put_part_back(steps -> 0);
        END IF;
        steps := later;
    END LOOP;
    PERFORM set_config('app.action', '', true);
END $$;

-- As before; but citations that went with what they cite come back with it.
CREATE OR REPLACE FUNCTION unmerge_partner(merged uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gone ledger;
    line ledger;
    stands boolean;
BEGIN
    SELECT * INTO STRICT gone FROM ledger WHERE thing = merged AND noun = 'partners' ORDER BY version DESC LIMIT 1;
    PERFORM set_config('app.action', 'restore partners', true);
    FOR line IN
        SELECT * FROM ledger WHERE transaction = gone.transaction AND recorded_at BETWEEN gone.recorded_at - interval '1 day' AND gone.recorded_at + interval '1 day'
          AND NOT (noun = 'citations' AND after IS NULL)
        ORDER BY id DESC
    LOOP
        IF line.after IS NULL THEN
            stands := true;
            IF line.parent IS NOT NULL THEN
                EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = $1)', line.parent_noun) INTO stands USING line.parent;
            END IF;
            IF stands THEN
                PERFORM put_back(line.noun::regclass, line.before, false);
            END IF;
        ELSE
            PERFORM take_back(line);
        END IF;
    END LOOP;
    PERFORM set_config('app.action', '', true);
END $$;

-- What a document says of a person may name it: an erasure empties that too.
CREATE OR REPLACE FUNCTION personal_members(noun text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun WHEN 'people' THEN '{name,variants}'::text[] WHEN 'person_mandates' THEN '{function,note}' WHEN 'citations' THEN '{passage}' ELSE '{}' END;

CREATE OR REPLACE FUNCTION erased(noun text, item jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun
        WHEN 'people' THEN item || '{"name": "Personne effacée", "variants": []}'
        WHEN 'person_mandates' THEN item || '{"function": "Fonction effacée", "note": null}'
        WHEN 'citations' THEN CASE WHEN item ->> 'noun' IN ('people', 'person-mandates') THEN item || '{"passage": null}' ELSE item END
        ELSE item END;

CREATE OR REPLACE FUNCTION erase_person(person uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    things uuid[];
BEGIN
    -- Nobody cites them meanwhile.
    PERFORM FROM people WHERE id = person FOR UPDATE;
    PERFORM FROM person_mandates WHERE person_id = person FOR UPDATE;
    things := ARRAY(SELECT person UNION SELECT thing FROM ledger WHERE parent = person AND noun = 'person_mandates');
    things := things || ARRAY(SELECT DISTINCT thing FROM ledger WHERE noun = 'citations' AND (coalesce(after, before) ->> 'thing_id')::uuid = ANY (things));
    PERFORM set_config('app.action', 'erase people', true);
    UPDATE people SET (name, variants) = (SELECT name, variants FROM jsonb_populate_record(people, erased('people', '{}'))),
        publication_basis = 'not_publishable', consented_on = NULL, version = version + 1 WHERE id = person;
    UPDATE person_mandates SET (function, note) = (SELECT function, note FROM jsonb_populate_record(person_mandates, erased('person_mandates', '{}'))),
        version = version + 1 WHERE person_id = person;
    PERFORM set_config('app.action', 'erase citations', true);
    UPDATE citations SET passage = NULL, version = version + 1 WHERE id = ANY (things);
    PERFORM set_config('app.action', '', true);
    PERFORM pg_advisory_xact_lock(hashtextextended('stamp_ledger', 0));
    UPDATE stamps SET salt = NULL FROM ledger WHERE stamps.line = ledger.id AND salt IS NOT NULL AND thing = ANY (things);
    UPDATE ledger SET before = erased(noun, before), after = erased(noun, after) WHERE thing = ANY (things);
END $$;

-- Each line about a citation is numbered anew, so that its hash does without the passage. Whoever follows starts again.
DO $$
BEGIN
    IF EXISTS (SELECT FROM ledger WHERE noun = 'citations') THEN
        ALTER TABLE stamps DISABLE TRIGGER USER;
        DELETE FROM stamps;
        ALTER TABLE stamps ENABLE TRIGGER USER;
        PERFORM new_epoch();
    END IF;
END $$;
