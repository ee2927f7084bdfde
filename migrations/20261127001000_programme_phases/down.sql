SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.programme_phases;
DROP TABLE programme_phases;
DELETE FROM kept WHERE noun = 'programme_phases';
