SET LOCAL lock_timeout = '2s';

CREATE TABLE meetings (
    id              uuid        PRIMARY KEY,
    title           text,
    committee_id    uuid        CONSTRAINT meetings_committee_id_fkey REFERENCES committees,
    territory_id    uuid        CONSTRAINT meetings_territory_id_fkey REFERENCES territories,
    region_code     text,
    ordinal         integer,
    held_on         date,
    held_stated     text,
    held_precision  text        CONSTRAINT meetings_held_precision CHECK (held_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    held_confidence text        CONSTRAINT meetings_held_confidence CHECK (held_confidence IN ('certain', 'interpreted', 'doubtful')),
    status          text        NOT NULL CONSTRAINT meetings_status CHECK (status IN ('held', 'planned', 'cancelled')),
    place           text,
    commune_code    text,
    host_partner_id uuid        CONSTRAINT meetings_host_partner_id_fkey REFERENCES partners,
    purposes        jsonb       NOT NULL,
    note            text,
    visibility      text        NOT NULL CONSTRAINT meetings_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    search          tsvector    GENERATED ALWAYS AS (search_words(coalesce(title, '') || ' ' || coalesce(place, '') || ' ' || alias_names(purposes))) STORED,
    CONSTRAINT meetings_stated_precision CHECK (held_on IS NOT NULL OR held_precision IS NULL OR held_precision = 'unknown'),
    CONSTRAINT meetings_ordinal_key UNIQUE (committee_id, ordinal)
);
CREATE INDEX meetings_committee_id_idx ON meetings (committee_id);
CREATE INDEX meetings_territory_id_idx ON meetings (territory_id);
CREATE INDEX meetings_host_partner_id_idx ON meetings (host_partner_id);
CREATE INDEX meetings_search_idx ON meetings USING gin (search);
CREATE TRIGGER committee_place BEFORE INSERT OR UPDATE ON meetings FOR EACH ROW WHEN (NEW.committee_id IS NOT NULL) EXECUTE FUNCTION meetings_committee_place();
SELECT keep_ledger('meetings');

CREATE TABLE meeting_attendances (
    id             uuid        PRIMARY KEY,
    meeting_id     uuid        NOT NULL CONSTRAINT meeting_attendances_meeting_id_fkey REFERENCES meetings ON DELETE CASCADE,
    person_id      uuid        CONSTRAINT meeting_attendances_person_id_fkey REFERENCES people,
    partner_id     uuid        CONSTRAINT meeting_attendances_partner_id_fkey REFERENCES partners,
    function       text,
    status         text        NOT NULL CONSTRAINT meeting_attendances_status CHECK (status IN ('present', 'represented', 'excused', 'absent', 'invited')),
    represented_by text,
    note           text,
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT meeting_attendances_attended CHECK (person_id IS NOT NULL OR partner_id IS NOT NULL OR function IS NOT NULL)
);
CREATE INDEX meeting_attendances_meeting_id_idx ON meeting_attendances (meeting_id);
CREATE INDEX meeting_attendances_person_id_idx ON meeting_attendances (person_id);
CREATE INDEX meeting_attendances_partner_id_idx ON meeting_attendances (partner_id);
SELECT keep_ledger('meeting_attendances', 'meetings', 'meeting_id');

CREATE TABLE meeting_decisions (
    id              uuid        PRIMARY KEY,
    meeting_id      uuid        NOT NULL CONSTRAINT meeting_decisions_meeting_id_fkey REFERENCES meetings ON DELETE CASCADE,
    position        integer,
    text            text        NOT NULL,
    action_fiche_id uuid        CONSTRAINT meeting_decisions_action_fiche_id_fkey REFERENCES action_fiches,
    effect          text        NOT NULL CONSTRAINT meeting_decisions_effect CHECK (effect IN ('none', 'validated', 'postponed', 'refused', 'withdrawn')),
    reason          text,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT meeting_decisions_effect_of_fiche CHECK (effect = 'none' OR action_fiche_id IS NOT NULL)
);
CREATE INDEX meeting_decisions_meeting_id_idx ON meeting_decisions (meeting_id);
CREATE INDEX meeting_decisions_action_fiche_id_idx ON meeting_decisions (action_fiche_id);
SELECT keep_ledger('meeting_decisions', 'meetings', 'meeting_id');

-- Fiches and decisions name each other: so one of the two keys comes after both tables.
-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
ALTER TABLE action_fiches ADD CONSTRAINT action_fiches_validation_decision_id_fkey FOREIGN KEY (validation_decision_id) REFERENCES meeting_decisions;
