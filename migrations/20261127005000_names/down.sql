SET LOCAL lock_timeout = '2s';
-- The line by which each thing stood then. Who does not see everything sees a thing only when its last line of all is for everyone,
-- or for some in one of the places where the caller is.
CREATE OR REPLACE VIEW as_of.standing AS
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

ALTER TABLE idempotency_keys RENAME TO repeats;
