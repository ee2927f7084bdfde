SET LOCAL lock_timeout = '2s';

-- The keys that may write. Of a secret only its SHA-256 is kept. Two secrets of a key are alive while it is exchanged.
CREATE TABLE api_keys (
    id                uuid        PRIMARY KEY,
    public_id         text        NOT NULL CONSTRAINT api_keys_public_id_key UNIQUE,
    name              text        NOT NULL,
    secret_hash       bytea       NOT NULL,
    previous_hash     bytea,
    previous_until    timestamptz,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by        text,
    rotated_at        timestamptz,
    expires_at        timestamptz,
    revoked_at        timestamptz,
    revoked_by        text,
    revocation_reason text,
    last_used_at      timestamptz
);

-- Which role who holds, where, from when to when, by whom and why; and who ended it, and why. A grant is ended, never deleted, and
-- outlives what it was on. Its subject is a key, or whoever shows this value of a claim in a token of this issuer.
CREATE TABLE grants (
    id              uuid        PRIMARY KEY,
    key_id          uuid        CONSTRAINT grants_key_id_fkey REFERENCES api_keys,
    issuer          text,
    claim           text,
    value           text,
    role            text        NOT NULL CONSTRAINT grants_role CHECK (role IN ('reader', 'editor', 'approver', 'admin')),
    perimeter       text        NOT NULL CONSTRAINT grants_perimeter CHECK (perimeter IN ('nation', 'region', 'department', 'territory', 'fiche')),
    region_code     text,
    department_code text,
    territory_id    uuid,
    action_fiche_id uuid,
    starts_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at         timestamptz,
    granted_by      text        NOT NULL,
    reason          text,
    ended_by        text,
    end_reason      text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT grants_subject CHECK (CASE WHEN key_id IS NULL THEN num_nulls(issuer, claim, value) = 0 ELSE num_nonnulls(issuer, claim, value) = 0 END),
    CONSTRAINT grants_place CHECK ((region_code IS NOT NULL) = (perimeter = 'region') AND (department_code IS NOT NULL) = (perimeter = 'department')
        AND (territory_id IS NOT NULL) = (perimeter = 'territory') AND (action_fiche_id IS NOT NULL) = (perimeter = 'fiche'))
);
CREATE INDEX grants_key_id_idx ON grants (key_id);
CREATE INDEX grants_claim_idx ON grants (issuer, claim, value);
