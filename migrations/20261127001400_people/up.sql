SET LOCAL lock_timeout = '2s';

-- Only persons in a public role; no private address, telephone or birth date exists here.
CREATE TABLE people (
    id                uuid        PRIMARY KEY,
    name              text        COLLATE "fr-x-icu" NOT NULL,
    variants          jsonb       NOT NULL,
    -- On what ground the person may be named in public.
    publication_basis text        NOT NULL DEFAULT 'not_publishable'
        CONSTRAINT people_publication_basis CHECK (publication_basis IN ('not_publishable', 'elected_mandate', 'directory_of_officials', 'company_register', 'consent')),
    consented_on      date,
    version           integer     NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    search            tsvector    GENERATED ALWAYS AS (search_words(name || ' ' || alias_names(variants))) STORED,
    CONSTRAINT people_consent CHECK ((publication_basis = 'consent') = (consented_on IS NOT NULL))
);
CREATE INDEX people_name_idx ON people (name, id);
CREATE INDEX people_search_idx ON people USING gin (search);
SELECT keep_ledger('people');

CREATE TABLE person_mandates (
    id         uuid        PRIMARY KEY,
    person_id  uuid        NOT NULL CONSTRAINT person_mandates_person_id_fkey REFERENCES people ON DELETE CASCADE,
    partner_id uuid        CONSTRAINT person_mandates_partner_id_fkey REFERENCES partners,
    function   text        NOT NULL,
    starts_on  date,
    ends_on    date,
    note       text,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT person_mandates_period CHECK (starts_on <= ends_on)
);
CREATE INDEX person_mandates_person_id_idx ON person_mandates (person_id);
CREATE INDEX person_mandates_partner_id_idx ON person_mandates (partner_id);
SELECT keep_ledger('person_mandates', 'people', 'person_id');
