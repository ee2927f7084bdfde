SET LOCAL lock_timeout = '2s';

CREATE TABLE support_tools (
    id          uuid        PRIMARY KEY,
    name        text        COLLATE "fr-x-icu" NOT NULL,
    kind        text        NOT NULL CONSTRAINT support_tools_kind CHECK (kind IN ('engineering', 'funding', 'service', 'exemption', 'unknown')),
    partner_id  uuid        CONSTRAINT support_tools_partner_id_fkey REFERENCES partners,
    phase_id    uuid        CONSTRAINT support_tools_phase_id_fkey REFERENCES programme_phases,
    url         text,
    description text,
    starts_on   date,
    ends_on     date,
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    search      tsvector    GENERATED ALWAYS AS (search_words(name || ' ' || left(coalesce(description, ''), 5000))) STORED,
    CONSTRAINT support_tools_period CHECK (starts_on <= ends_on)
);
CREATE INDEX support_tools_partner_id_idx ON support_tools (partner_id);
CREATE INDEX support_tools_phase_id_idx ON support_tools (phase_id);
CREATE INDEX support_tools_search_idx ON support_tools USING gin (search);
SELECT keep_ledger('support_tools');
