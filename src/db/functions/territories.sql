-- A thing may name only things of its own territory, of one that this one succeeds or is succeeded by, or of no territory: so nobody hangs a
-- thing on another territory's. The trigger's arguments are the column that names the other thing, and the table of that
-- thing; for a part also the column that names its whole, and the table of the whole, which has the territory. While two
-- territories become one, or two again, their things move one by one: `merge_territories` and `unmerge` see to it.
CREATE OR REPLACE FUNCTION same_territory() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb := to_jsonb(NEW) - 'search';
    ours uuid := row ->> 'territory_id';
    theirs uuid;
BEGIN
    IF current_setting('app.action', true) IN ('merge territories', 'restore territories') AND TG_OP = 'UPDATE' THEN
        RETURN NEW;
    END IF;
    EXECUTE format('SELECT territory_id FROM %I WHERE id = $1', TG_ARGV[1]) INTO theirs USING (row ->> TG_ARGV[0])::uuid;
    IF TG_NARGS > 2 THEN
        EXECUTE format('SELECT territory_id FROM %I WHERE id = $1', TG_ARGV[3]) INTO ours USING (row ->> TG_ARGV[2])::uuid;
    END IF;
    IF theirs <> ours AND theirs <> ALL (and_predecessors(ARRAY[ours])) AND ours <> ALL (and_predecessors(ARRAY[theirs]))
        OR theirs IS NOT NULL AND ours IS NULL THEN
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

-- What another territory linked to a thing of this one does not keep it from being deleted: whoever deletes it may not even see the other
-- territory's thing. The figures of others lose their source, and the correspondences of other schemes go. Links within a territory, and to
-- what is of the nation, refuse the deletion as ever.
CREATE OR REPLACE FUNCTION unlink_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'documents' THEN
        UPDATE observations SET document_id = NULL WHERE document_id = OLD.id AND territory_id <> OLD.territory_id;
    ELSE
        DELETE FROM theme_correspondences WHERE other_theme_id = OLD.id
            AND (SELECT territory_id FROM themes WHERE id = theme_id) IS DISTINCT FROM OLD.territory_id;
    END IF;
    RETURN OLD;
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

-- These territories, and all that they succeed, by however many steps.
CREATE OR REPLACE FUNCTION and_predecessors(territories uuid[]) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE reached AS (
        SELECT id FROM unnest(territories) id
        UNION SELECT succession.territory_id FROM territory_successions succession JOIN reached ON reached.id = succession.successor_id
    )
    SELECT array_agg(id) FROM reached
$$;

-- The members that stay, join and leave at each of these successions. It leads from the latest phase in which the territory has members to
-- the phase after it in which its successor has some. Members without a phase are of the beginning.
CREATE OR REPLACE FUNCTION succession_members(successions uuid[])
    RETURNS TABLE (succession_id uuid, fate text, name text, siren text, commune_code text) LANGUAGE sql STABLE AS $$
    WITH held AS (
        SELECT link.id, member.territory_id = link.territory_id AS before, coalesce(phase.number, 0) AS number, member.name, member.siren, member.commune_code,
               coalesce(member.siren, member.commune_code, member.name) AS key
        FROM territory_successions link JOIN territory_members member ON member.territory_id IN (link.territory_id, link.successor_id)
        LEFT JOIN programme_phases phase ON phase.id = member.phase_id
        WHERE link.id = ANY (successions)
    ), begun AS (
        SELECT was.id, coalesce(max(was.number) FILTER (WHERE EXISTS (SELECT FROM held next WHERE next.id = was.id AND NOT next.before AND next.number > was.number)),
                                max(was.number)) AS number
        FROM held was WHERE was.before GROUP BY was.id
    ), ended AS (
        SELECT next.id, coalesce(min(next.number) FILTER (WHERE next.number > begun.number), max(next.number)) AS number
        FROM held next LEFT JOIN begun USING (id) WHERE NOT next.before GROUP BY next.id
    ), was AS (
        SELECT DISTINCT ON (id, key) held.* FROM held JOIN begun USING (id, number) WHERE before ORDER BY id, key
    ), is_now AS (
        SELECT DISTINCT ON (id, key) held.* FROM held JOIN ended USING (id, number) WHERE NOT before ORDER BY id, key
    )
    SELECT coalesce(was.id, is_now.id), CASE WHEN was.key IS NULL THEN 'joins' WHEN is_now.key IS NULL THEN 'leaves' ELSE 'stays' END,
           coalesce(is_now.name, was.name), coalesce(is_now.siren, was.siren), coalesce(is_now.commune_code, was.commune_code)
    FROM was FULL JOIN is_now ON is_now.id = was.id AND is_now.key = was.key ORDER BY 1, 3
$$;

-- The current phase of each of these territories: the latest one begun by that day for which it has a label. A phase whose first day is
-- unknown has begun.
CREATE OR REPLACE FUNCTION phases_on(territories uuid[], day date) RETURNS TABLE (territory_id uuid, label_id uuid, phase_id uuid) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (label.territory_id) label.territory_id, label.id, label.phase_id
    FROM territory_labels label JOIN programme_phases phase ON phase.id = label.phase_id
    WHERE label.territory_id = ANY (territories) AND coalesce(phase.starts_on, '-infinity') <= day
    ORDER BY label.territory_id, phase.number DESC
$$;
