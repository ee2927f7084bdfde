-- Before the first release no database is in use that these could hold up.
-- squawk-ignore-file adding-foreign-key-constraint, constraint-missing-not-valid, require-concurrent-index-creation
SET LOCAL lock_timeout = '2s';

CREATE TABLE action_fiche_funding_lines (
    id              uuid           PRIMARY KEY,
    action_fiche_id uuid           NOT NULL CONSTRAINT action_fiche_funding_lines_action_fiche_id_fkey REFERENCES action_fiches ON DELETE CASCADE,
    funder          text           NOT NULL CONSTRAINT action_fiche_funding_lines_funder CHECK (funder IN ('state', 'operator', 'region', 'department', 'intercommunality', 'municipality', 'european_union', 'private', 'other')),
    partner_id      uuid           CONSTRAINT action_fiche_funding_lines_partner_id_fkey REFERENCES partners,
    support_tool_id uuid           CONSTRAINT action_fiche_funding_lines_support_tool_id_fkey REFERENCES support_tools,
    nature          text           NOT NULL CONSTRAINT action_fiche_funding_lines_nature CHECK (nature IN ('grant', 'loan', 'repayable_advance', 'own_funds', 'engineering', 'other')),
    label           text,
    year            integer,
    basis           text           CONSTRAINT action_fiche_funding_lines_basis CHECK (basis IN ('excl_tax', 'incl_tax', 'unknown')),
    planned_eur     numeric(14, 2),
    requested_eur   numeric(14, 2),
    requested_on    date,
    granted_eur     numeric(14, 2),
    granted_on      date,
    refused_on      date,
    paid_eur        numeric(14, 2),
    paid_on         date,
    file_reference  text,
    note            text,
    version         integer        NOT NULL DEFAULT 1,
    created_at      timestamptz    NOT NULL DEFAULT now(),
    updated_at      timestamptz    NOT NULL DEFAULT now(),
    CONSTRAINT action_fiche_funding_lines_paid CHECK (paid_eur <= granted_eur),
    CONSTRAINT action_fiche_funding_lines_granted_first CHECK (paid_eur IS NULL OR paid_eur = 0 OR granted_eur IS NOT NULL),
    CONSTRAINT action_fiche_funding_lines_dates CHECK (requested_on <= granted_on AND requested_on <= refused_on AND granted_on <= paid_on)
);
CREATE INDEX action_fiche_funding_lines_action_fiche_id_idx ON action_fiche_funding_lines (action_fiche_id);
CREATE INDEX action_fiche_funding_lines_partner_id_idx ON action_fiche_funding_lines (partner_id);
CREATE INDEX action_fiche_funding_lines_support_tool_id_idx ON action_fiche_funding_lines (support_tool_id);
SELECT keep_ledger('action_fiche_funding_lines', 'action_fiches', 'action_fiche_id');

CREATE TABLE action_fiche_milestones (
    id              uuid        PRIMARY KEY,
    action_fiche_id uuid        NOT NULL CONSTRAINT action_fiche_milestones_action_fiche_id_fkey REFERENCES action_fiches ON DELETE CASCADE,
    title           text        COLLATE "fr-x-icu" NOT NULL,
    position        integer,
    planned_on      date,
    done_on         date,
    note            text,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX action_fiche_milestones_action_fiche_id_idx ON action_fiche_milestones (action_fiche_id);
SELECT keep_ledger('action_fiche_milestones', 'action_fiches', 'action_fiche_id');

CREATE TABLE action_fiche_locations (
    id                uuid             PRIMARY KEY,
    action_fiche_id   uuid             NOT NULL CONSTRAINT action_fiche_locations_action_fiche_id_fkey REFERENCES action_fiches ON DELETE CASCADE,
    label             text             COLLATE "fr-x-icu" NOT NULL,
    commune_code      text,
    delegated_commune text,
    latitude          double precision,
    longitude         double precision,
    version           integer          NOT NULL DEFAULT 1,
    created_at        timestamptz      NOT NULL DEFAULT now(),
    updated_at        timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT action_fiche_locations_point CHECK ((latitude IS NULL) = (longitude IS NULL) AND latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180)
);
CREATE INDEX action_fiche_locations_action_fiche_id_idx ON action_fiche_locations (action_fiche_id);
SELECT keep_ledger('action_fiche_locations', 'action_fiches', 'action_fiche_id');

CREATE TABLE action_fiche_notes (
    id              uuid        PRIMARY KEY,
    action_fiche_id uuid        NOT NULL CONSTRAINT action_fiche_notes_action_fiche_id_fkey REFERENCES action_fiches ON DELETE CASCADE,
    dated_on        date        NOT NULL,
    text            text        NOT NULL,
    visibility      text        NOT NULL CONSTRAINT action_fiche_notes_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX action_fiche_notes_action_fiche_id_idx ON action_fiche_notes (action_fiche_id);
SELECT keep_ledger('action_fiche_notes', 'action_fiches', 'action_fiche_id');

CREATE TABLE action_fiche_tools (
    id              uuid        PRIMARY KEY,
    action_fiche_id uuid        NOT NULL CONSTRAINT action_fiche_tools_action_fiche_id_fkey REFERENCES action_fiches ON DELETE CASCADE,
    support_tool_id uuid        NOT NULL CONSTRAINT action_fiche_tools_support_tool_id_fkey REFERENCES support_tools,
    note            text,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT action_fiche_tools_support_tool_id_key UNIQUE (action_fiche_id, support_tool_id)
);
CREATE INDEX action_fiche_tools_action_fiche_id_idx ON action_fiche_tools (action_fiche_id);
CREATE INDEX action_fiche_tools_support_tool_id_idx ON action_fiche_tools (support_tool_id);
SELECT keep_ledger('action_fiche_tools', 'action_fiches', 'action_fiche_id');

-- The objective it serves, who proposed it, and the decision by which its validation stands.
ALTER TABLE action_fiches
    ADD COLUMN objective_id uuid CONSTRAINT action_fiches_objective_id_fkey REFERENCES objectives,
    ADD COLUMN proposed_by_id uuid CONSTRAINT action_fiches_proposed_by_id_fkey REFERENCES partners,
    ADD COLUMN validation_decision_id uuid CONSTRAINT action_fiches_validation_decision_id_fkey REFERENCES meeting_decisions;
CREATE INDEX action_fiches_objective_id_idx ON action_fiches (objective_id);
CREATE TRIGGER objective_id_territory BEFORE INSERT OR UPDATE ON action_fiches FOR EACH ROW WHEN (NEW.objective_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('objective_id', 'objectives');
CREATE INDEX action_fiches_proposed_by_id_idx ON action_fiches (proposed_by_id);
CREATE INDEX action_fiches_validation_decision_id_idx ON action_fiches (validation_decision_id);
SELECT keep_ledger('action_fiches');

-- Late (en retard): its planned end is past, on the day that is asked of, in Paris, and it is neither done nor abandoned.
CREATE FUNCTION is_late(planned_end_on date, progress text) RETURNS boolean LANGUAGE sql STABLE
    RETURN coalesce(planned_end_on < (coalesce(nullif(current_setting('app.as_of', true), '')::timestamptz, now()) AT TIME ZONE 'Europe/Paris')::date
                    AND progress NOT IN ('done', 'abandoned'), false);
