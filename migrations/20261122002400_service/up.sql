-- The role that the service takes in its own sessions: it reads and writes, but of the ledger and its numbers it changes
-- nothing, and it owns nothing whose triggers it could turn off. Where no role may be made, the triggers stand alone.
SET LOCAL lock_timeout = '2s';
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'territoires_service') THEN
        CREATE ROLE territoires_service NOLOGIN;
    END IF;
    EXECUTE format('GRANT territoires_service TO %I', current_user);
    GRANT USAGE ON SCHEMA public, as_of TO territoires_service;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO territoires_service;
    GRANT SELECT ON ALL TABLES IN SCHEMA as_of TO territoires_service;
    REVOKE UPDATE, DELETE ON ledger, stamps FROM territoires_service;
    -- And of what later migrations make.
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO territoires_service;
    ALTER DEFAULT PRIVILEGES IN SCHEMA as_of GRANT SELECT ON TABLES TO territoires_service;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'no role territoires_service could be made: the ledger is guarded by its triggers alone';
END $$;
