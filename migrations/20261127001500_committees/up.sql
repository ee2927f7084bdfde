SET LOCAL lock_timeout = '2s';

CREATE TABLE committees (
    id                      uuid        PRIMARY KEY,
    name                    text        COLLATE "fr-x-icu" NOT NULL,
    level                   text        NOT NULL CONSTRAINT committees_level CHECK (level IN ('national', 'regional', 'territorial', 'intercommunal')),
    kind                    text        NOT NULL CONSTRAINT committees_kind CHECK (kind IN ('steering', 'project', 'follow_up', 'lead_group', 'reflection_group', 'other')),
    territory_id            uuid        CONSTRAINT committees_territory_id_fkey REFERENCES territories,
    region_code             text,
    partner_id              uuid        CONSTRAINT committees_partner_id_fkey REFERENCES partners,
    parent_id               uuid        CONSTRAINT committees_parent_id_fkey REFERENCES committees,
    role                    text,
    declared_size           integer,
    declared_size_qualifier text        CONSTRAINT committees_declared_size_qualifier CHECK (declared_size_qualifier IN ('exact', 'about', 'over', 'under')),
    quotas                  jsonb       NOT NULL,
    created_on              date,
    ended_on                date,
    becomes_id              uuid        CONSTRAINT committees_becomes_id_fkey REFERENCES committees,
    version                 integer     NOT NULL DEFAULT 1,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    search                  tsvector    GENERATED ALWAYS AS (search_words(name)) STORED,
    -- What works at the national level is the nation's.
    CONSTRAINT committees_national CHECK (level <> 'national' OR territory_id IS NULL AND region_code IS NULL),
    CONSTRAINT committees_period CHECK (created_on <= ended_on),
    CONSTRAINT committees_parent CHECK (parent_id <> id),
    CONSTRAINT committees_becomes CHECK (becomes_id <> id)
);
CREATE INDEX committees_territory_id_idx ON committees (territory_id);
CREATE INDEX committees_partner_id_idx ON committees (partner_id);
CREATE INDEX committees_parent_id_idx ON committees (parent_id);
CREATE INDEX committees_becomes_id_idx ON committees (becomes_id);
CREATE INDEX committees_search_idx ON committees USING gin (search);
CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE OF parent_id, territory_id ON committees FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('parent_id', 'committees');
CREATE TRIGGER becomes_id_territory BEFORE INSERT OR UPDATE OF becomes_id, territory_id ON committees FOR EACH ROW WHEN (NEW.becomes_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('becomes_id', 'committees');
SELECT keep_ledger('committees');

CREATE TABLE committee_seats (
    id                 uuid        PRIMARY KEY,
    committee_id       uuid        NOT NULL CONSTRAINT committee_seats_committee_id_fkey REFERENCES committees ON DELETE CASCADE,
    person_id          uuid        CONSTRAINT committee_seats_person_id_fkey REFERENCES people,
    partner_id         uuid        CONSTRAINT committee_seats_partner_id_fkey REFERENCES partners,
    function           text,
    side               text        CONSTRAINT committee_seats_side CHECK (side IN ('elected', 'industrial', 'state', 'region', 'operator', 'chamber')),
    capacity           text        NOT NULL CONSTRAINT committee_seats_capacity CHECK (capacity IN ('chair', 'co_chair', 'member', 'spokesperson', 'alternate', 'guest')),
    alternate_of       uuid,
    may_be_represented boolean     NOT NULL,
    component          text,
    starts_on          date,
    ends_on            date,
    version            integer     NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT committee_seats_held CHECK (person_id IS NOT NULL OR partner_id IS NOT NULL OR function IS NOT NULL),
    CONSTRAINT committee_seats_period CHECK (starts_on <= ends_on),
    CONSTRAINT committee_seats_alternate CHECK (alternate_of <> id),
    -- An alternate sits in the same committee.
    CONSTRAINT committee_seats_committee_id_key UNIQUE (committee_id, id),
    CONSTRAINT committee_seats_alternate_of_fkey FOREIGN KEY (committee_id, alternate_of) REFERENCES committee_seats (committee_id, id)
);
CREATE INDEX committee_seats_person_id_idx ON committee_seats (person_id);
CREATE INDEX committee_seats_partner_id_idx ON committee_seats (partner_id);
CREATE INDEX committee_seats_alternate_of_idx ON committee_seats (committee_id, alternate_of);
SELECT keep_ledger('committee_seats', 'committees', 'committee_id');
