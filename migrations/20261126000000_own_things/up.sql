-- What works at the national level is the nation's, its meetings too; and nobody hangs his things on another territory's: not a
-- committee on a committee, nor an agreement on an agreement, a fiche on a committee, an objective or a theme on a theme. (What hangs
-- on a thing that comes to be of another territory stays as it is.)
-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file constraint-missing-not-valid
SET LOCAL lock_timeout = '2s';

ALTER TABLE committees ADD CONSTRAINT committees_national CHECK (level <> 'national' OR territory_id IS NULL AND region_code IS NULL);

CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE OF parent_id, territory_id ON committees FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('parent_id', 'committees');
CREATE TRIGGER becomes_id_territory BEFORE INSERT OR UPDATE OF becomes_id, territory_id ON committees FOR EACH ROW WHEN (NEW.becomes_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('becomes_id', 'committees');
CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE OF parent_id, territory_id ON agreements FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('parent_id', 'agreements');
CREATE TRIGGER proposed_by_committee_id_territory BEFORE INSERT OR UPDATE OF proposed_by_committee_id, territory_id ON action_fiches FOR EACH ROW WHEN (NEW.proposed_by_committee_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('proposed_by_committee_id', 'committees');
CREATE TRIGGER theme_id_territory BEFORE INSERT OR UPDATE OF theme_id, territory_id ON objectives FOR EACH ROW WHEN (NEW.theme_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('theme_id', 'themes');
CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE OF parent_id, territory_id ON themes FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('parent_id', 'themes');

-- As before; but whose thing of several territories a citation is, it stays: who may not know that the thing came to be of another one
-- is told of nothing.
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

-- A figure names its document to who sees that: when it is for others from now on, the figure has another version for them.
CREATE FUNCTION documents_shown() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE observations SET version = version + 1 WHERE document_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER shown AFTER UPDATE ON documents FOR EACH ROW
    WHEN ((OLD.visibility, OLD.territory_id) IS DISTINCT FROM (NEW.visibility, NEW.territory_id)) EXECUTE FUNCTION documents_shown();
