SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.indicators;
DROP TABLE indicators;
DELETE FROM kept WHERE noun = 'indicators';
