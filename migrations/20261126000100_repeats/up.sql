-- What is sent again is done once: the requests that carried an `Idempotency-Key`, and what they were answered, for a day. The row is
-- written in the transaction of what is done.
SET LOCAL lock_timeout = '2s';

CREATE TABLE repeats (
    caller   text        NOT NULL,
    key      text        NOT NULL,
    digest   bytea       NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT now(),
    status   integer,
    etag     text,
    location text,
    body     text,
    CONSTRAINT repeats_pkey PRIMARY KEY (caller, key)
);
CREATE INDEX repeats_made_at_idx ON repeats (made_at);

-- Begins something that is done once: refused if it was done, and while it is being done for longer than a second.
CREATE FUNCTION begin_once(asker text, asked text, request bytea) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    DELETE FROM repeats WHERE ctid = ANY (ARRAY(SELECT ctid FROM repeats WHERE made_at < now() - interval '24 hours'
        ORDER BY (caller, key) = (asker, asked) DESC LIMIT 100 FOR UPDATE SKIP LOCKED));
    INSERT INTO repeats (caller, key, digest) VALUES (asker, asked, request);
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'under way' USING ERRCODE = 'unique_violation', TABLE = 'repeats', CONSTRAINT = 'repeats_pkey';
END $$;
