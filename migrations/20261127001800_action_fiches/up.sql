SET LOCAL lock_timeout = '2s';

CREATE TABLE action_fiches (
    id                       uuid          PRIMARY KEY,
    territory_id             uuid          NOT NULL CONSTRAINT action_fiches_territory_id_fkey REFERENCES territories,
    reference                text,
    title                    text          COLLATE "fr-x-icu" NOT NULL,
    context                  text,
    description              text,
    expected_results         text,
    parent_id                uuid          CONSTRAINT action_fiches_parent_id_fkey REFERENCES action_fiches,
    objective_id             uuid          CONSTRAINT action_fiches_objective_id_fkey REFERENCES objectives,
    proposed_by_id           uuid          CONSTRAINT action_fiches_proposed_by_id_fkey REFERENCES partners,
    proposed_by_committee_id uuid          CONSTRAINT action_fiches_proposed_by_committee_id_fkey REFERENCES committees,
    scope                    text          CONSTRAINT action_fiches_scope CHECK (scope IN ('individual', 'collective')),
    nature                   text          CONSTRAINT action_fiches_nature CHECK (nature IN ('study', 'works', 'purchase', 'equipment', 'event', 'service', 'fund', 'post')),
    target_groups            jsonb         NOT NULL,
    quantity                 numeric(14,2) CONSTRAINT action_fiches_quantity CHECK (quantity BETWEEN 0 AND 1e12 AND quantity <> 'NaN'),
    quantity_unit            text,
    planned_start_on         date,
    planned_end_on           date,
    actual_start_on          date,
    actual_end_on            date,
    recurring                boolean,
    budget_eur               numeric(14,2) CONSTRAINT action_fiches_budget CHECK (budget_eur BETWEEN 0 AND 1e12 AND budget_eur <> 'NaN'),
    budget_basis             text          CONSTRAINT action_fiches_budget_basis CHECK (budget_basis IN ('excl_tax', 'incl_tax', 'unknown')),
    priority                 text          CONSTRAINT action_fiches_priority CHECK (priority IN ('high', 'medium', 'low')),
    commitment               text          NOT NULL CONSTRAINT action_fiches_commitment CHECK (commitment IN ('firm', 'intention', 'unknown')),
    visibility               text          NOT NULL CONSTRAINT action_fiches_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    stage                    text          CONSTRAINT action_fiches_stage CHECK (stage IN ('idea', 'study', 'operation')),
    validation               text          NOT NULL DEFAULT 'draft' CONSTRAINT action_fiches_validation CHECK (validation IN ('draft', 'submitted', 'validated', 'postponed', 'refused', 'withdrawn')),
    validation_since         timestamptz   NOT NULL DEFAULT now(),
    validation_reason        text,
    -- The decision by which the validation stands. The migration of meetings adds its foreign key.
    validation_decision_id   uuid,
    progress                 text          NOT NULL DEFAULT 'not_started' CONSTRAINT action_fiches_progress CHECK (progress IN ('not_started', 'in_progress', 'paused', 'blocked', 'done', 'abandoned', 'unknown')),
    progress_since           timestamptz   NOT NULL DEFAULT now(),
    progress_reason          text,
    version                  integer       NOT NULL DEFAULT 1,
    created_at               timestamptz   NOT NULL DEFAULT now(),
    updated_at               timestamptz   NOT NULL DEFAULT now(),
    search                   tsvector      GENERATED ALWAYS AS (search_words(title || ' ' || coalesce(reference, '') || ' ' || left(coalesce(description, ''), 5000) || ' ' || left(coalesce(context, ''), 5000))) STORED,
    CONSTRAINT action_fiches_territory_id_key UNIQUE (id, territory_id),
    CONSTRAINT action_fiches_reference_key UNIQUE (territory_id, reference),
    CONSTRAINT action_fiches_planned_period CHECK (planned_start_on <= planned_end_on),
    CONSTRAINT action_fiches_actual_period CHECK (actual_start_on <= actual_end_on),
    CONSTRAINT action_fiches_done CHECK (progress <> 'done' OR actual_end_on IS NOT NULL),
    CONSTRAINT action_fiches_parent CHECK (parent_id <> id)
) WITH (fillfactor = 85);
CREATE INDEX action_fiches_territory_id_idx ON action_fiches (territory_id, title, id);
CREATE INDEX action_fiches_title_idx ON action_fiches (title, id);
CREATE INDEX action_fiches_parent_id_idx ON action_fiches (parent_id);
CREATE INDEX action_fiches_objective_id_idx ON action_fiches (objective_id);
CREATE INDEX action_fiches_proposed_by_id_idx ON action_fiches (proposed_by_id);
CREATE INDEX action_fiches_proposed_by_committee_id_idx ON action_fiches (proposed_by_committee_id);
CREATE INDEX action_fiches_validation_decision_id_idx ON action_fiches (validation_decision_id);
CREATE INDEX action_fiches_search_idx ON action_fiches USING gin (search);
CREATE TRIGGER levels BEFORE INSERT OR UPDATE ON action_fiches FOR EACH ROW EXECUTE FUNCTION action_fiches_levels();
CREATE TRIGGER objective_id_territory BEFORE INSERT OR UPDATE ON action_fiches FOR EACH ROW WHEN (NEW.objective_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('objective_id', 'objectives');
CREATE TRIGGER proposed_by_committee_id_territory BEFORE INSERT OR UPDATE OF proposed_by_committee_id, territory_id ON action_fiches FOR EACH ROW WHEN (NEW.proposed_by_committee_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('proposed_by_committee_id', 'committees');
-- A fiche is a place itself: its pilot's.
SELECT keep_ledger('action_fiches', places => '{territory_id,id}');

CREATE TABLE action_fiche_participants (
    id              uuid        PRIMARY KEY,
    action_fiche_id uuid        NOT NULL CONSTRAINT action_fiche_participants_action_fiche_id_fkey REFERENCES action_fiches ON DELETE CASCADE,
    partner_id      uuid        NOT NULL CONSTRAINT action_fiche_participants_partner_id_fkey REFERENCES partners,
    role            text        NOT NULL CONSTRAINT action_fiche_participants_role CHECK (role IN ('owner', 'lead', 'co_lead', 'pilot', 'partner', 'beneficiary')),
    note            text,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT action_fiche_participants_role_key UNIQUE (action_fiche_id, partner_id, role)
);
CREATE INDEX action_fiche_participants_partner_id_idx ON action_fiche_participants (partner_id);
SELECT keep_ledger('action_fiche_participants', 'action_fiches', 'action_fiche_id');

CREATE TABLE action_fiche_themes (
    id              uuid        PRIMARY KEY,
    action_fiche_id uuid        NOT NULL CONSTRAINT action_fiche_themes_action_fiche_id_fkey REFERENCES action_fiches ON DELETE CASCADE,
    theme_id        uuid        NOT NULL CONSTRAINT action_fiche_themes_theme_id_fkey REFERENCES themes,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT action_fiche_themes_theme_id_key UNIQUE (action_fiche_id, theme_id)
);
CREATE INDEX action_fiche_themes_theme_id_idx ON action_fiche_themes (theme_id);
SELECT keep_ledger('action_fiche_themes', 'action_fiches', 'action_fiche_id');

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
