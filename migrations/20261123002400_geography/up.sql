-- The geography of the programme: the official geographic code (COG) of one or several years, and contours. Reference data,
-- loaded by a command: nobody writes them through the API, and the ledger does not keep them.
-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file prefer-bigint-over-int, require-concurrent-index-creation
SET LOCAL lock_timeout = '2s';

-- The identifier of what a code names in a year: the same wherever it is loaded.
CREATE FUNCTION reference_id(noun text, year integer, code text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT overlay(overlay(md5(noun || ' ' || year || ' ' || code) PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid
$$;

CREATE TABLE regions (
    id      uuid    GENERATED ALWAYS AS (reference_id('regions', year, code)) STORED PRIMARY KEY,
    year    integer NOT NULL,
    code    text    NOT NULL,
    name    text    COLLATE "fr-x-icu" NOT NULL,
    version integer NOT NULL DEFAULT 1,
    search  tsvector GENERATED ALWAYS AS (search_words(name)) STORED,
    CONSTRAINT regions_code_key UNIQUE (code, year)
);

CREATE TABLE departments (
    id          uuid    GENERATED ALWAYS AS (reference_id('departments', year, code)) STORED PRIMARY KEY,
    year        integer NOT NULL,
    code        text    NOT NULL,
    name        text    COLLATE "fr-x-icu" NOT NULL,
    region_code text    NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    search      tsvector GENERATED ALWAYS AS (search_words(name)) STORED,
    CONSTRAINT departments_code_key UNIQUE (code, year),
    CONSTRAINT departments_region_code_fkey FOREIGN KEY (region_code, year) REFERENCES regions (code, year)
);

CREATE TABLE intercommunalities (
    id         uuid    GENERATED ALWAYS AS (reference_id('intercommunalities', year, siren)) STORED PRIMARY KEY,
    year       integer NOT NULL,
    siren      text    NOT NULL,
    name       text    COLLATE "fr-x-icu" NOT NULL,
    kind       text    NOT NULL CONSTRAINT intercommunalities_kind CHECK (kind IN ('cc', 'ca', 'cu', 'metropole', 'metropole_de_lyon', 'ept')),
    communes_count integer NOT NULL,
    population integer,
    version    integer NOT NULL DEFAULT 1,
    search     tsvector GENERATED ALWAYS AS (search_words(name)) STORED,
    CONSTRAINT intercommunalities_siren_key UNIQUE (siren, year)
);
CREATE INDEX intercommunalities_search_idx ON intercommunalities USING gin (search);

-- Where an intercommunality has communes: in one department, or in several, of one or several regions.
CREATE TABLE intercommunality_places (
    intercommunality_id uuid    NOT NULL CONSTRAINT intercommunality_places_intercommunality_id_fkey REFERENCES intercommunalities ON DELETE CASCADE,
    department_code     text    NOT NULL,
    region_code         text    NOT NULL,
    communes_count      integer NOT NULL,
    population          integer,
    CONSTRAINT intercommunality_places_pkey PRIMARY KEY (intercommunality_id, department_code)
);
CREATE INDEX intercommunality_places_region_code_idx ON intercommunality_places (region_code);
CREATE INDEX intercommunality_places_department_code_idx ON intercommunality_places (department_code);

CREATE TABLE communes (
    id                     uuid    GENERATED ALWAYS AS (reference_id('communes', year, code)) STORED PRIMARY KEY,
    year                   integer NOT NULL,
    code                   text    NOT NULL,
    name                   text    COLLATE "fr-x-icu" NOT NULL,
    siren                  text,
    department_code        text    NOT NULL,
    region_code            text    NOT NULL,
    intercommunality_siren text,
    ept_siren              text,
    population             integer,
    -- What became part of it: [{code, name, kind}].
    formers                jsonb   NOT NULL,
    version                integer NOT NULL DEFAULT 1,
    search                 tsvector GENERATED ALWAYS AS (search_words(name)) STORED,
    CONSTRAINT communes_code_key UNIQUE (code, year),
    CONSTRAINT communes_department_code_fkey FOREIGN KEY (department_code, year) REFERENCES departments (code, year),
    CONSTRAINT communes_intercommunality_siren_fkey FOREIGN KEY (intercommunality_siren, year) REFERENCES intercommunalities (siren, year),
    CONSTRAINT communes_ept_siren_fkey FOREIGN KEY (ept_siren, year) REFERENCES intercommunalities (siren, year)
);
CREATE INDEX communes_intercommunality_siren_idx ON communes (intercommunality_siren);
CREATE INDEX communes_ept_siren_idx ON communes (ept_siren) WHERE ept_siren IS NOT NULL;
CREATE INDEX communes_siren_idx ON communes (siren);
CREATE INDEX communes_department_code_idx ON communes (department_code);
CREATE INDEX communes_formers_idx ON communes USING gin (formers jsonb_path_ops);
CREATE INDEX communes_search_idx ON communes USING gin (search);

-- The contour of a thing: of a territory by its label, since it has another one in each phase; of what the COG names by its code
-- or SIREN.
CREATE TABLE contours (
    noun     text             NOT NULL CONSTRAINT contours_noun CHECK (noun IN ('territory_labels', 'regions', 'departments', 'intercommunalities', 'communes')),
    key      text             NOT NULL,
    west     double precision NOT NULL,
    south    double precision NOT NULL,
    east     double precision NOT NULL,
    north    double precision NOT NULL,
    -- A Polygon or MultiPolygon of GeoJSON, in WGS 84.
    geometry jsonb            NOT NULL,
    CONSTRAINT contours_pkey PRIMARY KEY (noun, key)
);

-- Each department and region in which a territory has a commune: by the reference, of whatever year knows the member; by what
-- the member itself says where no year does. In `as_of` by the members of then. The view of the past leans on that of the
-- members: a migration that looks back anew at these drops it first.
CREATE OR REPLACE VIEW territory_places AS
    SELECT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    JOIN intercommunalities whole ON whole.siren = member.siren
    JOIN intercommunality_places place ON place.intercommunality_id = whole.id
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM territory_members member JOIN communes commune ON commune.siren = member.siren OR commune.code = member.commune_code
    UNION
    SELECT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS stated
    JOIN department_regions place ON place.department_code = stated
    WHERE NOT EXISTS (SELECT FROM intercommunalities whole WHERE whole.siren = member.siren)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.siren = member.siren OR commune.code = member.commune_code);
CREATE VIEW as_of.territory_places AS
    SELECT member.territory_id, place.department_code, place.region_code
    FROM as_of.territory_members member
    JOIN intercommunalities whole ON whole.siren = member.siren
    JOIN intercommunality_places place ON place.intercommunality_id = whole.id
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM as_of.territory_members member JOIN communes commune ON commune.siren = member.siren OR commune.code = member.commune_code
    UNION
    SELECT member.territory_id, place.department_code, place.region_code
    FROM as_of.territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS stated
    JOIN department_regions place ON place.department_code = stated
    WHERE NOT EXISTS (SELECT FROM intercommunalities whole WHERE whole.siren = member.siren)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.siren = member.siren OR commune.code = member.commune_code);

-- The members that make up territories on a day: those whose own dates hold it, and of these those of the latest phase that had
-- begun, as far as its territory has members of it. A phase whose first day is not known has begun.
CREATE FUNCTION members_on(territories uuid[], day date, phase uuid DEFAULT NULL)
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
