SET LOCAL lock_timeout = '2s';

CREATE TABLE themes (
    id             uuid        PRIMARY KEY,
    scheme         text        NOT NULL,
    phase_id       uuid        CONSTRAINT themes_phase_id_fkey REFERENCES programme_phases,
    territory_id   uuid        CONSTRAINT themes_territory_id_fkey REFERENCES territories,
    code           text        NOT NULL,
    label_fr       text        COLLATE "fr-x-icu" NOT NULL,
    label_en       text        NOT NULL,
    other_wordings jsonb       NOT NULL,
    position       integer     NOT NULL,
    parent_id      uuid        CONSTRAINT themes_parent_id_fkey REFERENCES themes,
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    search         tsvector    GENERATED ALWAYS AS (search_words(label_fr || ' ' || label_en || ' ' || alias_names(other_wordings))) STORED,
    CONSTRAINT themes_code_key UNIQUE (scheme, code),
    CONSTRAINT themes_parent CHECK (parent_id <> id)
);
CREATE INDEX themes_phase_id_idx ON themes (phase_id);
CREATE INDEX themes_territory_id_idx ON themes (territory_id);
CREATE INDEX themes_parent_id_idx ON themes (parent_id);
CREATE INDEX themes_search_idx ON themes USING gin (search);
CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE OF parent_id, territory_id ON themes FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('parent_id', 'themes');
SELECT keep_ledger('themes');

-- Which theme of one scheme answers to which of another (axes of phase 1 and of phase 2, local axes).
CREATE TABLE theme_correspondences (
    id             uuid        PRIMARY KEY,
    theme_id       uuid        NOT NULL CONSTRAINT theme_correspondences_theme_id_fkey REFERENCES themes ON DELETE CASCADE,
    other_theme_id uuid        NOT NULL CONSTRAINT theme_correspondences_other_theme_id_fkey REFERENCES themes,
    note           text,
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT theme_correspondences_other_theme_id_key UNIQUE (theme_id, other_theme_id),
    CONSTRAINT theme_correspondences_other CHECK (theme_id <> other_theme_id)
);
CREATE INDEX theme_correspondences_other_theme_id_idx ON theme_correspondences (other_theme_id);
SELECT keep_ledger('theme_correspondences', 'themes', 'theme_id');
