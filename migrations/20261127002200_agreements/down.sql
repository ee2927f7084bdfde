SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.agreement_fiches, as_of.agreement_approvals, as_of.agreement_signatories, as_of.agreements;
DROP TABLE agreement_fiches, agreement_approvals, agreement_signatories, agreements;
DELETE FROM kept WHERE noun IN ('agreement_fiches', 'agreement_approvals', 'agreement_signatories', 'agreements');
