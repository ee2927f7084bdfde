SET LOCAL lock_timeout = '2s';

CREATE TABLE documents (
    id             uuid        PRIMARY KEY,
    title          text        COLLATE "fr-x-icu" NOT NULL,
    kind           text        NOT NULL CONSTRAINT documents_kind CHECK (kind IN ('minutes', 'slides', 'synthesis', 'participant_list', 'deliberation', 'signed_deed', 'web_page', 'press', 'form', 'report', 'data_set', 'other')),
    url            text,
    url_state      text        CONSTRAINT documents_url_state CHECK (url_state IN ('alive', 'moved', 'gone')),
    url_checked_on date,
    publisher_id   uuid        CONSTRAINT documents_publisher_id_fkey REFERENCES partners,
    publisher      text,
    published_on   date,
    updated_on     date,
    licence        text,
    description    text,
    territory_id   uuid        CONSTRAINT documents_territory_id_fkey REFERENCES territories,
    visibility     text        NOT NULL CONSTRAINT documents_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    search         tsvector    GENERATED ALWAYS AS (search_words(title || ' ' || coalesce(publisher, '') || ' ' || left(coalesce(description, ''), 5000))) STORED
);
CREATE INDEX documents_publisher_id_idx ON documents (publisher_id);
CREATE INDEX documents_territory_id_idx ON documents (territory_id);
CREATE INDEX documents_search_idx ON documents USING gin (search);
CREATE TRIGGER shown AFTER UPDATE ON documents FOR EACH ROW
    WHEN ((OLD.visibility, OLD.territory_id) IS DISTINCT FROM (NEW.visibility, NEW.territory_id)) EXECUTE FUNCTION documents_shown();
SELECT keep_ledger('documents');
