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
