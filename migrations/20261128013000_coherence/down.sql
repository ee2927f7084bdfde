SET LOCAL lock_timeout = '2s';
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT tgname, tgrelid::regclass AS noun FROM pg_trigger WHERE tgname IN ('future', 'withdrawn_on_future', 'scheme_territory')
        OR tgname LIKE '%\_territory' AND tgrelid IN ('action_fiche_themes'::regclass, 'diagnosis_stakes'::regclass, 'diagnosis_ambitions'::regclass, 'agreement_approvals'::regclass) LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, one.noun);
    END LOOP;
END $$;
ALTER TABLE action_fiches DROP CONSTRAINT action_fiches_draft_done;
ALTER TABLE territory_labels DROP CONSTRAINT territory_labels_given, DROP CONSTRAINT territory_labels_applied;
