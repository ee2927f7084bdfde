SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.citations;
DROP TABLE citations;
DELETE FROM kept WHERE noun = 'citations';
