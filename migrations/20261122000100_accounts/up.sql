SET LOCAL lock_timeout = '2s';

-- The keys that may write. Of a secret only its SHA-256 is kept.
CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    public_id    text        NOT NULL CONSTRAINT api_keys_public_id_key UNIQUE,
    name         text        NOT NULL,
    role         text        NOT NULL CONSTRAINT api_keys_role CHECK (role IN ('editor', 'admin')),
    secret_hash  bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
