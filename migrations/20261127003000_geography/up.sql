-- The geography of the programme: the official geographic code (COG) of one or several years, and contours. Reference data, loaded by
-- a command: nobody writes them through the API, and the ledger does not keep them.
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

-- The identifier of what a code names in a year: the same wherever it is loaded. (A change of this function needs a migration that
-- computes the stored identifiers anew.)
CREATE FUNCTION reference_id(noun text, year integer, code text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT overlay(overlay(md5(noun || ' ' || year || ' ' || code) PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid
$$;

CREATE TABLE regions (
    id      uuid     GENERATED ALWAYS AS (reference_id('regions', year, code)) STORED PRIMARY KEY,
    year    integer  NOT NULL,
    code    text     NOT NULL,
    name    text     COLLATE "fr-x-icu" NOT NULL,
    version integer  NOT NULL DEFAULT 1,
    search  tsvector GENERATED ALWAYS AS (search_words(name)) STORED,
    CONSTRAINT regions_code_key UNIQUE (code, year)
);

CREATE TABLE departments (
    id          uuid     GENERATED ALWAYS AS (reference_id('departments', year, code)) STORED PRIMARY KEY,
    year        integer  NOT NULL,
    code        text     NOT NULL,
    name        text     COLLATE "fr-x-icu" NOT NULL,
    region_code text     NOT NULL,
    version     integer  NOT NULL DEFAULT 1,
    search      tsvector GENERATED ALWAYS AS (search_words(name)) STORED,
    CONSTRAINT departments_code_key UNIQUE (code, year),
    CONSTRAINT departments_region_code_fkey FOREIGN KEY (region_code, year) REFERENCES regions (code, year)
);

CREATE TABLE intercommunalities (
    id             uuid     GENERATED ALWAYS AS (reference_id('intercommunalities', year, siren)) STORED PRIMARY KEY,
    year           integer  NOT NULL,
    siren          text     NOT NULL,
    name           text     COLLATE "fr-x-icu" NOT NULL,
    kind           text     NOT NULL CONSTRAINT intercommunalities_kind CHECK (kind IN ('cc', 'ca', 'cu', 'metropole', 'metropole_de_lyon', 'ept')),
    communes_count integer  NOT NULL,
    population     integer,
    version        integer  NOT NULL DEFAULT 1,
    search         tsvector GENERATED ALWAYS AS (search_words(name)) STORED,
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
    id                     uuid     GENERATED ALWAYS AS (reference_id('communes', year, code)) STORED PRIMARY KEY,
    year                   integer  NOT NULL,
    code                   text     NOT NULL,
    name                   text     COLLATE "fr-x-icu" NOT NULL,
    siren                  text,
    department_code        text     NOT NULL,
    region_code            text     NOT NULL,
    intercommunality_siren text,
    ept_siren              text,
    population             integer,
    -- What became part of it: [{code, name, kind}].
    formers                jsonb    NOT NULL,
    version                integer  NOT NULL DEFAULT 1,
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
CREATE VIEW territory_places AS
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
