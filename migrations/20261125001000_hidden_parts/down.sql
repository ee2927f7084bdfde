SET LOCAL lock_timeout = '2s';

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

DROP FUNCTION is_narrower(text, text[], text, text[]);
DROP FUNCTION cite_again(uuid);
DROP FUNCTION columns_of(regclass, jsonb);
DROP FUNCTION hold_named(jsonb);
DROP FUNCTION citations_gone_with(uuid);
DROP INDEX ledger_cited_idx, ledger_citing_idx;

ALTER TABLE citations DROP CONSTRAINT citations_document_id_fkey,
    ADD CONSTRAINT citations_document_id_fkey FOREIGN KEY (document_id) REFERENCES documents;

CREATE OR REPLACE FUNCTION citations_audience() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE FUNCTION put_back(noun regclass, item jsonb, anyhow boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    columns text;
    found bigint;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
        WHERE attrelid = noun AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND item ? attname
          AND attname NOT IN ('version', 'created_at', 'updated_at');
    EXECUTE format('SELECT count(*) FROM %s WHERE id = $1', noun) INTO found USING (item ->> 'id')::uuid;
    IF found = 0 THEN
        EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)', noun, columns) USING item;
    ELSE
        EXECUTE format('UPDATE %s AS one SET (%s, version) = (SELECT %2$s, one.version + $2 FROM jsonb_populate_record(NULL::%1$s, $1)) WHERE id = $3', noun, columns)
            USING item, anyhow::integer, (item ->> 'id')::uuid;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION restore_thing(noun text, thing uuid, version integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    item jsonb;
    part kept;
    living uuid[];
    steps jsonb := '[]';
    later jsonb;
    step jsonb;
BEGIN
    SELECT after INTO STRICT item FROM ledger line WHERE line.noun = restore_thing.noun AND line.thing = restore_thing.thing AND line.version = restore_thing.version;
    PERFORM set_config('app.action', 'restore ' || noun, true);
    PERFORM put_back(noun::regclass, item, true);
    -- What each part was then: each of its lines is of the transaction that made a version of the whole.
    FOR part IN SELECT * FROM kept WHERE parent_noun = restore_thing.noun ORDER BY kept.noun LOOP
        EXECUTE format('SELECT array_agg(id) FROM %I WHERE %I = $1', part.noun, part.parent_column) INTO living USING thing;
        SELECT steps || coalesce(jsonb_agg(jsonb_build_object('noun', part.noun, 'id', line.thing, 'item', line.after) ORDER BY line.thing), '[]') INTO steps
            FROM (SELECT DISTINCT ON (line.thing) line.thing, line.after FROM ledger line
                  WHERE line.parent = restore_thing.thing AND line.noun = part.noun AND EXISTS (SELECT FROM ledger whole
                      WHERE whole.thing = restore_thing.thing AND whole.version <= restore_thing.version AND whole.transaction = line.transaction)
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

CREATE OR REPLACE FUNCTION personal_members(noun text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun WHEN 'people' THEN '{name,variants}'::text[] WHEN 'person_mandates' THEN '{function,note}' ELSE '{}' END;

CREATE OR REPLACE FUNCTION erased(noun text, item jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun
        WHEN 'people' THEN item || '{"name": "Personne effacée", "variants": []}'
        WHEN 'person_mandates' THEN item || '{"function": "Fonction effacée", "note": null}'
        ELSE item END;

CREATE OR REPLACE FUNCTION erase_person(person uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM set_config('app.action', 'erase people', true);
    UPDATE people SET (name, variants) = (SELECT name, variants FROM jsonb_populate_record(people, erased('people', '{}'))),
        publication_basis = 'not_publishable', consented_on = NULL, version = version + 1 WHERE id = person;
    UPDATE person_mandates SET (function, note) = (SELECT function, note FROM jsonb_populate_record(person_mandates, erased('person_mandates', '{}'))),
        version = version + 1 WHERE person_id = person;
    PERFORM set_config('app.action', '', true);
    PERFORM pg_advisory_xact_lock(hashtextextended('stamp_ledger', 0));
    UPDATE stamps SET salt = NULL FROM ledger
        WHERE stamps.line = ledger.id AND salt IS NOT NULL AND personal_members(noun) <> '{}' AND person IN (thing, parent);
    UPDATE ledger SET before = erased(noun, before), after = erased(noun, after) WHERE personal_members(noun) <> '{}' AND person IN (thing, parent);
END $$;

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
