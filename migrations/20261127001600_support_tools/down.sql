SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.support_tools;
DROP TABLE support_tools;
DELETE FROM kept WHERE noun = 'support_tools';
