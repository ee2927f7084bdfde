-- What every noun's table leans on: words folded for search, the ledger and its numbers, the past, and the role of the service.
-- Functions and trigger functions are in src/db/functions, but for those that generated columns and indexes are computed with: a
-- change of such a function would leave stored values as they were, so it needs a migration that computes them anew.
SET LOCAL lock_timeout = '2s';

-- The hash of the functions that `migrate` applied last.
CREATE TABLE functions (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    sha256 text    NOT NULL
);

-- A text without case, accents, ligatures or typographic apostrophes: names are compared and searched in this form.
CREATE FUNCTION fold(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN replace(replace(replace(
        regexp_replace(lower(normalize(words, NFKD) COLLATE "und-x-icu"), '[' || U&'\0300' || '-' || U&'\036F' || ']', '', 'g'),
        U&'\0153', 'oe'), U&'\00E6', 'ae'), U&'\2019', '''');

-- What a thing is found by: its words as they stand, and as French stems them.
CREATE FUNCTION search_words(words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('pg_catalog.simple', fold(coalesce(words, ''))) || to_tsvector('pg_catalog.french', fold(coalesce(words, '')));

-- The names in a list of aliases, as one text.
CREATE FUNCTION alias_names(aliases jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN (jsonb_path_query_array(aliases, '$[*].name') || jsonb_path_query_array(aliases, '$[*] ? (@.type() == "string")'))::text;

-- Every write: what a thing was, what it became, who did it and why. And whom the line is for, once it was written: everyone, or
-- those with a role in one of these places (territories, regions by their code, fiches), or those of them who work on it.
CREATE TABLE ledger (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noun        text        NOT NULL,
    thing       uuid        NOT NULL,
    parent_noun text,
    parent      uuid,
    version     integer     NOT NULL,
    action      text        NOT NULL CONSTRAINT ledger_action CHECK (action IN ('create', 'update', 'delete', 'restore', 'erase', 'merge')),
    before      jsonb,
    after       jsonb,
    author      text        NOT NULL,
    key_id      uuid,
    request     text,
    reason      text,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    transaction xid8        NOT NULL DEFAULT pg_current_xact_id(),
    audience    text        NOT NULL DEFAULT 'public' CONSTRAINT ledger_audience CHECK (audience IN ('public', 'partners', 'restricted')),
    places      text[]      NOT NULL DEFAULT '{}'
);
CREATE INDEX ledger_thing_idx ON ledger (thing, version);
CREATE INDEX ledger_parent_idx ON ledger (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX ledger_transaction_idx ON ledger (transaction, id);
CREATE INDEX ledger_places_idx ON ledger USING gin (places);
-- A thing of a noun by its identifier, and a page of them in the order of their identifiers.
CREATE INDEX ledger_noun_idx ON ledger (noun, thing, version);
-- The citations that were deleted with what they cite, or with their document.
CREATE INDEX ledger_cited_idx ON ledger ((before ->> 'thing_id')) WHERE noun = 'citations' AND action = 'delete';
CREATE INDEX ledger_citing_idx ON ledger ((before ->> 'document_id')) WHERE noun = 'citations' AND action = 'delete';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER name_action BEFORE INSERT ON ledger FOR EACH ROW WHEN (current_setting('app.action', true) <> '') EXECUTE FUNCTION name_action();

-- What happened, in one order for good: each line of the ledger gets a number once its transaction is over, and a hash that holds
-- it to all lines before it. The numbers have no hole and never change. Of what identifies a person the hash covers a salted
-- digest only: without the salt, which erasure takes away, the digest tells nothing. (There is no foreign key to the ledger, which
-- loses no line: the key would lock every line once more, and cost a third of the stamper's time.)
CREATE TABLE stamps (
    seq        bigint      PRIMARY KEY,
    line       bigint      NOT NULL CONSTRAINT stamps_line_key UNIQUE,
    hash       bytea       NOT NULL,
    personal   bytea,
    salt       bytea,
    stamped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON stamps FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON stamps FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- Where the stamper is. Up to `below`, every line that will ever be there is numbered. Up to `mark`, every line is that was
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

-- Every table that keeps the ledger, and of which other one its rows are parts. `places` are the columns that say where a row is,
-- for who may see it. The cards of the nouns say the same: a test compares them.
CREATE TABLE kept (
    noun          text   PRIMARY KEY,
    parent_noun   text,
    parent_column text,
    places        text[] NOT NULL
);

-- What it looked like then: in the schema `as_of`, a view for each noun shows its rows as they stood at `app.as_of`, but for what
-- may not be seen today by who looks back (`app.sees`). A transaction that begins with `SET LOCAL search_path = as_of, public` asks
-- then what others ask now.
CREATE SCHEMA as_of;

-- The lines that had been written at `app.as_of`. A transaction happened whole, at the instant of its last line: no other one can
-- have seen any of it before, and whatever leans on it has later lines. (None writes for a day. So for an older line nobody needs to
-- look at what else its transaction wrote; and a line much younger is of another transaction, that got the same number in a cluster
-- into which the ledger was restored. BETWEEN and not `=`: or an index of identifiers alone may be taken, and walked.)
CREATE VIEW as_of.written AS
    SELECT line.noun, line.thing, line.parent, line.version, line.action, line.after
    FROM ledger line
    WHERE line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz - interval '1 day')
       OR line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz)
          AND (SELECT last.recorded_at FROM ledger last WHERE last.transaction BETWEEN line.transaction AND line.transaction
                 AND last.recorded_at < line.recorded_at + interval '1 day'
               ORDER BY last.transaction DESC, last.id DESC LIMIT 1) <= (SELECT current_setting('app.as_of')::timestamptz);

-- The line by which each thing stood then. Who does not see everything sees a thing only when its last line of all is for everyone,
-- or for some in one of the places where the caller is.
CREATE VIEW as_of.standing AS
    SELECT line.noun, line.thing, line.parent, line.after FROM as_of.written line
    WHERE line.action <> 'delete'
      AND NOT EXISTS (
        SELECT FROM as_of.written later WHERE later.noun = line.noun AND later.thing = line.thing AND later.version > line.version)
      AND ((SELECT current_setting('app.sees') = 'everything') OR (
        SELECT CASE last.audience WHEN 'public' THEN true
            WHEN 'partners' THEN last.places && (SELECT current_setting('app.sees_partners')::text[])
            ELSE last.places && (SELECT current_setting('app.sees_teams')::text[]) END
            -- A person who was deleted, and did not come back, is not named any more.
            AND NOT EXISTS (SELECT FROM ledger gone WHERE gone.noun = 'people' AND gone.action = 'delete' AND gone.thing IN (line.thing, line.parent)
                AND NOT EXISTS (SELECT FROM ledger back WHERE back.thing = gone.thing AND back.version > gone.version))
        FROM ledger last WHERE last.thing = line.thing ORDER BY last.version DESC LIMIT 1));

-- The role that the service takes in its own sessions: it reads and writes, but of the ledger and its numbers it changes nothing,
-- and it owns nothing whose triggers it could turn off. Where no role may be made, the triggers stand alone.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'territoires_service') THEN
        CREATE ROLE territoires_service NOLOGIN;
    END IF;
    EXECUTE format('GRANT territoires_service TO %I', current_user);
    GRANT USAGE ON SCHEMA public, as_of TO territoires_service;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO territoires_service;
    GRANT SELECT ON ALL TABLES IN SCHEMA as_of TO territoires_service;
    REVOKE UPDATE, DELETE ON ledger, stamps FROM territoires_service;
    -- And of what later migrations make.
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO territoires_service;
    ALTER DEFAULT PRIVILEGES IN SCHEMA as_of GRANT SELECT ON TABLES TO territoires_service;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'no role territoires_service could be made: the ledger is guarded by its triggers alone';
END $$;
