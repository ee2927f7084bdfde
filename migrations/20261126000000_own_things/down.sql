SET LOCAL lock_timeout = '2s';

DROP TRIGGER shown ON documents;
DROP FUNCTION documents_shown;

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

DROP TRIGGER parent_id_territory ON themes;
DROP TRIGGER theme_id_territory ON objectives;
DROP TRIGGER proposed_by_committee_id_territory ON action_fiches;
DROP TRIGGER parent_id_territory ON agreements;
DROP TRIGGER becomes_id_territory ON committees;
DROP TRIGGER parent_id_territory ON committees;
ALTER TABLE committees DROP CONSTRAINT committees_national;
