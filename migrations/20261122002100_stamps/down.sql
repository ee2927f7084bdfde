SET LOCAL lock_timeout = '2s';
DROP FUNCTION put_part_back(jsonb);
DROP FUNCTION restore_thing(text, uuid, integer);
DROP FUNCTION put_back(regclass, jsonb, boolean);
DROP FUNCTION erase_person(uuid);
DROP TRIGGER name_action ON ledger;
DROP FUNCTION name_action();
CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
DROP FUNCTION stamp_ledger(integer);
DROP FUNCTION lasting_text(ledger, bytea);
DROP FUNCTION personal_text(ledger);
DROP FUNCTION erased(text, jsonb);
DROP FUNCTION personal_members(text);
DROP FUNCTION new_epoch();
DROP TABLE stamping;
DROP TABLE stamps;
ALTER TABLE ledger DISABLE TRIGGER append_only;
UPDATE ledger SET action = CASE WHEN before IS NULL THEN 'create' ELSE 'update' END WHERE action IN ('restore', 'erase');
ALTER TABLE ledger ENABLE TRIGGER append_only;
ALTER TABLE ledger DROP CONSTRAINT ledger_action, ADD CONSTRAINT ledger_action CHECK (action IN ('create', 'update', 'delete'));
