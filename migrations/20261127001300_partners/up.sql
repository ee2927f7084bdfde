SET LOCAL lock_timeout = '2s';

CREATE TABLE partners (
    id              uuid        PRIMARY KEY,
    name            text        COLLATE "fr-x-icu" NOT NULL,
    acronym         text,
    aliases         jsonb       NOT NULL,
    kind            text        NOT NULL,
    siren           text        CONSTRAINT partners_siren_key UNIQUE,
    siret           text        CONSTRAINT partners_siret_key UNIQUE,
    parent_id       uuid        CONSTRAINT partners_parent_id_fkey REFERENCES partners,
    predecessor_id  uuid        CONSTRAINT partners_predecessor_id_fkey REFERENCES partners,
    website         text,
    contact_service text,
    contact_email   text,
    contact_phone   text,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    search          tsvector    GENERATED ALWAYS AS (search_words(name || ' ' || coalesce(acronym, '') || ' ' || alias_names(aliases))) STORED,
    CONSTRAINT partners_kind CHECK (kind IN ('state_service', 'state_operator', 'region', 'department', 'intercommunality', 'municipality', 'chamber',
        'company', 'association', 'business_club', 'training_body', 'cluster', 'union', 'research', 'public_body', 'parliament', 'other')),
    CONSTRAINT partners_siret_of_siren CHECK (left(siret, 9) = siren),
    CONSTRAINT partners_parent CHECK (parent_id <> id),
    CONSTRAINT partners_predecessor CHECK (predecessor_id <> id)
) WITH (fillfactor = 85);
CREATE INDEX partners_name_idx ON partners (name, id);
CREATE INDEX partners_parent_id_idx ON partners (parent_id);
CREATE INDEX partners_predecessor_id_idx ON partners (predecessor_id);
CREATE INDEX partners_search_idx ON partners USING gin (search);
SELECT keep_ledger('partners');

CREATE TABLE partner_commitments (
    id           uuid        PRIMARY KEY,
    partner_id   uuid        NOT NULL CONSTRAINT partner_commitments_partner_id_fkey REFERENCES partners ON DELETE CASCADE,
    territory_id uuid        NOT NULL CONSTRAINT partner_commitments_territory_id_fkey REFERENCES territories,
    side         text        NOT NULL CONSTRAINT partner_commitments_side CHECK (side IN ('state', 'region', 'intercommunality', 'economic')),
    text         text        NOT NULL,
    starts_on    date,
    ends_on      date,
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT partner_commitments_period CHECK (starts_on <= ends_on)
);
CREATE INDEX partner_commitments_partner_id_idx ON partner_commitments (partner_id);
CREATE INDEX partner_commitments_territory_id_idx ON partner_commitments (territory_id);
SELECT keep_ledger('partner_commitments', 'partners', 'partner_id');
