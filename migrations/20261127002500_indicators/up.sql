SET LOCAL lock_timeout = '2s';

CREATE TABLE indicators (
    id         uuid        PRIMARY KEY,
    code       text        NOT NULL,
    label_fr   text        COLLATE "fr-x-icu" NOT NULL,
    label_en   text,
    unit       text        NOT NULL,
    definition text,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    search     tsvector    GENERATED ALWAYS AS (search_words(label_fr || ' ' || left(coalesce(definition, ''), 5000))) STORED,
    CONSTRAINT indicators_code_key UNIQUE (code)
);
CREATE INDEX indicators_search_idx ON indicators USING gin (search);
SELECT keep_ledger('indicators');
