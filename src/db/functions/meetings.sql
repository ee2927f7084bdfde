-- A meeting of a committee is of the committee's place.
CREATE OR REPLACE FUNCTION meetings_committee_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM committees WHERE id = NEW.committee_id AND (territory_id, region_code) IS DISTINCT FROM (NEW.territory_id, NEW.region_code)) THEN
        RAISE EXCEPTION 'a committee of another place' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'meetings_committee_place';
    END IF;
    RETURN NEW;
END $$;
