-- Whose use that of a caller is counted with: keys that one administrator made have one use.
CREATE OR REPLACE FUNCTION counted_with(caller text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT lineage FROM api_keys WHERE id = CASE WHEN counted_with.caller ~ '^[0-9a-f-]{36}$' THEN counted_with.caller::uuid END), counted_with.caller)
$$;

-- Notes the use of something that is bounded by the day.
CREATE OR REPLACE FUNCTION note_usage(caller text, what text, at timestamptz, amount bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO usage AS used (caller, what, hour, amount) VALUES (caller, what, date_trunc('hour', at), amount)
        ON CONFLICT ON CONSTRAINT usage_pkey DO UPDATE SET amount = used.amount + excluded.amount
$$;

-- Refuses a caller who has used as much as it may in the last 24 hours, of something that is bounded by the day.
CREATE OR REPLACE FUNCTION refuse_overuse(caller text, what text, most bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF most <= (SELECT sum(amount) FROM usage WHERE usage.caller = counted_with(refuse_overuse.caller) AND usage.what = refuse_overuse.what
            AND hour > now() - interval '24 hours') THEN
        RAISE EXCEPTION 'too much used in a day' USING ERRCODE = 'check_violation', TABLE = 'usage', CONSTRAINT = 'usage_' || what;
    END IF;
END $$;

-- Keys and grants stay for ever, so they count as what is written: their row, and about as much again for its indexes. (The ledger counts
-- its own lines when it numbers them.)
CREATE OR REPLACE FUNCTION note_access() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    writer text := coalesce(nullif(current_setting('app.key', true), ''), nullif(current_setting('app.author', true), ''));
BEGIN
    IF writer NOT LIKE 'command: %' THEN
        PERFORM note_usage(counted_with(writer), 'written_bytes', now(), octet_length(NEW::text) + 500);
    END IF;
    RETURN NULL;
END $$;

-- Begins a request that carries an `Idempotency-Key`. A request that was done already is refused. A request that is being done by
-- another transaction is waited for during one second, then refused. So is a caller for whom too much is kept.
CREATE OR REPLACE FUNCTION begin_idempotent(asker text, asked text, request bytea) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    PERFORM refuse_overuse(asker, 'answers', 100000);
    PERFORM refuse_overuse(asker, 'answer_bytes', 67108864);
    DELETE FROM idempotency_keys WHERE caller = asker AND key = asked AND made_at < now() - interval '24 hours';
    INSERT INTO idempotency_keys (caller, key, digest) VALUES (asker, asked, request);
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'under way' USING ERRCODE = 'unique_violation', TABLE = 'idempotency_keys', CONSTRAINT = 'idempotency_keys_pkey';
END $$;

-- Ends the write of a request that carries an `Idempotency-Key`: notes what the answer speaks of, which is all that this transaction wrote
-- about, and all that it names.
CREATE OR REPLACE FUNCTION end_idempotent(asker text, asked text) RETURNS void LANGUAGE sql AS $$
    UPDATE idempotency_keys SET things = ARRAY(
        SELECT DISTINCT named.id FROM ledger line CROSS JOIN LATERAL (
            SELECT line.thing AS id
            UNION ALL SELECT line.parent WHERE line.parent IS NOT NULL
            UNION ALL SELECT value::uuid FROM (SELECT * FROM jsonb_each_text(line.before) UNION ALL SELECT * FROM jsonb_each_text(line.after)) AS members
                WHERE value ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS named
        WHERE line.transaction = pg_current_xact_id() AND line.recorded_at > now() - interval '1 day')
    WHERE caller = asker AND key = asked
$$;

-- Keeps the answer to a request, after its write. What was erased meanwhile is not kept: erasure takes away what the answer speaks of.
CREATE OR REPLACE FUNCTION keep_answer(asker text, asked text, told integer, tag text, place text, answer text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE idempotency_keys SET status = told, etag = tag, location = place, body = answer WHERE caller = asker AND key = asked AND things IS NOT NULL;
    PERFORM note_usage(counted_with(asker), 'answers', now(), 1), note_usage(counted_with(asker), 'answer_bytes', now(), coalesce(octet_length(answer), 0));
END $$;

-- Forgets the answers that speak of these things. That the requests were done stays known.
CREATE OR REPLACE FUNCTION forget_answers(about uuid[]) RETURNS void LANGUAGE sql AS $$
    UPDATE idempotency_keys SET things = NULL, status = NULL, etag = NULL, location = NULL, body = NULL WHERE things && about
$$;

-- Removes what is older than a day, some thousand at a time.
CREATE OR REPLACE FUNCTION prune_by_the_day() RETURNS void LANGUAGE sql AS $$
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE made_at < now() - interval '24 hours'
        ORDER BY made_at LIMIT 5000 FOR UPDATE SKIP LOCKED));
    DELETE FROM usage WHERE ctid = ANY (ARRAY(SELECT ctid FROM usage WHERE hour <= now() - interval '25 hours' LIMIT 5000 FOR UPDATE SKIP LOCKED));
$$;
