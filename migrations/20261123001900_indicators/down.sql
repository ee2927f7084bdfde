DROP VIEW as_of.indicators;
DROP TABLE indicators;
DELETE FROM kept WHERE noun = 'indicators';
