-- Fiches have two levels at most, both in one territory, without a cycle. The parent is locked: otherwise two writers could build
-- a third level together.
CREATE OR REPLACE FUNCTION action_fiches_levels() RETURNS trigger LANGUAGE plpgsql AS $$
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
    -- What is shown names nothing that is hidden: a fiche is shown to nobody who does not see the one it is a part of.
    IF NEW.parent_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.visibility <> OLD.visibility)
       AND visibility_rank(NEW.visibility) < (SELECT visibility_rank(visibility) FROM action_fiches WHERE id = NEW.parent_id)
       OR TG_OP = 'UPDATE' AND NEW.visibility <> OLD.visibility
       AND EXISTS (SELECT FROM action_fiches WHERE parent_id = NEW.id AND visibility_rank(visibility) < visibility_rank(NEW.visibility)) THEN
        RAISE EXCEPTION 'a hidden parent' USING ERRCODE = 'check_violation', CONSTRAINT = 'action_fiches_parent_visibility';
    END IF;
    RETURN NEW;
END $$;

-- Late (en retard): the planned end is past, and the fiche is neither done nor abandoned. "Past" is told on the day that is asked
-- of (`app.as_of`, else today), in Paris.
CREATE OR REPLACE FUNCTION is_late(planned_end_on date, progress text) RETURNS boolean LANGUAGE sql STABLE
    RETURN coalesce(planned_end_on < (coalesce(nullif(current_setting('app.as_of', true), '')::timestamptz, now()) AT TIME ZONE 'Europe/Paris')::date
                    AND progress NOT IN ('done', 'abandoned'), false);
