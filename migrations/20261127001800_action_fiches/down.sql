SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.action_fiche_tools, as_of.action_fiche_notes, as_of.action_fiche_locations, as_of.action_fiche_milestones, as_of.action_fiche_funding_lines, as_of.action_fiche_themes, as_of.action_fiche_participants, as_of.action_fiches;
DROP TABLE action_fiche_tools, action_fiche_notes, action_fiche_locations, action_fiche_milestones, action_fiche_funding_lines, action_fiche_themes, action_fiche_participants, action_fiches;
DELETE FROM kept WHERE noun IN ('action_fiche_tools', 'action_fiche_notes', 'action_fiche_locations', 'action_fiche_milestones', 'action_fiche_funding_lines', 'action_fiche_themes', 'action_fiche_participants', 'action_fiches');
