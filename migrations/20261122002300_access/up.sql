-- Who ended a grant or a key, and why.
SET LOCAL lock_timeout = '2s';

ALTER TABLE grants
    ADD COLUMN ended_by text,
    ADD COLUMN end_reason text;
ALTER TABLE api_keys
    ADD COLUMN revocation_reason text,
    ADD COLUMN rotated_at timestamptz;
