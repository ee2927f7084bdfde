SET LOCAL lock_timeout = '2s';

DROP FUNCTION begin_once;
DROP TABLE repeats;
