-- Brings a thing back to one of its versions, together with its parts as they were then, in one new version. "Then" lasts until the
-- next version began: parts that are for fewer people may have changed in between, without a version of the whole.
CREATE OR REPLACE FUNCTION restore_thing(noun text, thing uuid, version integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    item jsonb;
    part kept;
    living uuid[];
    back jsonb;
    steps jsonb := '[]';
    later jsonb;
    step jsonb;
    made ledger;
    until bigint;
BEGIN
    SELECT line.* INTO STRICT made FROM ledger line
        WHERE line.noun = restore_thing.noun AND line.thing = restore_thing.thing AND line.version = restore_thing.version;
    item := content(made);
    -- Nobody erases meanwhile whom the parts name: else what is read now would be written after it was erased.
    PERFORM FROM people WHERE id IN (SELECT (coalesce(line.after, line.before) ->> 'person_id')::uuid FROM ledger line WHERE line.parent = restore_thing.thing)
        ORDER BY id FOR SHARE;
    PERFORM set_config('app.action', 'restore ' || noun, true);
    PERFORM put_back(noun::regclass, item, true);
    SELECT min(line.id) INTO until
        FROM (SELECT * FROM ledger next WHERE next.thing = restore_thing.thing AND next.version > made.version
                AND (next.transaction <> made.transaction OR next.recorded_at > made.recorded_at + interval '1 day') ORDER BY next.version LIMIT 1) next
        JOIN ledger line ON line.transaction = next.transaction AND restore_thing.thing IN (line.thing, line.parent)
            AND line.recorded_at BETWEEN next.recorded_at - interval '1 day' AND next.recorded_at + interval '1 day';
    FOR part IN SELECT * FROM kept WHERE parent_noun = restore_thing.noun ORDER BY kept.noun LOOP
        EXECUTE format('SELECT array_agg(id) FROM %I WHERE %I = $1', part.noun, part.parent_column) INTO living USING thing;
        SELECT coalesce(jsonb_agg(jsonb_build_object('noun', part.noun, 'id', line.thing, 'item', line.after) ORDER BY line.thing), '[]') INTO back
            FROM (SELECT stood.thing, content(stood.line) AS after FROM (SELECT DISTINCT ON (line.thing) line.thing, line FROM ledger line
                  WHERE line.parent = restore_thing.thing AND line.noun = part.noun AND line.id < until
                  ORDER BY line.thing, line.version DESC) AS stood) line
            WHERE line.after IS NOT NULL OR line.thing = ANY (living);
        SELECT steps || back || coalesce(jsonb_agg(jsonb_build_object('noun', part.noun, 'id', id, 'item', NULL) ORDER BY id), '[]') INTO steps
            FROM (SELECT unnest(living) EXCEPT SELECT (again ->> 'id')::uuid FROM jsonb_array_elements(back) again) AS newer (id);
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

-- One step of a restoration: a part is written as it was, or deleted because it was not there then.
CREATE OR REPLACE FUNCTION put_part_back(step jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF step -> 'item' = 'null' THEN
        EXECUTE format('DELETE FROM %I WHERE id = $1', step ->> 'noun') USING (step ->> 'id')::uuid;
    ELSE
        PERFORM put_back((step ->> 'noun')::regclass, step -> 'item', false);
    END IF;
END $$;

-- Writes a row as it was once: over the one that stands, or again under the same identifier. A column that the old row did not have
-- stays as it is. What the row names is held, and what comes back under its identifier is cited again. `anyhow`: with a new
-- version even where nothing differs.
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

-- The columns that an old row is written back with. What the service sets itself and what is computed are not among them.
CREATE OR REPLACE FUNCTION columns_of(noun regclass, item jsonb) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = noun AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND item ? attname
      AND attname NOT IN ('version', 'created_at', 'updated_at')
$$;

-- Locks what a row names, so that nobody hides or deletes it before this transaction ends: whom the row is for depends on it.
CREATE OR REPLACE FUNCTION hold_named(item jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM action_fiches WHERE id = (item ->> 'action_fiche_id')::uuid FOR SHARE;
    PERFORM FROM people WHERE id = (item ->> 'person_id')::uuid FOR SHARE;
    PERFORM FROM documents WHERE id = (item ->> 'document_id')::uuid FOR SHARE;
    IF item ?& '{noun,thing_id}' THEN
        EXECUTE format('SELECT FROM %I WHERE id = $1 FOR SHARE', replace(item ->> 'noun', '-', '_')) USING (item ->> 'thing_id')::uuid;
    END IF;
END $$;

-- Citations come back with what they cite, or with their document, if the other end still exists. The limit of citations holds:
-- of one thing by the documents of one territory, as many as anybody may make.
CREATE OR REPLACE FUNCTION cite_again(cited uuid) RETURNS void LANGUAGE plpgsql AS $$
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

-- The citations that were deleted together with what they cite, or with their document.
CREATE OR REPLACE FUNCTION citations_gone_with(cited uuid) RETURNS SETOF ledger LANGUAGE sql STABLE AS $$
    SELECT line.* FROM ledger line
    WHERE line.noun = 'citations' AND line.action = 'delete' AND cited::text IN (line.before ->> 'thing_id', line.before ->> 'document_id')
      AND NOT EXISTS (SELECT FROM ledger later WHERE later.thing = line.thing AND later.version > line.version)
      AND EXISTS (SELECT FROM ledger whole WHERE whole.thing IN ((line.before ->> 'thing_id')::uuid, (line.before ->> 'document_id')::uuid) AND whole.action = 'delete'
          -- As texts: or the whole of the transaction is walked for each.
          AND whole.transaction::text = line.transaction::text AND whole.recorded_at BETWEEN line.recorded_at - interval '1 day' AND line.recorded_at + interval '1 day')
$$;
