-- Who rotated the secret of a key is kept, keys and grants count as what is written, and what one territory links to another's things does not
-- keep these from being deleted.
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '60s';

ALTER TABLE api_keys ADD COLUMN rotations jsonb NOT NULL DEFAULT '[]';

CREATE TRIGGER written AFTER INSERT ON api_keys FOR EACH ROW EXECUTE FUNCTION note_access();
CREATE TRIGGER written AFTER INSERT ON grants FOR EACH ROW EXECUTE FUNCTION note_access();
CREATE TRIGGER unlink BEFORE DELETE ON documents FOR EACH ROW EXECUTE FUNCTION unlink_others();
CREATE TRIGGER unlink BEFORE DELETE ON themes FOR EACH ROW EXECUTE FUNCTION unlink_others();
