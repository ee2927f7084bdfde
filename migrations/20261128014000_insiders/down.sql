DROP TRIGGER unlink ON themes;
DROP TRIGGER unlink ON documents;
DROP TRIGGER written ON grants;
DROP TRIGGER written ON api_keys;
ALTER TABLE api_keys DROP COLUMN rotations;
