-- Begins a request that carries an `Idempotency-Key`. A request that was done already is refused. A request that is being done by
-- another transaction is waited for during one second, then refused.
CREATE OR REPLACE FUNCTION begin_idempotent(asker text, asked text, request bytea) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
BEGIN
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE made_at < now() - interval '24 hours'
        ORDER BY (caller, key) = (asker, asked) DESC LIMIT 100 FOR UPDATE SKIP LOCKED));
    INSERT INTO idempotency_keys (caller, key, digest) VALUES (asker, asked, request);
EXCEPTION WHEN lock_not_available THEN
    RAISE EXCEPTION 'under way' USING ERRCODE = 'unique_violation', TABLE = 'idempotency_keys', CONSTRAINT = 'idempotency_keys_pkey';
END $$;
