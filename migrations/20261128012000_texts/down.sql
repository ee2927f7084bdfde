SET LOCAL lock_timeout = '2s';
DROP INDEX action_fiches_reference_key;
ALTER TABLE action_fiches ADD CONSTRAINT action_fiches_reference_key UNIQUE (territory_id, reference);
DROP INDEX event_measures_label_key;
ALTER TABLE event_measures ADD CONSTRAINT event_measures_label_key UNIQUE (event_id, label);
CREATE OR REPLACE FUNCTION fold(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN replace(replace(replace(
        regexp_replace(lower(normalize(words, NFKD) COLLATE "und-x-icu"), '[' || U&'\0300' || '-' || U&'\036F' || ']', '', 'g'),
        U&'\0153', 'oe'), U&'\00E6', 'ae'), U&'\2019', '''');
REINDEX INDEX territories_name_key;
