SET LOCAL lock_timeout = '2s';

CREATE TABLE events (
    id                uuid        PRIMARY KEY,
    name              text        COLLATE "fr-x-icu" NOT NULL,
    kind              text        NOT NULL CONSTRAINT events_kind CHECK (kind IN ('workshop', 'session', 'launch', 'announcement', 'signing', 'visit', 'campaign', 'webinar', 'call', 'groundbreaking', 'assembly', 'other')),
    called            text,
    parent_id         uuid        CONSTRAINT events_parent_id_fkey REFERENCES events,
    territory_id      uuid        CONSTRAINT events_territory_id_fkey REFERENCES territories,
    starts_on         date,
    starts_stated     text,
    starts_precision  text        CONSTRAINT events_starts_precision CHECK (starts_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    starts_confidence text        CONSTRAINT events_starts_confidence CHECK (starts_confidence IN ('certain', 'interpreted', 'doubtful')),
    ends_on           date,
    place             text,
    commune_code      text,
    organiser_id      uuid        CONSTRAINT events_organiser_id_fkey REFERENCES partners,
    host_partner_id   uuid        CONSTRAINT events_host_partner_id_fkey REFERENCES partners,
    description       text,
    version           integer     NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    search            tsvector    GENERATED ALWAYS AS (search_words(name || ' ' || coalesce(place, '') || ' ' || left(coalesce(description, ''), 5000))) STORED,
    CONSTRAINT events_period CHECK (starts_on <= ends_on),
    CONSTRAINT events_stated_precision CHECK (starts_on IS NOT NULL OR starts_precision IS NULL OR starts_precision = 'unknown'),
    CONSTRAINT events_parent CHECK (parent_id <> id)
);
CREATE INDEX events_parent_id_idx ON events (parent_id);
CREATE INDEX events_territory_id_idx ON events (territory_id);
CREATE INDEX events_organiser_id_idx ON events (organiser_id);
CREATE INDEX events_host_partner_id_idx ON events (host_partner_id);
CREATE INDEX events_search_idx ON events USING gin (search);
CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE ON events FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION same_territory('parent_id', 'events');
SELECT keep_ledger('events');

CREATE TABLE event_sequences (
    id         uuid        PRIMARY KEY,
    event_id   uuid        NOT NULL CONSTRAINT event_sequences_event_id_fkey REFERENCES events ON DELETE CASCADE,
    position   integer     NOT NULL,
    purpose    text        NOT NULL,
    result     text,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_sequences_event_id_idx ON event_sequences (event_id);
SELECT keep_ledger('event_sequences', 'events', 'event_id');

CREATE TABLE event_measures (
    id         uuid        PRIMARY KEY,
    event_id   uuid        NOT NULL CONSTRAINT event_measures_event_id_fkey REFERENCES events ON DELETE CASCADE,
    label      text        COLLATE "fr-x-icu" NOT NULL,
    value      integer     NOT NULL,
    qualifier  text        NOT NULL CONSTRAINT event_measures_qualifier CHECK (qualifier IN ('exact', 'about', 'over', 'under')),
    addends    jsonb       NOT NULL,
    note       text,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_measures_label_key UNIQUE (event_id, label)
);
CREATE INDEX event_measures_event_id_idx ON event_measures (event_id);
SELECT keep_ledger('event_measures', 'events', 'event_id');

CREATE TABLE event_participants (
    id         uuid        PRIMARY KEY,
    event_id   uuid        NOT NULL CONSTRAINT event_participants_event_id_fkey REFERENCES events ON DELETE CASCADE,
    person_id  uuid        CONSTRAINT event_participants_person_id_fkey REFERENCES people,
    partner_id uuid        CONSTRAINT event_participants_partner_id_fkey REFERENCES partners,
    category   text,
    function   text,
    role       text        NOT NULL CONSTRAINT event_participants_role CHECK (role IN ('attendee', 'initiator', 'organiser', 'host', 'speaker', 'guest', 'visitor')),
    quote      text,
    version    integer     NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_participants_attended CHECK (person_id IS NOT NULL OR partner_id IS NOT NULL OR category IS NOT NULL OR function IS NOT NULL)
);
CREATE INDEX event_participants_event_id_idx ON event_participants (event_id);
CREATE INDEX event_participants_person_id_idx ON event_participants (person_id);
CREATE INDEX event_participants_partner_id_idx ON event_participants (partner_id);
SELECT keep_ledger('event_participants', 'events', 'event_id');
