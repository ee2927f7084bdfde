SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.partner_commitments, as_of.partners;
DROP TABLE partner_commitments, partners;
DELETE FROM kept WHERE noun IN ('partner_commitments', 'partners');
