-- No build with the old names is released, so nobody calls them.
-- squawk-ignore-file renaming-table, renaming-object, ban-drop-function
SET LOCAL lock_timeout = '2s';

-- The line by which each thing stood then. Who does not see everything sees a thing only when it is for everyone today, or for some in
-- one of the places where the caller is. Of what is gone, its whole and the fiche it named say today whom it is for.
CREATE OR REPLACE VIEW as_of.standing AS
    SELECT line.noun, line.thing, line.parent, line.after FROM as_of.written line
    WHERE line.action <> 'delete'
      AND NOT EXISTS (
        SELECT FROM as_of.written later WHERE later.noun = line.noun AND later.thing = line.thing AND later.version > line.version)
      AND ((SELECT current_setting('app.sees') = 'everything') OR (
        SELECT CASE today.audience WHEN 'public' THEN true
            WHEN 'partners' THEN today.places && (SELECT current_setting('app.sees_partners')::text[])
            ELSE today.places && (SELECT current_setting('app.sees_restricted')::text[]) END
            -- A person who was deleted, and did not come back, is not named any more.
            AND NOT EXISTS (SELECT FROM ledger gone WHERE gone.noun = 'people' AND gone.action = 'delete' AND gone.thing IN (line.thing, line.parent)
                AND NOT EXISTS (SELECT FROM ledger back WHERE back.thing = gone.thing AND back.version > gone.version))
        FROM audience_today(line.thing) today));

-- A function of that name sets the version of a row; a stamp is a number of the ledger.
DO $$
DECLARE
    noun text;
BEGIN
    FOR noun IN SELECT kept.noun FROM kept LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS stamp ON %I', noun);
        EXECUTE format('CREATE OR REPLACE TRIGGER set_version BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION set_version()', noun);
    END LOOP;
END $$;
DROP FUNCTION IF EXISTS stamp();

-- What `Idempotency-Key` names.
ALTER TABLE repeats RENAME TO idempotency_keys;
ALTER INDEX repeats_pkey RENAME TO idempotency_keys_pkey;
ALTER INDEX repeats_made_at_idx RENAME TO idempotency_keys_made_at_idx;
DROP FUNCTION IF EXISTS begin_once(text, text, bytea);
