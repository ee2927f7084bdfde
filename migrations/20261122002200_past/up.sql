-- What it looked like then: in the schema `as_of`, a view for each noun shows its rows as they stood at `app.as_of`, but
-- for what may not be seen today by who looks back (`app.sees`). A transaction that begins with
-- `SET LOCAL search_path = as_of, public` asks then what others ask now.
-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file require-concurrent-index-creation
SET LOCAL lock_timeout = '2s';

CREATE SCHEMA as_of;

-- A thing of a noun by its identifier, and a page of them in the order of their identifiers.
CREATE INDEX ledger_noun_idx ON ledger (noun, thing, version);

-- The lines that had been written at `app.as_of`. A transaction happened whole, at the instant of its last line: no other
-- one can have seen any of it before, and whatever leans on it has later lines. (None writes for a day: an older line needs
-- no look at what else its transaction wrote, and one much younger is of another transaction, that got the same number in a
-- cluster into which the ledger was restored. BETWEEN and not `=`: or an index of identifiers alone may be taken, and walked.)
CREATE VIEW as_of.written AS
    SELECT line.noun, line.thing, line.parent, line.version, line.action, line.after
    FROM ledger line
    WHERE line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz - interval '1 day')
       OR line.recorded_at <= (SELECT current_setting('app.as_of')::timestamptz)
          AND (SELECT last.recorded_at FROM ledger last WHERE last.transaction BETWEEN line.transaction AND line.transaction
                 AND last.recorded_at < line.recorded_at + interval '1 day'
               ORDER BY last.transaction DESC, last.id DESC LIMIT 1) <= (SELECT current_setting('app.as_of')::timestamptz);

-- The line by which each thing stood then. Who does not see everything sees it only when its last line of all is for
-- everyone, or for some in one of the places where the caller is.
CREATE VIEW as_of.standing AS
    SELECT line.noun, line.thing, line.parent, line.after FROM as_of.written line
    WHERE line.action <> 'delete'
      AND NOT EXISTS (
        SELECT FROM as_of.written later WHERE later.noun = line.noun AND later.thing = line.thing AND later.version > line.version)
      AND ((SELECT current_setting('app.sees') = 'everything') OR (
        SELECT CASE last.audience WHEN 'public' THEN true
            WHEN 'partners' THEN last.places && (SELECT current_setting('app.sees_partners')::text[])
            ELSE last.places && (SELECT current_setting('app.sees_teams')::text[]) END
            -- A person who was deleted is not named any more.
            AND NOT EXISTS (SELECT FROM ledger gone WHERE gone.noun = 'people' AND gone.action = 'delete' AND gone.thing IN (line.thing, line.parent)
                AND NOT EXISTS (SELECT FROM people WHERE id = gone.thing))
        FROM ledger last WHERE last.thing = line.thing ORDER BY last.version DESC LIMIT 1));

-- Makes the view of a noun, with the columns that its table has now: identifier and parent come from the line itself, whose
-- indexes serve them; what a line does not know, because the column is younger, is what older rows got for it; what
-- the table computes is computed.
CREATE FUNCTION look_back(noun regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    relation pg_class;
    parent name;
    written text;
    known text;
    shown text;
BEGIN
    SELECT * INTO relation FROM pg_class WHERE oid = look_back.noun;
    SELECT parent_column INTO parent FROM kept WHERE kept.noun = relation.relname;
    WITH columns AS (
        SELECT attnum, quote_ident(attname) AS name, attname = 'id' OR attname IS NOT DISTINCT FROM parent AS indexed, attgenerated <> '' AS computed,
               format_type(atttypid, atttypmod) AS type, attname,
               CASE WHEN atthasmissing THEN format('(%L::%s[])[1]', attmissingval, format_type(atttypid, atttypmod)) ELSE pg_get_expr(adbin, adrelid) END AS value,
               coalesce(' COLLATE ' || nullif(attcollation, typcollation)::regcollation, '') AS collated
        FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = look_back.noun AND attnum > 0 AND NOT attisdropped
    )
    SELECT string_agg(name || ' ' || type || collated, ', ' ORDER BY attnum) FILTER (WHERE NOT indexed AND NOT computed),
           string_agg(CASE
               WHEN attname = 'id' THEN 'standing.thing AS id'
               WHEN indexed THEN 'standing.parent AS ' || name
               WHEN value IS NULL THEN 'was.' || name
               ELSE format('CASE WHEN standing.after ? %L THEN was.%s ELSE (%s)::%s END AS %2$s', attname, name, value, type) END, ', ' ORDER BY attnum)
               FILTER (WHERE NOT computed),
           string_agg(CASE WHEN computed THEN format('(%s)::%s AS %s', value, type, name) ELSE name END, ', ' ORDER BY attnum)
        INTO written, known, shown FROM columns;
    IF to_regclass(format('as_of.%I', relation.relname)) IS NOT NULL THEN
        EXECUTE format('DROP VIEW as_of.%I', relation.relname);
    END IF;
    EXECUTE format('CREATE VIEW as_of.%I AS SELECT %s FROM (SELECT %s FROM as_of.standing, jsonb_to_record(standing.after) AS was (%s)
        WHERE standing.noun = %L) AS rows', relation.relname, shown, known, written, relation.relname);
END $$;

-- Waits until nothing can be written any more that happened at this instant or before: until it is past, and until every
-- transaction has ended that has a line in the ledger, or may have, which nobody else sees yet.
CREATE FUNCTION settle(instant timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    under_way text[];
    began timestamptz;
BEGIN
    PERFORM pg_sleep(extract(epoch FROM instant - clock_timestamp()) + 0.000002);
    began := clock_timestamp();
    SELECT array_agg(virtualtransaction) INTO under_way FROM pg_locks
        WHERE relation = 'public.ledger'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND mode = 'RowExclusiveLock';
    WHILE EXISTS (SELECT FROM pg_locks WHERE relation = 'public.ledger'::regclass AND virtualtransaction = ANY (under_way) AND mode = 'RowExclusiveLock') LOOP
        IF clock_timestamp() > began + interval '2 seconds' THEN
            RAISE EXCEPTION 'canceling statement due to a transaction under way';
        END IF;
        PERFORM pg_sleep(0.002);
    END LOOP;
END $$;

-- The last line of every noun's migration, and of every one that changes its table. A part names its parent's table and the
-- column that points to it.
CREATE OR REPLACE FUNCTION keep_ledger(noun regclass, parent_noun text DEFAULT NULL, parent_column text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER stamp BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION stamp()', noun);
    IF parent_noun IS NULL THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record()', noun);
    ELSE
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record(%L, %L)', noun, parent_noun, parent_column);
    END IF;
    INSERT INTO kept VALUES (noun::text, parent_noun, parent_column)
        ON CONFLICT ON CONSTRAINT kept_pkey DO UPDATE SET parent_noun = excluded.parent_noun, parent_column = excluded.parent_column;
    PERFORM look_back(noun);
END $$;

SELECT look_back(noun::regclass) FROM kept;
