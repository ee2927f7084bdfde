SET LOCAL lock_timeout = '2s';
ALTER TABLE idempotency_keys RENAME TO repeats;
