SET LOCAL lock_timeout = '2s';

CREATE TABLE programme_phases (
    id               uuid        PRIMARY KEY,
    number           integer     NOT NULL CONSTRAINT programme_phases_number_key UNIQUE,
    name             text        COLLATE "fr-x-icu" NOT NULL,
    starts_on        date,
    ends_on          date,
    period_stated    text,
    period_precision text        CONSTRAINT programme_phases_period_precision CHECK (period_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    description      text,
    version          integer     NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT programme_phases_period CHECK (starts_on <= ends_on)
);
SELECT keep_ledger('programme_phases');
