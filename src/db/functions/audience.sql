-- The rank of a visibility. A lower rank is shown to more people.
CREATE OR REPLACE FUNCTION visibility_rank(visibility text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_position('{public,partners,restricted}'::text[], visibility);

-- Is there somebody who sees the whole and may not see this part of it?
CREATE OR REPLACE FUNCTION is_narrower(audience text, places text[], whole_audience text, whole_places text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN visibility_rank(audience) > visibility_rank(whole_audience) OR audience <> 'public' AND NOT whole_places <@ places;

-- Whom a thing is for today. Its last line says it. But what is gone gets no line when the whole that it was part of, or the fiche
-- that it named, is for others from now on. So of what is gone, the last lines of these say it.
CREATE OR REPLACE FUNCTION audience_today(id uuid) RETURNS TABLE (audience text, places text[]) LANGUAGE sql STABLE AS $$
    SELECT today.audience, today.places
    FROM (SELECT line.noun, line.before, line.audience, line.places,
                 line.action = 'delete' AND (line.parent IS NOT NULL OR line.before ->> 'action_fiche_id' IS NOT NULL) AS leans
          FROM ledger line WHERE line.thing = audience_today.id ORDER BY line.version DESC LIMIT 1) last
    CROSS JOIN LATERAL (SELECT last.audience, last.places WHERE NOT last.leans
                        UNION ALL SELECT lent.audience, lent.places FROM audience_of(last.noun, last.before) lent WHERE last.leans) today
$$;

-- Whom a row is for: what the row says itself, and whom the thing is for that it is part of.
CREATE OR REPLACE FUNCTION audience_of(noun text, item jsonb, OUT audience text, OUT places text[]) LANGUAGE plpgsql STABLE AS $$
DECLARE
    whole kept;
    other record;
BEGIN
    SELECT * INTO whole FROM kept WHERE kept.noun = audience_of.noun;
    places := ARRAY(SELECT item ->> member FROM unnest(whole.places) member WHERE item ->> member IS NOT NULL);
    IF whole.parent_noun IS NOT NULL THEN
        SELECT today.audience, today.places || audience_of.places INTO audience, places FROM audience_today((item ->> whole.parent_column)::uuid) today;
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
    END IF;
    -- A part may be for fewer than its whole; and what names a fiche is for those alone who see both it and the fiche.
    IF whole.parent_noun IS NOT NULL AND visibility_rank(item ->> 'visibility') > visibility_rank(audience) THEN
        audience := item ->> 'visibility';
    END IF;
    IF item ->> 'action_fiche_id' IS NOT NULL AND whole.parent_noun IS DISTINCT FROM 'action_fiches' AND audience IS NOT NULL THEN
        SELECT * INTO other FROM audience_today((item ->> 'action_fiche_id')::uuid);
        IF audience = 'public' THEN
            audience := other.audience;
            places := other.places;
        ELSIF other.audience <> 'public' THEN
            IF visibility_rank(other.audience) > visibility_rank(audience) THEN
                audience := other.audience;
            END IF;
            places := ARRAY(SELECT unnest(places) INTERSECT SELECT unnest(other.places));
        END IF;
    END IF;
    SELECT coalesce(array_agg(DISTINCT place ORDER BY place), '{}') INTO places FROM unnest(places) place WHERE audience IS NOT NULL;
END $$;

-- A citation is for those who see both its document and its thing: it takes the stricter audience of the two. When the thing is of
-- several territories, a citation stays with its own: otherwise a change of the citation would tell that the thing had moved.
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
    SELECT id INTO territory FROM territories WHERE id::text = ANY (thing.places)
        ORDER BY id IS DISTINCT FROM CASE WHEN TG_OP = 'UPDATE' THEN OLD.territory_id END, id LIMIT 1;
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

-- A figure names its document to those who see the document. When a document is for others from now on, the figure gets a new
-- version, because it reads differently for them.
CREATE OR REPLACE FUNCTION documents_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE observations SET version = version + 1 WHERE document_id = NEW.id;
    RETURN NULL;
END $$;
