SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.observations;
DROP TABLE observations;
DELETE FROM kept WHERE noun = 'observations';
