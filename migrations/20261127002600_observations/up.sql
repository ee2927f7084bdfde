SET LOCAL lock_timeout = '2s';

CREATE TABLE observations (
    id                  uuid           PRIMARY KEY,
    indicator_id        uuid           NOT NULL CONSTRAINT observations_indicator_id_fkey REFERENCES indicators,
    subject             text           NOT NULL CONSTRAINT observations_subject CHECK (subject IN ('territory', 'action_fiche', 'partner', 'intercommunality', 'department', 'region', 'country')),
    kind                text           NOT NULL CONSTRAINT observations_kind CHECK (kind IN ('actual', 'baseline', 'target', 'claim')),
    territory_id        uuid           CONSTRAINT observations_territory_id_fkey REFERENCES territories,
    action_fiche_id     uuid           CONSTRAINT observations_action_fiche_id_fkey REFERENCES action_fiches,
    partner_id          uuid           CONSTRAINT observations_partner_id_fkey REFERENCES partners,
    siren               text,
    commune_code        text,
    department_code     text,
    region_code         text,
    value               numeric(14, 2),
    qualifier           text           NOT NULL CONSTRAINT observations_qualifier CHECK (qualifier IN ('exact', 'about', 'over', 'under')),
    text                text,
    period_starts_on    date,
    period_ends_on      date,
    period_stated       text,
    period_precision    text           CONSTRAINT observations_period_precision CHECK (period_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    observed_on         date,
    observed_stated     text,
    observed_precision  text           CONSTRAINT observations_observed_precision CHECK (observed_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    observed_confidence text           CONSTRAINT observations_observed_confidence CHECK (observed_confidence IN ('certain', 'interpreted', 'doubtful')),
    document_id         uuid           CONSTRAINT observations_document_id_fkey REFERENCES documents,
    note                text,
    visibility          text           NOT NULL CONSTRAINT observations_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    version             integer        NOT NULL DEFAULT 1,
    created_at          timestamptz    NOT NULL DEFAULT now(),
    updated_at          timestamptz    NOT NULL DEFAULT now(),
    search              tsvector       GENERATED ALWAYS AS (search_words(left(coalesce(text, ''), 5000))) STORED,
    CONSTRAINT observations_stated_precision CHECK (observed_on IS NOT NULL OR observed_precision IS NULL OR observed_precision = 'unknown'),
    CONSTRAINT observations_told CHECK (value IS NOT NULL OR text IS NOT NULL),
    CONSTRAINT observations_measured_period CHECK (period_starts_on <= period_ends_on),
    CONSTRAINT observations_subject_named CHECK (CASE subject WHEN 'territory' THEN territory_id IS NOT NULL WHEN 'action_fiche' THEN action_fiche_id IS NOT NULL AND territory_id IS NOT NULL WHEN 'partner' THEN partner_id IS NOT NULL
        WHEN 'intercommunality' THEN siren IS NOT NULL WHEN 'department' THEN department_code IS NOT NULL WHEN 'region' THEN region_code IS NOT NULL ELSE true END),
    CONSTRAINT observations_one_subject CHECK ((action_fiche_id IS NULL OR subject = 'action_fiche') AND (partner_id IS NULL OR subject = 'partner') AND (siren IS NULL OR subject = 'intercommunality')
        AND (department_code IS NULL OR subject = 'department') AND (region_code IS NULL OR subject = 'region')),
    CONSTRAINT observations_territory_of_fiche_fkey FOREIGN KEY (action_fiche_id, territory_id) REFERENCES action_fiches (id, territory_id)
);
CREATE INDEX observations_indicator_id_idx ON observations (indicator_id);
CREATE INDEX observations_territory_id_idx ON observations (territory_id);
CREATE INDEX observations_action_fiche_id_idx ON observations (action_fiche_id);
CREATE INDEX observations_partner_id_idx ON observations (partner_id);
CREATE INDEX observations_document_id_idx ON observations (document_id);
CREATE INDEX observations_search_idx ON observations USING gin (search);
-- A figure of a region is not the region's.
SELECT keep_ledger('observations', places => '{territory_id}');
