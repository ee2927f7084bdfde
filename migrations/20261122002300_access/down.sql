SET LOCAL lock_timeout = '2s';

ALTER TABLE api_keys DROP COLUMN revocation_reason, DROP COLUMN rotated_at;
ALTER TABLE grants DROP COLUMN ended_by, DROP COLUMN end_reason;
