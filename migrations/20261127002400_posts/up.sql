SET LOCAL lock_timeout = '2s';

CREATE TABLE posts (
    id                uuid        PRIMARY KEY,
    title             text        COLLATE "fr-x-icu" NOT NULL,
    kind              text        NOT NULL CONSTRAINT posts_kind CHECK (kind IN ('project_manager', 'other')),
    territory_id      uuid        NOT NULL CONSTRAINT posts_territory_id_fkey REFERENCES territories,
    employer_id       uuid        CONSTRAINT posts_employer_id_fkey REFERENCES partners,
    person_id         uuid        CONSTRAINT posts_person_id_fkey REFERENCES people,
    starts_on         date,
    starts_stated     text,
    starts_precision  text        CONSTRAINT posts_starts_precision CHECK (starts_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    starts_confidence text        CONSTRAINT posts_starts_confidence CHECK (starts_confidence IN ('certain', 'interpreted', 'doubtful')),
    ends_on           date,
    note              text,
    version           integer     NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    search            tsvector    GENERATED ALWAYS AS (search_words(title)) STORED,
    CONSTRAINT posts_period CHECK (starts_on <= ends_on),
    CONSTRAINT posts_stated_precision CHECK (starts_on IS NOT NULL OR starts_precision IS NULL OR starts_precision = 'unknown')
);
CREATE INDEX posts_territory_id_idx ON posts (territory_id);
CREATE INDEX posts_employer_id_idx ON posts (employer_id);
CREATE INDEX posts_person_id_idx ON posts (person_id);
CREATE INDEX posts_search_idx ON posts USING gin (search);
SELECT keep_ledger('posts');

CREATE TABLE post_funding_lines (
    id         uuid           PRIMARY KEY,
    post_id    uuid           NOT NULL CONSTRAINT post_funding_lines_post_id_fkey REFERENCES posts ON DELETE CASCADE,
    funder     text           NOT NULL CONSTRAINT post_funding_lines_funder CHECK (funder IN ('state', 'region', 'department', 'territory', 'operator', 'european_union', 'private', 'other')),
    partner_id uuid           CONSTRAINT post_funding_lines_partner_id_fkey REFERENCES partners,
    amount_eur numeric(14, 2),
    basis      text           NOT NULL CONSTRAINT post_funding_lines_basis CHECK (basis IN ('excl_tax', 'incl_tax', 'unknown')),
    share_pct  numeric(14, 2),
    year       integer,
    note       text,
    version    integer        NOT NULL DEFAULT 1,
    created_at timestamptz    NOT NULL DEFAULT now(),
    updated_at timestamptz    NOT NULL DEFAULT now(),
    CONSTRAINT post_funding_lines_share CHECK (share_pct <= 100)
);
CREATE INDEX post_funding_lines_post_id_idx ON post_funding_lines (post_id);
CREATE INDEX post_funding_lines_partner_id_idx ON post_funding_lines (partner_id);
SELECT keep_ledger('post_funding_lines', 'posts', 'post_id');
