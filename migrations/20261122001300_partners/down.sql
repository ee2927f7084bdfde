DROP TABLE partner_commitments;
DROP TABLE partners;
