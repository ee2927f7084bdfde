-- The members of a line that identify a person, as the text of a JSON array. A salted digest of it is part of the line's hash.
-- `verify ledger` writes the same text on its own.
CREATE OR REPLACE FUNCTION personal_text(line ledger) RETURNS text LANGUAGE sql STABLE
    RETURN jsonb_build_array(
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each(line.before) WHERE key = ANY (personal_members(line.noun))),
        (SELECT jsonb_object_agg(key, value) FROM jsonb_each(line.after) WHERE key = ANY (personal_members(line.noun))))::text;

-- Why a line was written, and what its client called the request, as the text of a JSON array; none where nobody said either. A salted digest
-- of it is part of the line's hash. `verify ledger` writes the same text on its own.
CREATE OR REPLACE FUNCTION remark_text(line ledger) RETURNS text LANGUAGE sql STABLE
    RETURN CASE WHEN num_nonnulls(line.reason, client_request(line.request)) > 0 THEN jsonb_build_array(line.reason, client_request(line.request))::text END;

-- All the rest of a line, as the text of a JSON array: what its hash is made of. `verify ledger` writes the same text on its own.
CREATE OR REPLACE FUNCTION lasting_text(line ledger, personal bytea, remark bytea DEFAULT NULL) RETURNS text LANGUAGE sql STABLE
    RETURN jsonb_build_array(line.id, line.noun, line.thing, line.parent_noun, line.parent, line.parent_version, line.version, line.action,
        line.before - personal_members(line.noun), line.after - personal_members(line.noun),
        line.author, line.key_id, nullif(line.request, client_request(line.request)), encode(remark, 'hex'),
        to_char(line.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), line.transaction::text,
        line.audience, line.places, encode(personal, 'hex'), line.same_as)::text;

-- Gives numbers to committed lines that have none, at most so many; tells the highest number there is, and how many were given. Only
-- one transaction at a time does this: while another one is at it, nothing is done. A line is found in whatever order transactions
-- begin and end, an open transaction holds back no other, and no transaction's number is compared with those of another cluster.
-- Lines are numbered by `id`: so a line comes after all that it builds on, which was committed before it was written. Here, where each line
-- passes once, it is counted too what each caller wrote.
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
    remarks bytea[] := '{}';
    remark_salts bytea[] := '{}';
    callers text[] := '{}';
    written bigint[] := '{}';
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
        SELECT id, digest, salt, remark, remark_salt, convert_to(lasting_text(ledger, digest, remark), 'UTF8') AS bytes,
               CASE WHEN author NOT LIKE 'command: %' AND recorded_at > now() - interval '1 day' THEN coalesce(key_id::text, author) END AS caller
        FROM ledger
        CROSS JOIN LATERAL (SELECT CASE WHEN personal_members(noun) <> '{}' THEN uuid_send(gen_random_uuid()) END,
            CASE WHEN remark_text(ledger) IS NOT NULL THEN uuid_send(gen_random_uuid()) END OFFSET 0) salts (salt, remark_salt)
        CROSS JOIN LATERAL (SELECT CASE WHEN salt IS NOT NULL THEN sha256(salt || convert_to(personal_text(ledger), 'UTF8')) END,
            CASE WHEN remark_salt IS NOT NULL THEN sha256(remark_salt || convert_to(remark_text(ledger), 'UTF8')) END OFFSET 0) digests (digest, remark)
        WHERE id > state.below AND NOT EXISTS (SELECT FROM stamps WHERE stamps.line = ledger.id) ORDER BY id LIMIT most
    LOOP
        made := made + 1;
        chain := sha256(chain || line.bytes);
        lines := lines || line.id;
        hashes := hashes || chain;
        digests := digests || line.digest;
        salts := salts || line.salt;
        remarks := remarks || line.remark;
        remark_salts := remark_salts || line.remark_salt;
        callers := callers || line.caller;
        written := written || octet_length(line.bytes)::bigint;
    END LOOP;
    INSERT INTO stamps (seq, line, hash, personal, salt, remark, remark_salt)
        SELECT head + place, of, hash, digest, salt, remark, remark_salt
        FROM unnest(lines, hashes, digests, salts, remarks, remark_salts) WITH ORDINALITY AS stamped (of, hash, digest, salt, remark, remark_salt, place);
    PERFORM note_usage(counted_with(caller), 'written_bytes', now(), bytes)
        FROM (SELECT caller, sum(bytes)::bigint AS bytes FROM unnest(callers, written) AS wrote (caller, bytes) WHERE caller IS NOT NULL GROUP BY caller ORDER BY caller) wrote;
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
