-- Who may do what: grants, the names of people that may be published, and whom each line of the ledger is for.
-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file constraint-missing-not-valid, ban-drop-column, require-concurrent-index-creation
SET LOCAL lock_timeout = '2s';

-- The region of each department, by their codes of the COG.
CREATE TABLE department_regions (
    department_code text PRIMARY KEY,
    region_code     text NOT NULL
);
INSERT INTO department_regions (department_code, region_code) VALUES
    ('01', '84'), ('03', '84'), ('07', '84'), ('15', '84'), ('26', '84'), ('38', '84'), ('42', '84'), ('43', '84'), ('63', '84'), ('69', '84'), ('73', '84'), ('74', '84'),
    ('21', '27'), ('25', '27'), ('39', '27'), ('58', '27'), ('70', '27'), ('71', '27'), ('89', '27'), ('90', '27'),
    ('22', '53'), ('29', '53'), ('35', '53'), ('56', '53'),
    ('18', '24'), ('28', '24'), ('36', '24'), ('37', '24'), ('41', '24'), ('45', '24'),
    ('2A', '94'), ('2B', '94'),
    ('08', '44'), ('10', '44'), ('51', '44'), ('52', '44'), ('54', '44'), ('55', '44'), ('57', '44'), ('67', '44'), ('68', '44'), ('88', '44'),
    ('02', '32'), ('59', '32'), ('60', '32'), ('62', '32'), ('80', '32'),
    ('75', '11'), ('77', '11'), ('78', '11'), ('91', '11'), ('92', '11'), ('93', '11'), ('94', '11'), ('95', '11'),
    ('14', '28'), ('27', '28'), ('50', '28'), ('61', '28'), ('76', '28'),
    ('16', '75'), ('17', '75'), ('19', '75'), ('23', '75'), ('24', '75'), ('33', '75'), ('40', '75'), ('47', '75'), ('64', '75'), ('79', '75'), ('86', '75'), ('87', '75'),
    ('09', '76'), ('11', '76'), ('12', '76'), ('30', '76'), ('31', '76'), ('32', '76'), ('34', '76'), ('46', '76'), ('48', '76'), ('65', '76'), ('66', '76'), ('81', '76'), ('82', '76'),
    ('44', '52'), ('49', '52'), ('53', '52'), ('72', '52'), ('85', '52'),
    ('04', '93'), ('05', '93'), ('06', '93'), ('13', '93'), ('83', '93'), ('84', '93'),
    ('971', '01'),
    ('972', '02'),
    ('973', '03'),
    ('974', '04'),
    ('976', '06');

-- The departments in which a member has communes, as the official lists tell them.
ALTER TABLE territory_members ADD COLUMN department_codes jsonb NOT NULL DEFAULT '[]';

-- Each department and region in which a territory has a commune; several for one that crosses their borders.
CREATE VIEW territory_places AS
    SELECT DISTINCT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS code
    JOIN department_regions place ON place.department_code = code;

-- On what ground a person may be named in public.
ALTER TABLE people
    ADD COLUMN publication_basis text NOT NULL DEFAULT 'not_publishable'
        CONSTRAINT people_publication_basis CHECK (publication_basis IN ('not_publishable', 'elected_mandate', 'directory_of_officials', 'company_register', 'consent')),
    ADD COLUMN consented_on date,
    ADD CONSTRAINT people_consent CHECK ((publication_basis = 'consent') = (consented_on IS NOT NULL));

-- Which role who holds, where, from when to when, by whom and why. A grant is ended, never deleted, and outlives what it
-- was on. Its subject is a key, or whoever shows this value of a claim in a token of this issuer.
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
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT grants_subject CHECK (CASE WHEN key_id IS NULL THEN num_nulls(issuer, claim, value) = 0 ELSE num_nonnulls(issuer, claim, value) = 0 END),
    CONSTRAINT grants_place CHECK ((region_code IS NOT NULL) = (perimeter = 'region') AND (department_code IS NOT NULL) = (perimeter = 'department')
        AND (territory_id IS NOT NULL) = (perimeter = 'territory') AND (action_fiche_id IS NOT NULL) = (perimeter = 'fiche'))
);
CREATE INDEX grants_key_id_idx ON grants (key_id);
CREATE INDEX grants_claim_idx ON grants (issuer, claim, value);

-- A key had one role, everywhere. Two secrets of it are alive while it is exchanged.
INSERT INTO grants (id, key_id, role, perimeter, granted_by, reason)
    SELECT gen_random_uuid(), api_keys.id, held.role, 'nation', 'migration', 'the role that the key had'
    FROM api_keys JOIN (VALUES ('editor', 'approver'), ('admin', 'approver'), ('admin', 'admin')) AS held (was, role) ON held.was = api_keys.role;
ALTER TABLE api_keys DROP COLUMN role,
    ADD COLUMN created_by text,
    ADD COLUMN revoked_by text,
    ADD COLUMN previous_hash bytea,
    ADD COLUMN previous_until timestamptz;

-- Every table that keeps the ledger, and of which other one its rows are parts.
CREATE TABLE kept (
    noun          text PRIMARY KEY,
    parent_noun   text,
    parent_column text
);
INSERT INTO kept (noun, parent_noun, parent_column)
    SELECT tgrelid::regclass::text, nullif(arguments[1], ''), nullif(arguments[2], '')
    FROM (SELECT tgrelid, string_to_array(encode(tgargs, 'escape'), '\000') AS arguments FROM pg_trigger WHERE tgname = 'record') triggers;

-- Whom each line is for, once it was written: everyone, or those with a role in one of these places (territories, regions
-- by their code, fiches), or those of them who work on it.
ALTER TABLE ledger
    ADD COLUMN audience text NOT NULL DEFAULT 'public' CONSTRAINT ledger_audience CHECK (audience IN ('public', 'partners', 'restricted')),
    ADD COLUMN places text[] NOT NULL DEFAULT '{}';

-- Whom a row is for, as it stands: by what it says itself, and by the thing it is part of. Nothing when that is gone.
CREATE FUNCTION audience_of(noun text, item jsonb, OUT audience text, OUT places text[]) LANGUAGE plpgsql STABLE AS $$
DECLARE
    whole kept;
    parent jsonb;
BEGIN
    SELECT * INTO whole FROM kept WHERE kept.noun = audience_of.noun;
    places := array_remove(ARRAY[item ->> 'territory_id', item ->> 'region_code'], NULL);
    IF whole.parent_noun IS NOT NULL THEN
        EXECUTE format('SELECT to_jsonb(whole) - ''search'' FROM %I whole WHERE id = $1', whole.parent_noun)
            INTO parent USING (item ->> whole.parent_column)::uuid;
        IF parent IS NULL THEN
            places := NULL;
        ELSE
            SELECT of.audience, of.places || audience_of.places INTO audience, places FROM audience_of(whole.parent_noun, parent) of;
        END IF;
    ELSIF noun = 'people' THEN
        -- Who may not be named in public is known to those who work with the committees where they sit; who sits nowhere
        -- yet, to those who seat people.
        audience := CASE WHEN item ->> 'publication_basis' = 'not_publishable' THEN 'partners' ELSE 'public' END;
        SELECT CASE WHEN count(*) = 0 THEN '{approvers}' ELSE coalesce(array_agg(DISTINCT place) FILTER (WHERE place IS NOT NULL), '{}') END INTO places
            FROM committee_seats seat JOIN committees committee ON committee.id = seat.committee_id
            CROSS JOIN unnest(ARRAY[committee.territory_id::text, committee.region_code]) place
            WHERE seat.person_id = (item ->> 'id')::uuid;
    ELSE
        audience := coalesce(item ->> 'visibility', 'public');
        IF noun IN ('territories', 'action_fiches') THEN
            places := places || (item ->> 'id');
        END IF;
    END IF;
    SELECT coalesce(array_agg(DISTINCT place ORDER BY place), '{}') INTO places FROM unnest(places) place WHERE audience IS NOT NULL;
END $$;

-- After a write: one line in the ledger, in the same transaction; and for a part, a new version of its parent, once a
-- transaction (a parent made or changed in this very transaction has its new version already). When a thing is from now
-- on for others, so are its parts: they get a line too; and where others come to know a person, so do their other seats.
CREATE OR REPLACE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    author text := nullif(current_setting('app.author', true), '');
    parent_noun text := TG_ARGV[0];
    parent uuid;
    old_row jsonb;
    new_row jsonb;
    row jsonb;
    now_for record;
    was_for record;
    part kept;
BEGIN
    IF author IS NULL THEN
        RAISE EXCEPTION 'a write nobody signed: app.author is not set' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD) - 'search'; END IF;
    IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW) - 'search'; END IF;
    row := coalesce(new_row, old_row);
    IF parent_noun IS NOT NULL THEN
        parent := (row ->> TG_ARGV[1])::uuid;
    END IF;
    SELECT * INTO now_for FROM audience_of(TG_TABLE_NAME, row);
    SELECT audience, places INTO was_for FROM ledger WHERE thing = (row ->> 'id')::uuid ORDER BY version DESC LIMIT 1;
    -- The whole is gone already, and takes its parts along.
    IF now_for.audience IS NULL THEN
        now_for := was_for;
    END IF;
    INSERT INTO ledger (noun, thing, parent_noun, parent, version, action, before, after, author, key_id, request, reason, audience, places)
    VALUES (TG_TABLE_NAME, (row ->> 'id')::uuid, parent_noun, parent,
            (row ->> 'version')::integer + (TG_OP = 'DELETE')::integer,
            CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END,
            old_row, new_row, author,
            nullif(current_setting('app.key', true), '')::uuid,
            nullif(current_setting('app.request', true), ''),
            nullif(current_setting('app.reason', true), ''),
            coalesce(now_for.audience, 'restricted'), coalesce(now_for.places, '{}'));
    IF parent_noun IS NOT NULL THEN
        EXECUTE format('UPDATE %I SET version = version + 1 WHERE id = $1 AND xmin <> pg_current_xact_id()::xid', parent_noun) USING parent;
    END IF;
    IF TG_OP = 'UPDATE' AND was_for IS DISTINCT FROM now_for THEN
        FOR part IN SELECT * FROM kept WHERE kept.parent_noun = TG_TABLE_NAME ORDER BY noun LOOP
            EXECUTE format('UPDATE %I SET version = version + 1 WHERE %I = $1', part.noun, part.parent_column) USING NEW.id;
        END LOOP;
    END IF;
    IF TG_TABLE_NAME = 'people' AND TG_OP = 'UPDATE' AND was_for IS DISTINCT FROM now_for AND 'partners' IN (was_for.audience, now_for.audience) THEN
        FOR part IN SELECT kept.* FROM kept JOIN pg_attribute ON attrelid = noun::regclass AND attname = 'person_id'
                    WHERE kept.parent_noun IS DISTINCT FROM 'people' ORDER BY noun LOOP
            EXECUTE format('UPDATE %I SET version = version + 1 WHERE person_id = $1 AND xmin <> pg_current_xact_id()::xid', part.noun) USING NEW.id;
        END LOOP;
    END IF;
    IF parent_noun IS DISTINCT FROM 'people' AND row ? 'person_id' THEN
        UPDATE people SET version = version + 1
            WHERE id IN ((old_row ->> 'person_id')::uuid, (new_row ->> 'person_id')::uuid) AND publication_basis = 'not_publishable'
              AND (SELECT places FROM audience_of('people', to_jsonb(people) - 'search'))
                  IS DISTINCT FROM (SELECT places FROM ledger WHERE thing = people.id ORDER BY version DESC LIMIT 1);
    END IF;
    RETURN NULL;
END $$;

-- The last line of every noun's migration. A part names its parent's table and the column that points to it.
CREATE OR REPLACE FUNCTION keep_ledger(noun regclass, parent_noun text DEFAULT NULL, parent_column text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER stamp BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION stamp()', noun);
    IF parent_noun IS NULL THEN
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record()', noun);
    ELSE
        EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION record(%L, %L)', noun, parent_noun, parent_column);
    END IF;
    INSERT INTO kept VALUES (noun::text, parent_noun, parent_column)
        ON CONFLICT ON CONSTRAINT kept_pkey DO UPDATE SET parent_noun = excluded.parent_noun, parent_column = excluded.parent_column;
END $$;

-- The lines that are there already are for whom their things are for now.
ALTER TABLE ledger DISABLE TRIGGER append_only;
UPDATE ledger SET audience = coalesce(now_for.audience, 'restricted'), places = coalesce(now_for.places, '{}')
    FROM ledger line, audience_of(line.noun, coalesce(line.after, line.before)) now_for WHERE ledger.id = line.id;
ALTER TABLE ledger ENABLE TRIGGER append_only;
CREATE INDEX ledger_places_idx ON ledger USING gin (places);

-- The wider it is shown, the lower.
CREATE FUNCTION visibility_rank(visibility text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_position('{public,partners,restricted}'::text[], visibility);

CREATE OR REPLACE FUNCTION action_fiches_levels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id) THEN
        PERFORM FROM action_fiches WHERE id IN (NEW.parent_id, NEW.id) ORDER BY id FOR UPDATE;
        IF EXISTS (SELECT FROM action_fiches WHERE id = NEW.parent_id AND (parent_id IS NOT NULL OR territory_id <> NEW.territory_id))
           OR EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id) THEN
            RAISE EXCEPTION 'two levels at most' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_levels';
        END IF;
    END IF;
    IF NEW.progress = 'done' AND (TG_OP = 'INSERT' OR OLD.progress <> 'done') AND EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id AND progress NOT IN ('done', 'abandoned')) THEN
        RAISE EXCEPTION 'an open child' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_open_child';
    END IF;
    IF NEW.parent_id IS NOT NULL AND NEW.progress NOT IN ('done', 'abandoned')
       AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.progress <> OLD.progress)
       AND 'done' = (SELECT progress FROM action_fiches WHERE id = NEW.parent_id FOR UPDATE) THEN
        RAISE EXCEPTION 'a done parent' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_done_parent';
    END IF;
    -- What is shown names nothing that is hidden: a fiche is shown to nobody who does not see the one it is a part of.
    IF NEW.parent_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.visibility <> OLD.visibility)
       AND visibility_rank(NEW.visibility) < (SELECT visibility_rank(visibility) FROM action_fiches WHERE id = NEW.parent_id)
       OR TG_OP = 'UPDATE' AND NEW.visibility <> OLD.visibility
       AND EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id AND visibility_rank(visibility) < visibility_rank(NEW.visibility)) THEN
        RAISE EXCEPTION 'a hidden parent' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_parent_visibility';
    END IF;
    RETURN NEW;
END $$;
