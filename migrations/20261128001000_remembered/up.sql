-- What is remembered of a write: of which version of its whole a part's line is, why and by which request it was written, what a kept
-- answer speaks of, and how much a caller has used of what it may use. And no two keys have one name.
SET LOCAL lock_timeout = '2s';

-- The version of the whole that the line of a part made, or under which it was written. A page of a history finds its parts by it.
ALTER TABLE ledger ADD COLUMN parent_version integer;
ALTER TABLE ledger DISABLE TRIGGER append_only;
UPDATE ledger line SET parent_version = (SELECT max(whole.version) FROM ledger whole
    WHERE whole.thing = line.parent AND (whole.id < line.id OR whole.transaction = line.transaction AND whole.recorded_at < line.recorded_at + interval '1 day'))
    WHERE line.parent IS NOT NULL;
ALTER TABLE ledger ENABLE TRIGGER append_only;

-- The line that says what this one does not repeat: nothing but the version and the hour is another one.
ALTER TABLE ledger ADD COLUMN same_as bigint;
-- The lines that had been written at `app.as_of`, as they were, each with all that it says.
CREATE OR REPLACE VIEW as_of.written AS
    SELECT line.noun, line.thing, line.parent, line.version, line.action,
        CASE WHEN line.same_as IS NULL THEN line.after ELSE (SELECT origin.after FROM ledger origin WHERE origin.id = line.same_as) || line.after END AS after
    FROM ledger line
    WHERE line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz - interval '1 day')
       OR line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz)
          AND (SELECT last.recorded_at FROM ledger last WHERE last.transaction BETWEEN line.transaction AND line.transaction
                 AND last.recorded_at < line.recorded_at + interval '1 day'
               ORDER BY last.transaction DESC, last.id DESC LIMIT 1) <= (SELECT current_setting('app.as_of')::timestamptz);

-- No ledger is large yet: nothing is released.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX ledger_parent_idx;
-- The parts that a transaction wrote, and those of a version.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_parent_idx ON ledger (parent, transaction) WHERE parent IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_parent_version_idx ON ledger (parent, parent_version, id) WHERE parent IS NOT NULL;
-- What names a person, for erasure.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_person_idx ON ledger ((coalesce(after, before) ->> 'person_id')) WHERE coalesce(after, before) ->> 'person_id' IS NOT NULL;

-- The reason of a write, and the name that its client gave to the request, may name a person. So of them, too, the hash covers a salted
-- digest only. Every hash is another one by this: the stamper numbers all lines anew, and who follows the feed starts again.
ALTER TABLE stamps ADD COLUMN remark bytea, ADD COLUMN remark_salt bytea;
ALTER TABLE stamps DISABLE TRIGGER append_only;
DELETE FROM stamps;
ALTER TABLE stamps ENABLE TRIGGER append_only;
UPDATE stamping SET epoch = gen_random_uuid(), epoch_began_at = clock_timestamp(), below = 0, mark = NULL, mark_by = NULL;
-- `migrate` makes the one with another parameter.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS lasting_text(ledger, bytea);

-- What the answer to a request speaks of, written in the transaction of the write. Without it no answer is kept.
ALTER TABLE idempotency_keys ADD COLUMN things uuid[];
UPDATE idempotency_keys SET status = NULL, etag = NULL, location = NULL, body = NULL;

-- How much a caller has used in an hour of something that is bounded by the day.
CREATE TABLE usage (
    caller text        NOT NULL,
    what   text        NOT NULL CONSTRAINT usage_what CHECK (what IN ('answers', 'answer_bytes', 'written_bytes')),
    hour   timestamptz NOT NULL,
    amount bigint      NOT NULL,
    CONSTRAINT usage_pkey PRIMARY KEY (caller, what, hour)
);

-- Whose requests those of a key are counted with as well: the first administrator below the nation by whom it came to be. None: its own.
ALTER TABLE api_keys ADD COLUMN lineage text;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX api_keys_lineage_idx ON api_keys (lineage) WHERE lineage IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX api_keys_created_by_idx ON api_keys (created_by);
-- The ledger names an author by the name of its key: so a name is given once. (The key of the demo is made anew at each start.)
UPDATE api_keys SET name = name || ' (' || public_id || ')' WHERE fold(name) <> 'demo'
    AND EXISTS (SELECT FROM api_keys earlier WHERE fold(earlier.name) = fold(api_keys.name) AND earlier.id < api_keys.id);
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX api_keys_name_key ON api_keys (fold(name)) WHERE fold(name) <> 'demo';
