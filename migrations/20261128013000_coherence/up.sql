-- What contradicts itself is refused: what has happened on a day to come, what is done and a draft, a theme of another territory, a
-- territory's theme in the nation's scheme, a label that was given to a candidate.
SET LOCAL lock_timeout = '2s';

CREATE TRIGGER future BEFORE INSERT OR UPDATE ON action_fiches FOR EACH ROW WHEN (greatest(NEW.actual_start_on, NEW.actual_end_on) > current_date)
    EXECUTE FUNCTION not_future('actual_start_on', 'actual_end_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON action_fiche_milestones FOR EACH ROW WHEN (NEW.done_on > current_date)
    EXECUTE FUNCTION not_future('done_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON action_fiche_funding_lines FOR EACH ROW WHEN (greatest(NEW.requested_on, NEW.granted_on, NEW.refused_on, NEW.paid_on) > current_date)
    EXECUTE FUNCTION not_future('requested_on', 'granted_on', 'refused_on', 'paid_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON action_fiche_notes FOR EACH ROW WHEN (NEW.dated_on > current_date)
    EXECUTE FUNCTION not_future('dated_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON agreements FOR EACH ROW WHEN (NEW.signed_on > current_date AND NEW.status IN ('signed', 'in_force', 'ended'))
    EXECUTE FUNCTION not_future('signed_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON agreement_signatories FOR EACH ROW WHEN (NEW.signed_on > current_date)
    EXECUTE FUNCTION not_future('signed_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON agreement_approvals FOR EACH ROW WHEN (NEW.approved_on > current_date AND NEW.outcome <> 'pending')
    EXECUTE FUNCTION not_future('approved_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON diagnoses FOR EACH ROW WHEN (NEW.made_on > current_date)
    EXECUTE FUNCTION not_future('made_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON documents FOR EACH ROW WHEN (greatest(NEW.url_checked_on, NEW.published_on, NEW.updated_on) > current_date)
    EXECUTE FUNCTION not_future('url_checked_on', 'published_on', 'updated_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON meetings FOR EACH ROW WHEN (NEW.held_on > current_date AND NEW.status = 'held')
    EXECUTE FUNCTION not_future('held_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON observations FOR EACH ROW WHEN (NEW.observed_on > current_date AND NEW.kind <> 'target')
    EXECUTE FUNCTION not_future('observed_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON people FOR EACH ROW WHEN (NEW.consented_on > current_date)
    EXECUTE FUNCTION not_future('consented_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON territory_labels FOR EACH ROW WHEN (greatest(NEW.applied_on, NEW.labelled_on) > current_date)
    EXECUTE FUNCTION not_future('applied_on', 'labelled_on');
CREATE TRIGGER future BEFORE INSERT OR UPDATE ON territory_successions FOR EACH ROW WHEN (NEW.happened_on > current_date)
    EXECUTE FUNCTION not_future('happened_on');
CREATE TRIGGER withdrawn_on_future BEFORE INSERT OR UPDATE ON territory_labels FOR EACH ROW WHEN (NEW.withdrawn_on > current_date AND NEW.status = 'withdrawn')
    EXECUTE FUNCTION not_future('withdrawn_on');

-- The tables are small yet: nothing is released.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE action_fiches ADD CONSTRAINT action_fiches_draft_done CHECK (validation <> 'draft' OR progress <> 'done');
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE territory_labels ADD CONSTRAINT territory_labels_given CHECK (status <> 'candidate' OR labelled_on IS NULL);
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE territory_labels ADD CONSTRAINT territory_labels_applied CHECK (applied_on <= labelled_on);

-- A theme of a scheme is of the scheme's territory, or of none, as all of the scheme are; and who uses a territory's theme is of the territory.
CREATE TRIGGER scheme_territory BEFORE INSERT OR UPDATE OF scheme, territory_id ON themes FOR EACH ROW EXECUTE FUNCTION themes_scheme_territory();
CREATE TRIGGER theme_id_territory BEFORE INSERT OR UPDATE OF theme_id ON action_fiche_themes FOR EACH ROW WHEN (NEW.theme_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('theme_id', 'themes', 'action_fiche_id', 'action_fiches');
CREATE TRIGGER theme_id_territory BEFORE INSERT OR UPDATE OF theme_id ON diagnosis_stakes FOR EACH ROW WHEN (NEW.theme_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('theme_id', 'themes', 'diagnosis_id', 'diagnoses');
CREATE TRIGGER theme_id_territory BEFORE INSERT OR UPDATE OF theme_id ON diagnosis_ambitions FOR EACH ROW WHEN (NEW.theme_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('theme_id', 'themes', 'diagnosis_id', 'diagnoses');
CREATE TRIGGER committee_id_territory BEFORE INSERT OR UPDATE OF committee_id ON agreement_approvals FOR EACH ROW WHEN (NEW.committee_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('committee_id', 'committees', 'agreement_id', 'agreements');
