-- What happened, in one order for good: each line of the ledger gets a number once its transaction is over, and a hash that
-- holds it to all lines before it. And the two things that may be done to the past: to bring it back, and to forget a person.
-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-constraint
SET LOCAL lock_timeout = '2s';

ALTER TABLE ledger DROP CONSTRAINT ledger_action,
    ADD CONSTRAINT ledger_action CHECK (action IN ('create', 'update', 'delete', 'restore', 'erase'));

-- The numbers have no hole and never change. Of what identifies a person the hash covers a salted digest only: without the
-- salt, which erasure takes away, it tells nothing. (No foreign key to the ledger, which loses no line: it would lock every
-- line once more, and cost a third of the stamper's time.)
CREATE TABLE stamps (
    seq        bigint      PRIMARY KEY,
    line       bigint      NOT NULL CONSTRAINT stamps_line_key UNIQUE,
    hash       bytea       NOT NULL,
    personal   bytea,
    salt       bytea,
    stamped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Where the stamper is: up to `below`, every line that will ever be there is numbered. Up to `mark` every line is that was
-- committed when `mark_by` wrote this: once all transactions before that one are over, `below` moves there.
-- A new epoch begins when numbers may have been lost (a database restored from its dump): whoever followed starts again.
CREATE TABLE stamping (
    one            boolean     PRIMARY KEY DEFAULT true CHECK (one),
    epoch          uuid        NOT NULL DEFAULT gen_random_uuid(),
    epoch_began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    below          bigint      NOT NULL DEFAULT 0,
    mark           bigint,
    mark_by        xid8
);
INSERT INTO stamping DEFAULT VALUES;

CREATE FUNCTION new_epoch() RETURNS uuid LANGUAGE sql AS $$
    UPDATE stamping SET epoch = gen_random_uuid(), epoch_began_at = clock_timestamp(), below = 0, mark = NULL, mark_by = NULL RETURNING epoch
$$;

-- The members of a row that identify a person.
CREATE FUNCTION personal_members(noun text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun WHEN 'people' THEN '{name,variants}'::text[] WHEN 'person_mandates' THEN '{function,note}' ELSE '{}' END;

-- A row once they are erased.
CREATE FUNCTION erased(noun text, item jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE noun
        WHEN 'people' THEN item || '{"name": "Personne effacée", "variants": []}'
        WHEN 'person_mandates' THEN item || '{"function": "Fonction effacée", "note": null}'
        ELSE item END;

-- Of a line, what identifies a person, and all the rest: what the hashes are made of, as the text of a JSON array. `verify
-- ledger` writes the same on its own.
CREATE FUNCTION personal_text(line ledger) RETURNS text LANGUAGE sql STABLE
    RETURN jsonb_build_array(
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each(line.before) WHERE key = ANY (personal_members(line.noun))),
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each(line.after) WHERE key = ANY (personal_members(line.noun))))::text;
CREATE FUNCTION lasting_text(line ledger, personal bytea) RETURNS text LANGUAGE sql STABLE
    RETURN jsonb_build_array(line.id, line.noun, line.thing, line.parent_noun, line.parent, line.version, line.action,
        line.before - personal_members(line.noun), line.after - personal_members(line.noun),
        line.author, line.key_id, line.request, line.reason,
        to_char(line.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), line.transaction::text,
        line.audience, line.places, encode(personal, 'hex'))::text;

-- Numbers at most so many lines that are committed and have no number yet, and tells the highest number there is and how many
-- were given. One at a time: while another one is at it, nothing is done. A line is found whatever the order in which
-- transactions began and ended, no open one holds back the others, and no number of a transaction is compared with those of
-- another cluster. By `id`, a line comes after all that it builds on: that was committed before it was written.
CREATE FUNCTION stamp_ledger(most integer, OUT head bigint, OUT made integer) LANGUAGE plpgsql
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    state stamping;
    line record;
    chain bytea;
    lines bigint[] := '{}';
    hashes bytea[] := '{}';
    digests bytea[] := '{}';
    salts bytea[] := '{}';
    seen bigint;
    over xid8;
    future boolean;
BEGIN
    made := 0;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('stamp_ledger', 0)) THEN
        head := coalesce((SELECT max(seq) FROM stamps), 0);
        RETURN;
    END IF;
    -- Each statement sees what was committed before it began: this one, all that the stamper before us did.
    SELECT * INTO state FROM stamping;
    SELECT max(id), pg_snapshot_xmin(pg_current_snapshot()), state.mark_by >= pg_snapshot_xmax(pg_current_snapshot())
        INTO seen, over, future FROM ledger WHERE id > state.below;
    SELECT seq, hash INTO head, chain FROM stamps ORDER BY seq DESC LIMIT 1;
    head := coalesce(head, 0);
    chain := coalesce(chain, '');
    IF seen IS NULL THEN
        RETURN;
    END IF;
    FOR line IN
        SELECT id, digest, salt, convert_to(lasting_text(ledger, digest), 'UTF8') AS bytes
        FROM ledger
        CROSS JOIN LATERAL (SELECT CASE WHEN personal_members(noun) <> '{}' THEN uuid_send(gen_random_uuid()) END OFFSET 0) salts (salt)
        CROSS JOIN LATERAL (SELECT CASE WHEN salt IS NOT NULL THEN sha256(salt || convert_to(personal_text(ledger), 'UTF8')) END OFFSET 0) digests (digest)
        WHERE id > state.below AND NOT EXISTS (SELECT FROM stamps WHERE stamps.line = ledger.id) ORDER BY id LIMIT most
    LOOP
        made := made + 1;
        chain := sha256(chain || line.bytes);
        lines := lines || line.id;
        hashes := hashes || chain;
        digests := digests || line.digest;
        salts := salts || line.salt;
    END LOOP;
    INSERT INTO stamps (seq, line, hash, personal, salt)
        SELECT head + place, of, hash, digest, salt FROM unnest(lines, hashes, digests, salts) WITH ORDINALITY AS stamped (of, hash, digest, salt, place);
    head := head + made;
    -- All that is committed has its number up to here.
    IF made = most THEN
        seen := lines[made];
    END IF;
    -- A mark from the future is from another cluster.
    IF future THEN
        state.mark := NULL;
    ELSIF state.mark_by <= over AND state.mark <= seen THEN
        state.below := state.mark;
        state.mark := NULL;
    END IF;
    IF state.mark IS NULL AND seen > state.below THEN
        state.mark := seen;
        -- Whoever holds an `id` up to there took its transaction before this one takes its own.
        state.mark_by := pg_current_xact_id();
    END IF;
    UPDATE stamping SET below = state.below, mark = state.mark, mark_by = state.mark_by
        WHERE (below, mark) IS DISTINCT FROM (state.below, state.mark);
END $$;

-- Nothing in the ledger and its stamps is ever changed, but for what erasure empties.
CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'ledger' THEN
        IF personal_members(OLD.noun) <> '{}' AND to_jsonb(NEW) = to_jsonb(OLD)
            || jsonb_build_object('before', erased(OLD.noun, OLD.before), 'after', erased(OLD.noun, OLD.after)) THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' AND to_jsonb(NEW) = to_jsonb(OLD) || '{"salt": null}' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON stamps FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON stamps FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- What a transaction does beyond creating, changing and deleting has its own name in the ledger, for the noun it is done to
-- and its parts: `app.action` says `restore people`.
CREATE FUNCTION name_action() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named text[] := string_to_array(current_setting('app.action', true), ' ');
BEGIN
    IF named[2] IN (NEW.noun, NEW.parent_noun) AND NEW.action <> 'delete' THEN
        NEW.action := named[1];
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER name_action BEFORE INSERT ON ledger FOR EACH ROW WHEN (current_setting('app.action', true) <> '') EXECUTE FUNCTION name_action();

-- Forgets a person: the row, its mandates, and every line about them. Seats and links stay. The stamper waits meanwhile, so
-- that it never sees a line half-way.
CREATE FUNCTION erase_person(person uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

-- Writes a row as it was once: over the one that stands, or again under the same id. What it did not have then stays as it is.
CREATE FUNCTION put_back(noun regclass, item jsonb, anyhow boolean) RETURNS void LANGUAGE plpgsql AS $$
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

-- Brings a thing back to one of its versions, with its parts as they were then: in one new version of it.
CREATE FUNCTION restore_thing(noun text, thing uuid, version integer) RETURNS void LANGUAGE plpgsql AS $$
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

CREATE FUNCTION put_part_back(step jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF step -> 'item' = 'null' THEN
        EXECUTE format('DELETE FROM %I WHERE id = $1', step ->> 'noun') USING (step ->> 'id')::uuid;
    ELSE
        PERFORM put_back((step ->> 'noun')::regclass, step -> 'item', false);
    END IF;
END $$;
