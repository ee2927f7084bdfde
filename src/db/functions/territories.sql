-- A thing may name only things of its own territory, or of no territory: so nobody hangs a thing on another territory's. The
-- trigger's arguments are the column that names the other thing, and the table of that thing; for a part also the column that names its
-- whole, and the table of the whole, which has the territory.
CREATE OR REPLACE FUNCTION same_territory() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb := to_jsonb(NEW) - 'search';
    ours uuid := row ->> 'territory_id';
    theirs uuid;
BEGIN
    EXECUTE format('SELECT territory_id FROM %I WHERE id = $1', TG_ARGV[1]) INTO theirs USING (row ->> TG_ARGV[0])::uuid;
    IF TG_NARGS > 2 THEN
        EXECUTE format('SELECT territory_id FROM %I WHERE id = $1', TG_ARGV[3]) INTO ours USING (row ->> TG_ARGV[2])::uuid;
    END IF;
    IF theirs IS NOT NULL AND theirs IS DISTINCT FROM ours THEN
        RAISE EXCEPTION 'of another territory' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME,
            CONSTRAINT = TG_TABLE_NAME || '_' || TG_ARGV[0] || '_territory';
    END IF;
    RETURN NEW;
END $$;

-- All themes of a scheme are of one territory, or all are of none: the nation's. A theme that other things use goes to no other territory.
-- One transaction at a time changes a scheme: otherwise two could make it of two territories together.
CREATE OR REPLACE FUNCTION themes_scheme_territory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.scheme, NEW.territory_id) IS NOT DISTINCT FROM (OLD.scheme, OLD.territory_id) THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('scheme ' || NEW.scheme, 0));
    IF EXISTS (SELECT FROM themes WHERE scheme = NEW.scheme AND id <> NEW.id AND territory_id IS DISTINCT FROM NEW.territory_id) THEN
        RAISE EXCEPTION 'a scheme of others' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'themes_scheme_territory';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.territory_id IS DISTINCT FROM OLD.territory_id AND EXISTS (
        SELECT FROM objectives WHERE theme_id = NEW.id AND territory_id <> NEW.territory_id
        UNION ALL SELECT FROM action_fiche_themes link JOIN action_fiches whole ON whole.id = link.action_fiche_id WHERE link.theme_id = NEW.id AND whole.territory_id <> NEW.territory_id
        UNION ALL SELECT FROM diagnosis_stakes part JOIN diagnoses whole ON whole.id = part.diagnosis_id WHERE part.theme_id = NEW.id AND whole.territory_id <> NEW.territory_id
        UNION ALL SELECT FROM diagnosis_ambitions part JOIN diagnoses whole ON whole.id = part.diagnosis_id WHERE part.theme_id = NEW.id AND whole.territory_id <> NEW.territory_id
    ) THEN
        RAISE EXCEPTION 'used elsewhere' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'themes_used_elsewhere';
    END IF;
    RETURN NEW;
END $$;

-- What has happened did not happen on a day to come, in Paris. The trigger's arguments are the columns with such days.
CREATE OR REPLACE FUNCTION not_future() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb := to_jsonb(NEW) - 'search';
    member text;
BEGIN
    FOREACH member IN ARRAY TG_ARGV LOOP
        IF (row ->> member)::date > (now() AT TIME ZONE 'Europe/Paris')::date THEN
            RAISE EXCEPTION 'in the future' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_TABLE_NAME || '_' || member || '_future';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- No thing leads back to itself by the column of the first argument. The second argument is the column that the edge begins at: else it
-- is the identifier. One transaction at a time adds edges of one sort: otherwise two of them could close a circle together.
CREATE OR REPLACE FUNCTION no_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    start text := coalesce(TG_ARGV[1], 'id');
    edge jsonb := to_jsonb(NEW) - 'search';
    circle boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND edge -> TG_ARGV[0] = to_jsonb(OLD) -> TG_ARGV[0] THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('no_cycle ' || TG_TABLE_NAME || ' ' || TG_ARGV[0], 0));
    EXECUTE format('WITH RECURSIVE reached AS (SELECT $1 AS id UNION SELECT next.%I FROM %I next JOIN reached ON next.%I = reached.id WHERE next.%1$I IS NOT NULL)
        SELECT EXISTS (SELECT FROM reached WHERE id = $2)', TG_ARGV[0], TG_TABLE_NAME, start)
        INTO circle USING (edge ->> TG_ARGV[0])::uuid, (edge ->> start)::uuid;
    IF circle THEN
        RAISE EXCEPTION 'a circle' USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_TABLE_NAME || '_' || TG_ARGV[0] || '_cycle';
    END IF;
    RETURN NEW;
END $$;

-- The members that make up territories on a day. A member's own dates must hold the day. Of these members those count that are of
-- the latest phase begun by that day in which the territory has members. A phase whose first day is unknown has begun.
CREATE OR REPLACE FUNCTION members_on(territories uuid[], day date, phase uuid DEFAULT NULL)
    RETURNS TABLE (territory_id uuid, member_id uuid, phase_id uuid, siren text, commune_code text, department_codes jsonb) LANGUAGE sql STABLE AS $$
    SELECT held.territory_id, held.id, held.phase_id, held.siren, held.commune_code, held.department_codes
    FROM (
        SELECT member.*, of_phase.number,
               max(of_phase.number) FILTER (WHERE coalesce(of_phase.starts_on, '-infinity') <= day) OVER (PARTITION BY member.territory_id) AS latest
        FROM territory_members member LEFT JOIN programme_phases of_phase ON of_phase.id = member.phase_id
        WHERE member.territory_id = ANY (territories)
          AND coalesce(member.starts_on, '-infinity') <= day AND coalesce(member.ends_on, 'infinity') >= day
    ) held
    WHERE held.phase_id IS NULL OR CASE WHEN phase IS NULL THEN held.number = held.latest ELSE held.phase_id = phase END
$$;
