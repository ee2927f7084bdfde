DROP FUNCTION same_territory();
CREATE OR REPLACE FUNCTION audience_of(noun text, item jsonb, OUT audience text, OUT places text[]) LANGUAGE plpgsql STABLE AS $$
DECLARE
    whole kept;
    parent jsonb;
BEGIN
    SELECT * INTO whole FROM kept WHERE kept.noun = audience_of.noun;
    places := array_remove(ARRAY[item ->> 'territory_id', item ->> 'region_code'], NULL);
    IF whole.parent_noun IS NOT NULL THEN
        EXECUTE format('SELECT to_jsonb(whole) - ''search'' FROM %I whole WHERE id = $1', whole.parent_noun)
            INTO parent USING (item ->> whole.parent_column)::uuid;
        IF parent IS NULL THEN
            places := NULL;
        ELSE
            SELECT of.audience, of.places || audience_of.places INTO audience, places FROM audience_of(whole.parent_noun, parent) of;
        END IF;
    ELSIF noun = 'people' THEN
        -- Who may not be named in public is known to those who work with the committees where they sit; who sits nowhere
        -- yet, to those who seat people.
        audience := CASE WHEN item ->> 'publication_basis' = 'not_publishable' THEN 'partners' ELSE 'public' END;
        SELECT CASE WHEN count(*) = 0 THEN '{approvers}' ELSE coalesce(array_agg(DISTINCT place) FILTER (WHERE place IS NOT NULL), '{}') END INTO places
            FROM committee_seats seat JOIN committees committee ON committee.id = seat.committee_id
            CROSS JOIN unnest(ARRAY[committee.territory_id::text, committee.region_code]) place
            WHERE seat.person_id = (item ->> 'id')::uuid;
    ELSE
        audience := coalesce(item ->> 'visibility', 'public');
        IF noun IN ('territories', 'action_fiches') THEN
            places := places || (item ->> 'id');
        END IF;
    END IF;
    SELECT coalesce(array_agg(DISTINCT place ORDER BY place), '{}') INTO places FROM unnest(places) place WHERE audience IS NOT NULL;
END $$;

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
    IF TG_TABLE_NAME = 'people' AND TG_OP = 'UPDATE' AND was_for IS DISTINCT FROM now_for AND 'partners' IN (was_for.audience, now_for.audience) THEN
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
