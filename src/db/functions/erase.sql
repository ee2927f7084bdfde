-- The members of a row that identify a person, or may: what is said of the person, beside the names. A citation's passage is among them,
-- because it may name the person it is about.
CREATE OR REPLACE FUNCTION personal_members(noun text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun WHEN 'people' THEN '{name,variants}'::text[] WHEN 'person_mandates' THEN '{function,note}' WHEN 'citations' THEN '{passage}'
        WHEN 'committee_seats' THEN '{function}' WHEN 'agreement_signatories' THEN '{function}' WHEN 'event_participants' THEN '{function,quote}'
        WHEN 'meeting_attendances' THEN '{function,note,represented_by}' WHEN 'posts' THEN '{note}' ELSE '{}' END;

-- A row without what identifies a person, as erasure leaves it.
CREATE OR REPLACE FUNCTION erased(noun text, item jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun
        WHEN 'people' THEN item || '{"name": "Personne effacée", "variants": []}'
        WHEN 'person_mandates' THEN item || '{"function": "Fonction effacée", "note": null}'
        ELSE item || (SELECT coalesce(jsonb_object_agg(member, NULL::text), '{}') FROM unnest(personal_members(noun)) member) END;

-- A row as the erasure of this person leaves it: where another person stands, nothing is taken away.
CREATE OR REPLACE FUNCTION erased_of(person uuid, noun text, item jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN noun IN ('people', 'person_mandates', 'citations') OR (item ->> 'person_id')::uuid = person THEN erased(noun, item) ELSE item END;

-- Was this request named by its client? The service names a request by a UUID.
CREATE OR REPLACE FUNCTION client_request(request text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN request !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN request END;

-- Forgets a person: empties the row, its mandates, what is said of the person where it sits, attends or signs, the passages of the citations
-- of all these, and every line of the ledger about them, with the reasons and the clients' names of the requests that wrote these lines.
-- Seats and links stay, and so does why the person was forgotten. The stamper waits meanwhile: otherwise it could see a line half-way.
CREATE OR REPLACE FUNCTION erase_person(person uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    things uuid[];
    remarked bigint[];
    part record;
    members text;
BEGIN
    -- Nobody seats or cites them meanwhile.
    PERFORM FROM people WHERE id = person FOR UPDATE;
    PERFORM FROM person_mandates WHERE person_id = person FOR UPDATE;
    things := ARRAY(SELECT person UNION SELECT thing FROM ledger WHERE parent = person AND noun = 'person_mandates'
        UNION SELECT thing FROM ledger WHERE coalesce(after, before) ->> 'person_id' = person::text AND personal_members(noun) <> '{}');
    FOR part IN SELECT noun, (SELECT string_agg(quote_ident(member), ', ') FROM unnest(personal_members(noun)) member) AS members,
                    (SELECT string_agg('NULL', ', ') FROM unnest(personal_members(noun)) member) AS empty
                FROM kept WHERE noun NOT IN ('people', 'person_mandates', 'citations') AND personal_members(noun) <> '{}' ORDER BY noun LOOP
        EXECUTE format('SELECT FROM %I WHERE id = ANY ($1) ORDER BY id FOR UPDATE', part.noun) USING things;
        PERFORM set_config('app.action', 'erase ' || part.noun, true);
        EXECUTE format('UPDATE %I SET (%s) = ROW (%s) WHERE person_id = $1', part.noun, part.members, part.empty) USING person;
    END LOOP;
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
    UPDATE stamps SET salt = NULL FROM ledger WHERE stamps.line = ledger.id AND salt IS NOT NULL AND thing = ANY (things)
        AND (before, after) IS DISTINCT FROM (erased_of(person, noun, before), erased_of(person, noun, after));
    UPDATE ledger SET before = erased_of(person, noun, before), after = erased_of(person, noun, after) WHERE thing = ANY (things);
    -- A transaction gives all its lines one reason and one request.
    remarked := ARRAY(SELECT DISTINCT line.id FROM ledger about JOIN ledger line ON line.transaction = about.transaction
            AND line.recorded_at BETWEEN about.recorded_at - interval '1 day' AND about.recorded_at + interval '1 day'
        WHERE about.thing = ANY (things) AND (line.reason IS NOT NULL OR client_request(line.request) IS NOT NULL)
          AND NOT EXISTS (SELECT FROM ledger erasure WHERE erasure.thing = person AND erasure.action = 'erase' AND erasure.transaction = line.transaction
                AND erasure.recorded_at BETWEEN line.recorded_at - interval '1 day' AND line.recorded_at + interval '1 day'));
    UPDATE stamps SET remark_salt = NULL WHERE line = ANY (remarked) AND remark_salt IS NOT NULL;
    UPDATE ledger SET reason = NULL, request = nullif(request, client_request(request)) WHERE id = ANY (remarked);
    UPDATE ledger SET request = NULL WHERE transaction = pg_current_xact_id() AND client_request(request) IS NOT NULL;
    PERFORM forget_answers(things);
END $$;
