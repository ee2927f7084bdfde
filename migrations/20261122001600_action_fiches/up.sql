SET LOCAL lock_timeout = '2s';

CREATE TABLE action_fiches (
    id                uuid          PRIMARY KEY,
    territory_id      uuid          NOT NULL CONSTRAINT action_fiches_territory_id_fkey REFERENCES territories,
    reference         text,
    title             text          COLLATE "fr-x-icu" NOT NULL,
    context           text,
    description       text,
    expected_results  text,
    parent_id         uuid          CONSTRAINT action_fiches_parent_id_fkey REFERENCES action_fiches,
    scope             text          CONSTRAINT action_fiches_scope CHECK (scope IN ('individual', 'collective')),
    nature            text          CONSTRAINT action_fiches_nature CHECK (nature IN ('study', 'works', 'purchase', 'equipment', 'event', 'service', 'fund', 'post')),
    target_groups     jsonb         NOT NULL,
    quantity          numeric(14,2) CONSTRAINT action_fiches_quantity CHECK (quantity BETWEEN 0 AND 1e12 AND quantity <> 'NaN'),
    quantity_unit     text,
    planned_start_on  date,
    planned_end_on    date,
    actual_start_on   date,
    actual_end_on     date,
    recurring         boolean,
    budget_eur        numeric(14,2) CONSTRAINT action_fiches_budget CHECK (budget_eur BETWEEN 0 AND 1e12 AND budget_eur <> 'NaN'),
    budget_basis      text          CONSTRAINT action_fiches_budget_basis CHECK (budget_basis IN ('excl_tax', 'incl_tax', 'unknown')),
    priority          text          CONSTRAINT action_fiches_priority CHECK (priority IN ('high', 'medium', 'low')),
    commitment        text          NOT NULL CONSTRAINT action_fiches_commitment CHECK (commitment IN ('firm', 'intention', 'unknown')),
    visibility        text          NOT NULL CONSTRAINT action_fiches_visibility CHECK (visibility IN ('public', 'partners', 'restricted')),
    stage             text          CONSTRAINT action_fiches_stage CHECK (stage IN ('idea', 'study', 'operation')),
    validation        text          NOT NULL DEFAULT 'draft' CONSTRAINT action_fiches_validation CHECK (validation IN ('draft', 'submitted', 'validated', 'postponed', 'refused', 'withdrawn')),
    validation_since  timestamptz   NOT NULL DEFAULT now(),
    validation_reason text,
    progress          text          NOT NULL DEFAULT 'not_started' CONSTRAINT action_fiches_progress CHECK (progress IN ('not_started', 'in_progress', 'paused', 'blocked', 'done', 'abandoned')),
    progress_since    timestamptz   NOT NULL DEFAULT now(),
    progress_reason   text,
    version           integer       NOT NULL DEFAULT 1,
    created_at        timestamptz   NOT NULL DEFAULT now(),
    updated_at        timestamptz   NOT NULL DEFAULT now(),
    search            tsvector      GENERATED ALWAYS AS (search_words(title || ' ' || coalesce(reference, '') || ' ' || left(coalesce(description, ''), 5000) || ' ' || left(coalesce(context, ''), 5000))) STORED,
    CONSTRAINT action_fiches_reference_key UNIQUE (territory_id, reference),
    CONSTRAINT action_fiches_planned_period CHECK (planned_start_on <= planned_end_on),
    CONSTRAINT action_fiches_actual_period CHECK (actual_start_on <= actual_end_on),
    CONSTRAINT action_fiches_done CHECK (progress <> 'done' OR actual_end_on IS NOT NULL),
    CONSTRAINT action_fiches_parent CHECK (parent_id <> id)
) WITH (fillfactor = 85);
CREATE INDEX action_fiches_territory_id_idx ON action_fiches (territory_id, title, id);
CREATE INDEX action_fiches_title_idx ON action_fiches (title, id);
CREATE INDEX action_fiches_parent_id_idx ON action_fiches (parent_id);
CREATE INDEX action_fiches_search_idx ON action_fiches USING gin (search);

-- Two levels at most, in one territory, no cycle: the parent is locked, so that no two writers build a third level together.
CREATE FUNCTION action_fiches_levels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id) THEN
        PERFORM FROM action_fiches WHERE id IN (NEW.parent_id, NEW.id) ORDER BY id FOR UPDATE;
        IF EXISTS (SELECT FROM action_fiches WHERE id = NEW.parent_id AND (parent_id IS NOT NULL OR territory_id <> NEW.territory_id))
           OR EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id) THEN
            RAISE EXCEPTION 'two levels at most' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_levels';
        END IF;
    END IF;
    IF NEW.progress = 'done' AND (TG_OP = 'INSERT' OR OLD.progress <> 'done') AND EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id AND progress NOT IN ('done', 'abandoned')) THEN
        RAISE EXCEPTION 'an open child' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_open_child';
    END IF;
    IF NEW.parent_id IS NOT NULL AND NEW.progress NOT IN ('done', 'abandoned')
       AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.progress <> OLD.progress)
       AND 'done' = (SELECT progress FROM action_fiches WHERE id = NEW.parent_id FOR UPDATE) THEN
        RAISE EXCEPTION 'a done parent' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_done_parent';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER levels BEFORE INSERT OR UPDATE ON action_fiches FOR EACH ROW EXECUTE FUNCTION action_fiches_levels();
SELECT keep_ledger('action_fiches');

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
