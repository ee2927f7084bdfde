-- Nothing stands above itself, comes before itself or stands in for itself, by however many steps; and no two lines of the ledger say
-- the same version of one thing.
SET LOCAL lock_timeout = '2s';

DO $$
DECLARE
    edge text[];
BEGIN
    FOREACH edge SLICE 1 IN ARRAY '{{themes, parent_id}, {partners, parent_id}, {partners, predecessor_id}, {committees, parent_id}, {committees, becomes_id},
        {committee_seats, alternate_of}, {objectives, parent_id}, {events, parent_id}, {agreements, parent_id}}'::text[]
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE OF %I ON %I FOR EACH ROW WHEN (NEW.%2$I <> NEW.id) EXECUTE FUNCTION no_cycle(%2$L)',
            edge[2] || '_cycle', edge[2], edge[1]);
    END LOOP;
END $$;
CREATE TRIGGER successor_id_cycle BEFORE INSERT OR UPDATE OF successor_id ON territory_successions FOR EACH ROW WHEN (NEW.successor_id <> NEW.territory_id)
    EXECUTE FUNCTION no_cycle('successor_id', 'territory_id');

-- No ledger is large yet: nothing is released.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX ledger_thing_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX ledger_version_key ON ledger (thing, version);
