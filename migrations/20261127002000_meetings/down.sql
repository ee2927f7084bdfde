SET LOCAL lock_timeout = '2s';
ALTER TABLE action_fiches DROP CONSTRAINT action_fiches_validation_decision_id_fkey;
DROP VIEW as_of.meeting_decisions, as_of.meeting_attendances, as_of.meetings;
DROP TABLE meeting_decisions, meeting_attendances, meetings;
DELETE FROM kept WHERE noun IN ('meeting_decisions', 'meeting_attendances', 'meetings');
