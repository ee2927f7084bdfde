-- Makes a noun's view in `as_of`, with the columns that its table has now. Identifier and parent come from the ledger's line, whose
-- indexes serve them. A line that is older than a column does not know it: it reads as what older rows got for it. What the table
-- computes, the view computes.
CREATE OR REPLACE FUNCTION look_back(noun regclass) RETURNS void LANGUAGE plpgsql AS $$
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

-- Waits until nothing can be written any more that happened at this instant or before: until the instant is past, and until every
-- transaction has ended that has a line in the ledger, or may have one, which nobody else sees yet.
CREATE OR REPLACE FUNCTION settle(instant timestamptz) RETURNS void LANGUAGE plpgsql AS $$
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
            RAISE EXCEPTION 'a transaction is under way' USING ERRCODE = 'lock_not_available';
        END IF;
        PERFORM pg_sleep(0.002);
    END LOOP;
END $$;
