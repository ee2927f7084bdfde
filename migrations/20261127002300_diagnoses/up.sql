SET LOCAL lock_timeout = '2s';

CREATE TABLE diagnoses (
    id                 uuid        PRIMARY KEY,
    territory_id       uuid        NOT NULL CONSTRAINT diagnoses_territory_id_fkey REFERENCES territories,
    event_id           uuid        CONSTRAINT diagnoses_event_id_fkey REFERENCES events,
    title              text        COLLATE "fr-x-icu" NOT NULL,
    made_on            date,
    made_stated        text,
    made_precision     text        CONSTRAINT diagnoses_made_precision CHECK (made_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    made_confidence    text        CONSTRAINT diagnoses_made_confidence CHECK (made_confidence IN ('certain', 'interpreted', 'doubtful')),
    method             text,
    declared_ambitions integer,
    version            integer     NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    search             tsvector    GENERATED ALWAYS AS (search_words(title || ' ' || left(coalesce(method, ''), 5000))) STORED,
    CONSTRAINT diagnoses_stated_precision CHECK (made_on IS NOT NULL OR made_precision IS NULL OR made_precision = 'unknown')
);
CREATE INDEX diagnoses_territory_id_idx ON diagnoses (territory_id);
CREATE INDEX diagnoses_event_id_idx ON diagnoses (event_id);
CREATE INDEX diagnoses_search_idx ON diagnoses USING gin (search);
CREATE TRIGGER event_id_territory BEFORE INSERT OR UPDATE ON diagnoses FOR EACH ROW WHEN (NEW.event_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('event_id', 'events');
SELECT keep_ledger('diagnoses');

CREATE TABLE diagnosis_findings (
    id           uuid        PRIMARY KEY,
    diagnosis_id uuid        NOT NULL CONSTRAINT diagnosis_findings_diagnosis_id_fkey REFERENCES diagnoses ON DELETE CASCADE,
    kind         text        NOT NULL CONSTRAINT diagnosis_findings_kind CHECK (kind IN ('strength', 'weakness', 'opportunity', 'threat')),
    text         text        NOT NULL,
    cause        text,
    cause_kind   text        CONSTRAINT diagnosis_findings_cause_kind CHECK (cause_kind IN ('cyclical', 'structural')),
    position     integer,
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX diagnosis_findings_diagnosis_id_idx ON diagnosis_findings (diagnosis_id);
SELECT keep_ledger('diagnosis_findings', 'diagnoses', 'diagnosis_id');

CREATE TABLE diagnosis_stakes (
    id           uuid        PRIMARY KEY,
    diagnosis_id uuid        NOT NULL CONSTRAINT diagnosis_stakes_diagnosis_id_fkey REFERENCES diagnoses ON DELETE CASCADE,
    label        text        COLLATE "fr-x-icu" NOT NULL,
    theme_id     uuid        CONSTRAINT diagnosis_stakes_theme_id_fkey REFERENCES themes,
    rank         integer,
    emphasis     text,
    ranked_by    text,
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX diagnosis_stakes_diagnosis_id_idx ON diagnosis_stakes (diagnosis_id);
CREATE INDEX diagnosis_stakes_theme_id_idx ON diagnosis_stakes (theme_id);
SELECT keep_ledger('diagnosis_stakes', 'diagnoses', 'diagnosis_id');

CREATE TABLE diagnosis_ambitions (
    id           uuid        PRIMARY KEY,
    diagnosis_id uuid        NOT NULL CONSTRAINT diagnosis_ambitions_diagnosis_id_fkey REFERENCES diagnoses ON DELETE CASCADE,
    text         text        NOT NULL,
    position     integer,
    theme_id     uuid        CONSTRAINT diagnosis_ambitions_theme_id_fkey REFERENCES themes,
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX diagnosis_ambitions_diagnosis_id_idx ON diagnosis_ambitions (diagnosis_id);
CREATE INDEX diagnosis_ambitions_theme_id_idx ON diagnosis_ambitions (theme_id);
SELECT keep_ledger('diagnosis_ambitions', 'diagnoses', 'diagnosis_id');
