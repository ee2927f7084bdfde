SET LOCAL lock_timeout = '2s';

CREATE TABLE citations (
    id           uuid        PRIMARY KEY,
    document_id  uuid        NOT NULL CONSTRAINT citations_document_id_fkey REFERENCES documents ON DELETE CASCADE,
    noun         text        NOT NULL,
    thing_id     uuid        NOT NULL,
    member       text,
    relation     text        NOT NULL CONSTRAINT citations_relation CHECK (relation IN ('source', 'attached')),
    passage      text,
    territory_id uuid        CONSTRAINT citations_territory_id_fkey REFERENCES territories,
    visibility   text        NOT NULL DEFAULT 'restricted' CONSTRAINT citations_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    version      integer     NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX citations_document_id_idx ON citations (document_id);
CREATE INDEX citations_thing_id_idx ON citations (thing_id);
CREATE INDEX citations_territory_id_idx ON citations (territory_id);
CREATE INDEX citations_seen_idx ON citations (visibility, territory_id);
CREATE TRIGGER audience BEFORE INSERT OR UPDATE ON citations FOR EACH ROW EXECUTE FUNCTION citations_audience();
SELECT keep_ledger('citations');
