SET LOCAL lock_timeout = '2s';

ALTER TABLE support_tools DROP CONSTRAINT support_tools_kind,
    ADD CONSTRAINT support_tools_kind CHECK (kind IN ('engineering', 'funding', 'service', 'exemption'));

DROP VIEW as_of.action_fiches, as_of.diagnoses, as_of.observations, as_of.agreements, as_of.programme_phases;
ALTER TABLE action_fiches DROP COLUMN proposed_by_committee_id, DROP CONSTRAINT action_fiches_progress,
    ADD CONSTRAINT action_fiches_progress CHECK (progress IN ('not_started', 'in_progress', 'paused', 'blocked', 'done', 'abandoned'));
DROP TRIGGER event_id_territory ON diagnoses;
ALTER TABLE diagnoses DROP COLUMN event_id;
ALTER TABLE observations DROP COLUMN period_stated, DROP COLUMN period_precision, DROP COLUMN commune_code;
ALTER TABLE agreement_approvals DROP CONSTRAINT agreement_approvals_outcome,
    ADD CONSTRAINT agreement_approvals_outcome CHECK (outcome IN ('pending', 'approved', 'reserved', 'rejected'));
ALTER TABLE agreements DROP COLUMN period_stated, DROP COLUMN period_precision;
ALTER TABLE programme_phases DROP COLUMN period_stated, DROP COLUMN period_precision;
SELECT keep_ledger(noun::regclass) FROM unnest('{programme_phases,agreements,observations,diagnoses,action_fiches}'::text[]) noun;

DO $$
DECLARE
    stated record;
BEGIN
    FOR stated IN SELECT conrelid::regclass AS noun, conname, attname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
                  WHERE contype = 'c' AND attname LIKE '%\_precision' ORDER BY 1, 2 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I CHECK (%I IN (''day'', ''month'', ''year'', ''unknown''))',
            stated.noun, stated.conname, stated.attname);
    END LOOP;
END $$;
