SET LOCAL lock_timeout = '2s';

CREATE TABLE objectives (
    id           uuid        PRIMARY KEY,
    territory_id uuid        NOT NULL CONSTRAINT objectives_territory_id_fkey REFERENCES territories,
    theme_id     uuid        CONSTRAINT objectives_theme_id_fkey REFERENCES themes,
    wording      text        NOT NULL,
    points       jsonb       NOT NULL,
    position     integer,
    parent_id    uuid        CONSTRAINT objectives_parent_id_fkey REFERENCES objectives,
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    search       tsvector    GENERATED ALWAYS AS (search_words(wording)) STORED,
    CONSTRAINT objectives_parent CHECK (parent_id <> id)
);
CREATE INDEX objectives_territory_id_idx ON objectives (territory_id);
CREATE INDEX objectives_theme_id_idx ON objectives (theme_id);
CREATE INDEX objectives_parent_id_idx ON objectives (parent_id);
CREATE INDEX objectives_search_idx ON objectives USING gin (search);
CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE ON objectives FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION same_territory('parent_id', 'objectives');
CREATE TRIGGER theme_id_territory BEFORE INSERT OR UPDATE OF theme_id, territory_id ON objectives FOR EACH ROW WHEN (NEW.theme_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('theme_id', 'themes');
SELECT keep_ledger('objectives');
