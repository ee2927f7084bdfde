-- The members of a row that identify a person. A citation's passage is among them, because it may name the person it is about.
CREATE OR REPLACE FUNCTION personal_members(noun text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun WHEN 'people' THEN '{name,variants}'::text[] WHEN 'person_mandates' THEN '{function,note}' WHEN 'citations' THEN '{passage}' ELSE '{}' END;

-- A row without what identifies a person, as erasure leaves it.
CREATE OR REPLACE FUNCTION erased(noun text, item jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun
        WHEN 'people' THEN item || '{"name": "Personne effacée", "variants": []}'
        WHEN 'person_mandates' THEN item || '{"function": "Fonction effacée", "note": null}'
        WHEN 'citations' THEN CASE WHEN item ->> 'noun' IN ('people', 'person-mandates') THEN item || '{"passage": null}' ELSE item END
        ELSE item END;

-- Forgets a person: empties the row, its mandates, the passages of its citations, and every line of the ledger about them. Seats
-- and links stay. The stamper waits meanwhile: otherwise it could see a line half-way.
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
