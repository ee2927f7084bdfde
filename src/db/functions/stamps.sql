-- The members of a line that identify a person, as the text of a JSON array. A salted digest of it is part of the line's hash.
-- `verify ledger` writes the same text on its own.
CREATE OR REPLACE FUNCTION personal_text(line ledger) RETURNS text LANGUAGE sql STABLE
    RETURN jsonb_build_array(
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each(line.before) WHERE key = ANY (personal_members(line.noun))),
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each(line.after) WHERE key = ANY (personal_members(line.noun))))::text;

-- All the rest of a line, as the text of a JSON array: what its hash is made of. `verify ledger` writes the same text on its own.
CREATE OR REPLACE FUNCTION lasting_text(line ledger, personal bytea) RETURNS text LANGUAGE sql STABLE
    RETURN jsonb_build_array(line.id, line.noun, line.thing, line.parent_noun, line.parent, line.version, line.action,
        line.before - personal_members(line.noun), line.after - personal_members(line.noun),
        line.author, line.key_id, line.request, line.reason,
        to_char(line.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), line.transaction::text,
        line.audience, line.places, encode(personal, 'hex'))::text;

-- Gives numbers to committed lines that have none, at most so many; tells the highest number there is, and how many were given. Only
-- one transaction at a time does this: while another one is at it, nothing is done. A line is found in whatever order transactions
-- begin and end, an open transaction holds back no other, and no transaction's number is compared with those of another cluster.
-- Lines are numbered by `id`: so a line comes after all that it builds on, which was committed before it was written.
CREATE OR REPLACE FUNCTION stamp_ledger(most integer, OUT head bigint, OUT made integer) LANGUAGE plpgsql
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

-- Begins a new epoch of numbers: whoever followed the feed starts again.
CREATE OR REPLACE FUNCTION new_epoch() RETURNS uuid LANGUAGE sql AS $$
    UPDATE stamping SET epoch = gen_random_uuid(), epoch_began_at = clock_timestamp(), below = 0, mark = NULL, mark_by = NULL RETURNING epoch
$$;
