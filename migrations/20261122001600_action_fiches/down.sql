DROP TABLE action_fiche_themes;
DROP TABLE action_fiche_participants;
DROP TABLE action_fiches;
DROP FUNCTION action_fiches_levels();
