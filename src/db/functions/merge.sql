-- Merges a partner into another one. Whatever refers to the merged one refers to the other; the other takes over what it does not
-- say of itself, and the names as aliases. Where both stand in one place already, one stands there. The merged one is deleted, and
-- the ledger's line of the other says `merge`.
CREATE OR REPLACE FUNCTION merge_partners(merged uuid, into_id uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gone partners;
BEGIN
    PERFORM FROM partners WHERE id IN (merged, into_id) ORDER BY id FOR UPDATE;
    SELECT * INTO STRICT gone FROM partners WHERE id = merged;
    PERFORM set_config('app.action', 'merge partners', true);
    DELETE FROM action_fiche_participants twice USING action_fiche_participants stays
        WHERE twice.partner_id = merged AND stays.partner_id = into_id AND stays.action_fiche_id = twice.action_fiche_id AND stays.role = twice.role;
    -- The one that stays is not its own parent, nor its own predecessor.
    UPDATE partners SET parent_id = nullif(parent_id, merged), predecessor_id = nullif(predecessor_id, merged)
        WHERE id = into_id AND merged IN (parent_id, predecessor_id);
    PERFORM move_links('partners', merged, into_id);
    DELETE FROM partners WHERE id = merged;
    UPDATE partners one SET version = version + 1,
        acronym = coalesce(one.acronym, gone.acronym), siren = coalesce(one.siren, gone.siren), siret = coalesce(one.siret, gone.siret),
        parent_id = coalesce(one.parent_id, nullif(gone.parent_id, into_id)),
        predecessor_id = coalesce(one.predecessor_id, nullif(gone.predecessor_id, into_id)),
        website = coalesce(one.website, gone.website), contact_service = coalesce(one.contact_service, gone.contact_service),
        contact_email = coalesce(one.contact_email, gone.contact_email), contact_phone = coalesce(one.contact_phone, gone.contact_phone),
        aliases = one.aliases || (SELECT coalesce(jsonb_agg(alias ORDER BY place), '[]') FROM jsonb_array_elements(partner_names(gone)) WITH ORDINALITY names (alias, place)
            WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(partner_names(one)) known WHERE fold(known ->> 'name') = fold(alias ->> 'name')))
        WHERE id = into_id;
    PERFORM set_config('app.action', '', true);
END $$;

-- Merges a territory into another one: the same territory, in other phases. It is as with partners, and grants over the merged one hold over
-- the other (`territory_today` says so, for as long as it is). The succession from one to the other goes: they are one.
CREATE OR REPLACE FUNCTION merge_territories(merged uuid, into_id uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gone territories;
BEGIN
    PERFORM FROM territories WHERE id IN (merged, into_id) ORDER BY id FOR UPDATE;
    SELECT * INTO STRICT gone FROM territories WHERE id = merged;
    PERFORM set_config('app.action', 'merge territories', true);
    SET CONSTRAINTS observations_territory_of_fiche_fkey DEFERRED;
    DELETE FROM territory_successions WHERE territory_id IN (merged, into_id) AND successor_id IN (merged, into_id);
    DELETE FROM territory_successions twice USING territory_successions stays
        WHERE twice.territory_id = merged AND stays.territory_id = into_id AND stays.successor_id = twice.successor_id
           OR twice.successor_id = merged AND stays.successor_id = into_id AND stays.territory_id = twice.territory_id;
    -- As `no_cycle` does: otherwise an edge that is added now could close a circle with the edges that move.
    PERFORM pg_advisory_xact_lock(hashtextextended('no_cycle territory_successions successor_id', 0));
    PERFORM move_links('territories', merged, into_id);
    SET CONSTRAINTS observations_territory_of_fiche_fkey IMMEDIATE;
    IF EXISTS (WITH RECURSIVE reached AS (SELECT successor_id AS id FROM territory_successions WHERE territory_id = into_id
               UNION SELECT next.successor_id FROM territory_successions next JOIN reached ON reached.id = next.territory_id)
               SELECT FROM reached WHERE id = into_id) THEN
        RAISE EXCEPTION 'a circle' USING ERRCODE = 'check_violation', TABLE = 'territory_successions', CONSTRAINT = 'territory_successions_successor_id_cycle';
    END IF;
    DELETE FROM territories WHERE id = merged;
    UPDATE territories one SET version = version + 1,
        description = coalesce(one.description, gone.description), website = coalesce(one.website, gone.website),
        contact_service = coalesce(one.contact_service, gone.contact_service),
        contact_email = coalesce(one.contact_email, gone.contact_email), contact_phone = coalesce(one.contact_phone, gone.contact_phone),
        aliases = one.aliases || (SELECT coalesce(jsonb_agg(alias ORDER BY place), '[]')
            FROM jsonb_array_elements(jsonb_build_array(jsonb_build_object('name', gone.name)) || gone.aliases) WITH ORDINALITY names (alias, place)
            WHERE fold(alias ->> 'name') <> fold(one.name)
              AND NOT EXISTS (SELECT FROM jsonb_array_elements(one.aliases) known WHERE fold(known ->> 'name') = fold(alias ->> 'name')))
        WHERE id = into_id;
    PERFORM set_config('app.action', '', true);
END $$;

-- The territory that this one is today: itself, or the one it was merged into, by however many steps.
CREATE OR REPLACE FUNCTION territory_today(territory uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
    today uuid := territory;
BEGIN
    WHILE today IS NOT NULL AND NOT EXISTS (SELECT FROM territories WHERE id = today) LOOP
        territory := today;
        today := merged_into(territory);
    END LOOP;
    RETURN coalesce(today, territory);
END $$;

-- Whatever names a thing names another one from now on.
CREATE OR REPLACE FUNCTION move_links(noun regclass, merged uuid, into_id uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    link record;
BEGIN
    FOR link IN
        SELECT conrelid::regclass AS noun, attname AS member FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND confrelid = move_links.noun ORDER BY conrelid::regclass::text, attname
    LOOP
        EXECUTE format('UPDATE %s SET %I = $1 WHERE %2$I = $2', link.noun, link.member) USING into_id, merged;
    END LOOP;
    UPDATE citations SET thing_id = into_id WHERE citations.noun = move_links.noun::text AND thing_id = merged;
END $$;

-- Undoes the merge by which this thing was deleted, from the last line of that transaction to its first. The citations that were deleted
-- with it come back with it. What was linked within one territory meanwhile, and would link two, refuses it.
CREATE OR REPLACE FUNCTION unmerge(noun text, merged uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gone ledger;
    line ledger;
    stands boolean;
    linking record;
BEGIN
    SELECT * INTO STRICT gone FROM ledger WHERE thing = merged AND ledger.noun = unmerge.noun ORDER BY version DESC LIMIT 1;
    PERFORM set_config('app.action', 'restore ' || unmerge.noun, true);
    SET CONSTRAINTS observations_territory_of_fiche_fkey DEFERRED;
    FOR line IN
        SELECT * FROM ledger WHERE transaction = gone.transaction AND recorded_at BETWEEN gone.recorded_at - interval '1 day' AND gone.recorded_at + interval '1 day'
          AND NOT (ledger.noun = 'citations' AND after IS NULL)
        ORDER BY id DESC
    LOOP
        IF line.after IS NULL THEN
            stands := true;
            IF line.parent IS NOT NULL THEN
                EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = $1)', line.parent_noun) INTO stands USING line.parent;
            END IF;
            IF stands THEN
                PERFORM put_back(line.noun::regclass, line.before, false);
            END IF;
        ELSE
            PERFORM take_back(line);
        END IF;
    END LOOP;
    PERFORM set_config('app.action', '', true);
    -- The triggers ask again whether what names a thing is of the same territory: a thing by its own, a part by that of its whole.
    FOR linking IN
        SELECT tgrelid::regclass AS noun, regexp_split_to_array(encode(tgargs, 'escape'), '\\000') AS args
        FROM pg_trigger WHERE tgfoid = 'same_territory'::regproc AND unmerge.noun = 'territories'
    LOOP
        EXECUTE CASE WHEN linking.args[3] = '' THEN format('UPDATE %s SET %I = %2$I WHERE territory_id = ANY ($1)', linking.noun, linking.args[1])
            ELSE format('UPDATE %s SET %I = %2$I WHERE %I IN (SELECT id FROM %I WHERE territory_id = ANY ($1))',
                linking.noun, linking.args[1], linking.args[3], linking.args[4]) END
            USING ARRAY[merged, merged_by(gone.transaction, gone.recorded_at, 'territories')];
    END LOOP;
    SET CONSTRAINTS observations_territory_of_fiche_fkey IMMEDIATE;
END $$;

-- Takes a change back: each member that the change set is again what it was before, unless somebody has changed it since.
CREATE OR REPLACE FUNCTION take_back(line ledger) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_is jsonb;
    back jsonb;
BEGIN
    EXECUTE format('SELECT to_jsonb(one) FROM %I one WHERE id = $1', line.noun) INTO now_is USING line.thing;
    SELECT jsonb_object_agg(key, value) INTO back FROM jsonb_each(content_before(line))
        WHERE key NOT IN ('version', 'updated_at') AND value <> line.after -> key AND line.after -> key = now_is -> key;
    IF back IS NOT NULL THEN
        PERFORM put_back(line.noun::regclass, back || jsonb_build_object('id', line.thing), false);
    END IF;
END $$;

-- Into which thing this one was merged, if that is the last that happened to it.
CREATE OR REPLACE FUNCTION merged_into(merged uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN action = 'delete' THEN merged_by(transaction, recorded_at, noun) END
    FROM ledger WHERE thing = merged ORDER BY version DESC LIMIT 1
$$;

-- Into which thing of this noun others were merged by this transaction. (Transactions of two clusters can have the same number, when a
-- ledger was restored into another cluster: so lines of another day do not count.)
CREATE OR REPLACE FUNCTION merged_by(merging xid8, at timestamptz, of text) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT thing FROM ledger WHERE transaction = merging AND noun = of AND action = 'merge'
        AND recorded_at BETWEEN at - interval '1 day' AND at + interval '1 day' ORDER BY id DESC LIMIT 1
$$;

-- The names of a partner, as aliases.
CREATE OR REPLACE FUNCTION partner_names(one partners) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(jsonb_build_object('name', one.name))
        || CASE WHEN one.acronym IS NULL THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', one.acronym)) END || one.aliases
$$;
