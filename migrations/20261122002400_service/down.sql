SET LOCAL lock_timeout = '2s';
-- Of this database it owns nothing and may do nothing any more; the role itself is the cluster's.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'territoires_service') THEN
        DROP OWNED BY territoires_service;
    END IF;
END $$;
