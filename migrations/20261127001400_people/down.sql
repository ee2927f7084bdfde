SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.person_mandates, as_of.people;
DROP TABLE person_mandates, people;
DELETE FROM kept WHERE noun IN ('person_mandates', 'people');
