-- Texts are compared and searched without what nobody sees. What is unique in its territory or event is so whatever the case, the
-- accents and the spaces.
SET LOCAL lock_timeout = '2s';

-- A text without case, accents, ligatures, unseen characters, typographic apostrophes, hyphens and spaces: names are compared and
-- searched in this form.
CREATE OR REPLACE FUNCTION fold(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN btrim(regexp_replace(replace(replace(translate(
        regexp_replace(lower(normalize(words, NFKD) COLLATE "und-x-icu"), '[' || U&'\0300' || '-' || U&'\036F' || U&'\00AD\061C\115F\1160\17B4\17B5\2800\FEFF'
            || U&'\180B' || '-' || U&'\180F' || U&'\200B' || '-' || U&'\200F' || U&'\202A' || '-' || U&'\202E' || U&'\2060' || '-' || U&'\206F'
            || U&'\FE00' || '-' || U&'\FE0F' || U&'\FFF0' || '-' || U&'\FFFB' || U&'\+0E0000' || '-' || U&'\+0E0FFF' || ']', '', 'g'),
        U&'\2010\2011\2012\2013\2014\2212\2018\2019', '------'''''), U&'\0153', 'oe'), U&'\00E6', 'ae'), '\s+', ' ', 'g'));

-- What was computed with the function before is computed anew: the words that things are found by, and the index of names.
DO $$
DECLARE
    stored record;
BEGIN
    FOR stored IN
        SELECT attrelid::regclass AS noun, string_agg(quote_ident(attname), ', ' ORDER BY attnum) FILTER (WHERE attgenerated = '') AS columns
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        GROUP BY attrelid HAVING bool_or(attname = 'search' AND attgenerated = 's')
    LOOP
        -- It is no write: no trigger looks at it.
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', stored.noun);
        EXECUTE format('UPDATE %s SET (%s) = ROW(%2$s)', stored.noun, stored.columns);
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', stored.noun);
    END LOOP;
END $$;
-- No database is large yet: nothing is released.
-- squawk-ignore require-concurrent-reindex
REINDEX INDEX territories_name_key;

-- The index below takes its place.
-- squawk-ignore ban-drop-constraint
ALTER TABLE action_fiches DROP CONSTRAINT action_fiches_reference_key;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX action_fiches_reference_key ON action_fiches (territory_id, fold(reference));
-- The index below takes its place.
-- squawk-ignore ban-drop-constraint
ALTER TABLE event_measures DROP CONSTRAINT event_measures_label_key;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX event_measures_label_key ON event_measures (event_id, fold(label));
