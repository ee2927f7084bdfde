-- What sources leave open is stored as open: a period of years is not one of days, a season not a month, an outcome or a progress
-- nobody tells is unknown. And who proposed a fiche when it was a committee, the event where a diagnosis was made, and the
-- commune of the site that a figure is of.
-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid, ban-drop-constraint, require-concurrent-index-creation
SET LOCAL lock_timeout = '2s';

-- How exact a day is, for every day that is stated.
DO $$
DECLARE
    stated record;
BEGIN
    FOR stated IN SELECT conrelid::regclass AS noun, conname, attname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
                  WHERE contype = 'c' AND attname LIKE '%\_precision' ORDER BY 1, 2 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I CHECK (%I IN (''day'', ''month'', ''season'', ''year'', ''unknown''))',
            stated.noun, stated.conname, stated.attname);
    END LOOP;
END $$;

ALTER TABLE programme_phases
    ADD COLUMN period_stated text,
    ADD COLUMN period_precision text CONSTRAINT programme_phases_period_precision CHECK (period_precision IN ('day', 'month', 'season', 'year', 'unknown'));
SELECT keep_ledger('programme_phases');

ALTER TABLE agreements
    ADD COLUMN period_stated text,
    ADD COLUMN period_precision text CONSTRAINT agreements_period_precision CHECK (period_precision IN ('day', 'month', 'season', 'year', 'unknown'));
SELECT keep_ledger('agreements');
ALTER TABLE agreement_approvals DROP CONSTRAINT agreement_approvals_outcome,
    ADD CONSTRAINT agreement_approvals_outcome CHECK (outcome IN ('pending', 'approved', 'reserved', 'rejected', 'unknown'));

ALTER TABLE observations
    ADD COLUMN period_stated text,
    ADD COLUMN period_precision text CONSTRAINT observations_period_precision CHECK (period_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    ADD COLUMN commune_code text;
SELECT keep_ledger('observations');

ALTER TABLE diagnoses ADD COLUMN event_id uuid CONSTRAINT diagnoses_event_id_fkey REFERENCES events;
CREATE INDEX diagnoses_event_id_idx ON diagnoses (event_id);
CREATE TRIGGER event_id_territory BEFORE INSERT OR UPDATE ON diagnoses FOR EACH ROW WHEN (NEW.event_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('event_id', 'events');
SELECT keep_ledger('diagnoses');

ALTER TABLE action_fiches DROP CONSTRAINT action_fiches_progress,
    ADD CONSTRAINT action_fiches_progress CHECK (progress IN ('not_started', 'in_progress', 'paused', 'blocked', 'done', 'abandoned', 'unknown')),
    ADD COLUMN proposed_by_committee_id uuid CONSTRAINT action_fiches_proposed_by_committee_id_fkey REFERENCES committees;
CREATE INDEX action_fiches_proposed_by_committee_id_idx ON action_fiches (proposed_by_committee_id);
SELECT keep_ledger('action_fiches');

ALTER TABLE support_tools DROP CONSTRAINT support_tools_kind,
    ADD CONSTRAINT support_tools_kind CHECK (kind IN ('engineering', 'funding', 'service', 'exemption', 'unknown'));
