DROP VIEW as_of.meeting_decisions;
DROP TABLE meeting_decisions;
DELETE FROM kept WHERE noun = 'meeting_decisions';
DROP VIEW as_of.meeting_attendances;
DROP TABLE meeting_attendances;
DELETE FROM kept WHERE noun = 'meeting_attendances';
DROP VIEW as_of.meetings;
DROP TABLE meetings;
DELETE FROM kept WHERE noun = 'meetings';
