SET LOCAL lock_timeout = '2s';

CREATE TABLE territories (
    id              uuid        PRIMARY KEY,
    name            text        COLLATE "fr-x-icu" NOT NULL,
    aliases         jsonb       NOT NULL,
    description     text,
    website         text,
    contact_service text,
    contact_email   text,
    contact_phone   text,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    search          tsvector    GENERATED ALWAYS AS (search_words(name || ' ' || alias_names(aliases))) STORED
);
CREATE UNIQUE INDEX territories_name_key ON territories (fold(name));
CREATE INDEX territories_name_idx ON territories (name, id);
CREATE INDEX territories_search_idx ON territories USING gin (search);
-- A territory is a place itself.
SELECT keep_ledger('territories', places => '{id}');

CREATE TABLE territory_labels (
    id            uuid        PRIMARY KEY,
    territory_id  uuid        NOT NULL CONSTRAINT territory_labels_territory_id_fkey REFERENCES territories ON DELETE CASCADE,
    phase_id      uuid        NOT NULL CONSTRAINT territory_labels_phase_id_fkey REFERENCES programme_phases,
    official_code text,
    status        text        NOT NULL CONSTRAINT territory_labels_status CHECK (status IN ('candidate', 'labelled', 'withdrawn')),
    applied_on    date,
    labelled_on   date,
    withdrawn_on  date,
    note          text,
    version       integer     NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    -- The official code (ti-RRNN) is unique per phase only.
    CONSTRAINT territory_labels_official_code_key UNIQUE (phase_id, official_code),
    CONSTRAINT territory_labels_phase_id_key UNIQUE (territory_id, phase_id),
    CONSTRAINT territory_labels_period CHECK (labelled_on <= withdrawn_on)
);
SELECT keep_ledger('territory_labels', 'territories', 'territory_id');

CREATE TABLE territory_members (
    id               uuid        PRIMARY KEY,
    territory_id     uuid        NOT NULL CONSTRAINT territory_members_territory_id_fkey REFERENCES territories ON DELETE CASCADE,
    kind             text        NOT NULL CONSTRAINT territory_members_kind CHECK (kind IN ('intercommunality', 'ept', 'commune', 'other')),
    siren            text,
    commune_code     text,
    -- The departments in which the member has communes, as the official lists tell them.
    department_codes jsonb       NOT NULL DEFAULT '[]',
    name             text        COLLATE "fr-x-icu" NOT NULL,
    phase_id         uuid        CONSTRAINT territory_members_phase_id_fkey REFERENCES programme_phases,
    starts_on        date,
    ends_on          date,
    coordinator      boolean     NOT NULL,
    version          integer     NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT territory_members_identified CHECK (kind = 'other' OR siren IS NOT NULL OR commune_code IS NOT NULL),
    CONSTRAINT territory_members_period CHECK (starts_on <= ends_on)
);
CREATE INDEX territory_members_territory_id_idx ON territory_members (territory_id);
CREATE INDEX territory_members_siren_idx ON territory_members (siren);
CREATE INDEX territory_members_phase_id_idx ON territory_members (phase_id);
SELECT keep_ledger('territory_members', 'territories', 'territory_id');

CREATE TABLE territory_successions (
    id           uuid        PRIMARY KEY,
    territory_id uuid        NOT NULL CONSTRAINT territory_successions_territory_id_fkey REFERENCES territories ON DELETE CASCADE,
    successor_id uuid        NOT NULL CONSTRAINT territory_successions_successor_id_fkey REFERENCES territories,
    kind         text        NOT NULL CONSTRAINT territory_successions_kind CHECK (kind IN ('continued', 'split', 'merged', 'extended', 'reduced')),
    happened_on  date,
    note         text,
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT territory_successions_successor_id_key UNIQUE (territory_id, successor_id),
    CONSTRAINT territory_successions_other CHECK (territory_id <> successor_id)
);
CREATE INDEX territory_successions_successor_id_idx ON territory_successions (successor_id);
SELECT keep_ledger('territory_successions', 'territories', 'territory_id');
