SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.objectives;
DROP TABLE objectives;
DELETE FROM kept WHERE noun = 'objectives';
