SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.committee_seats, as_of.committees;
DROP TABLE committee_seats, committees;
DELETE FROM kept WHERE noun IN ('committee_seats', 'committees');
