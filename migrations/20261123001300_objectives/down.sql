DROP VIEW as_of.objectives;
DROP TABLE objectives;
DELETE FROM kept WHERE noun = 'objectives';
