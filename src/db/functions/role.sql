-- Guards the ledger by a role of the cluster: the service takes it in its own sessions. It reads and writes, but of the ledger and its numbers
-- it changes nothing, and it owns nothing whose triggers it could turn off. The owner of the database makes it where it may; elsewhere whoever
-- runs the cluster makes it and gives it to the owner. Returns whether it stands. `migrate` calls this each time.
CREATE OR REPLACE FUNCTION guard_ledger() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'territoires_service') THEN
        CREATE ROLE territoires_service NOLOGIN;
    END IF;
    IF NOT pg_has_role('territoires_service', 'MEMBER') THEN
        EXECUTE format('GRANT territoires_service TO %I', current_user);
    END IF;
    IF NOT has_table_privilege('territoires_service', 'public.ledger', 'INSERT') THEN
        GRANT USAGE ON SCHEMA public, as_of TO territoires_service;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO territoires_service;
        GRANT SELECT ON ALL TABLES IN SCHEMA as_of TO territoires_service;
        REVOKE UPDATE, DELETE ON ledger, stamps FROM territoires_service;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO territoires_service;
        ALTER DEFAULT PRIVILEGES IN SCHEMA as_of GRANT SELECT ON TABLES TO territoires_service;
    END IF;
    RETURN true;
-- Another database of the cluster may make the role at the same time.
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
    RETURN false;
END $$;
