SET LOCAL lock_timeout = '2s';

DROP FUNCTION unmerge_partner(uuid);
DROP FUNCTION take_back(ledger);
DROP FUNCTION merged_into(uuid);
DROP FUNCTION merged_by(xid8, timestamptz, text);
DROP FUNCTION merge_partners(uuid, uuid);
DROP FUNCTION partner_names(partners);

ALTER TABLE ledger DROP CONSTRAINT ledger_action,
    ADD CONSTRAINT ledger_action CHECK (action IN ('create', 'update', 'delete', 'restore', 'erase'));
