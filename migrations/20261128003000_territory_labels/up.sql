-- A territory goes on from one phase to the next as one thing: each of its labels says the name of then.
SET LOCAL lock_timeout = '2s';

ALTER TABLE territory_labels ADD COLUMN name text COLLATE "fr-x-icu";
SELECT keep_ledger('territory_labels', 'territories', 'territory_id');

-- A fiche and its observations move to another territory together, when two territories become one.
ALTER TABLE observations ALTER CONSTRAINT observations_territory_of_fiche_fkey DEFERRABLE INITIALLY IMMEDIATE;

-- `unmerge` has taken its place.
-- squawk-ignore ban-drop-function
DROP FUNCTION IF EXISTS unmerge_partner(uuid);

-- Each department and region in which a territory has a commune, as before; but a member by an old code is where the commune is that the
-- old one became part of.
CREATE OR REPLACE VIEW territory_places AS
    SELECT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    JOIN intercommunalities whole ON whole.siren = member.siren
    JOIN intercommunality_places place ON place.intercommunality_id = whole.id
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM territory_members member JOIN communes commune ON commune.siren = member.siren OR commune.code = member.commune_code
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM territory_members member JOIN communes commune ON commune.formers @> jsonb_build_array(jsonb_build_object('code', member.commune_code))
    UNION
    SELECT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS stated
    JOIN department_regions place ON place.department_code = stated
    WHERE NOT EXISTS (SELECT FROM intercommunalities whole WHERE whole.siren = member.siren)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.siren = member.siren OR commune.code = member.commune_code)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.formers @> jsonb_build_array(jsonb_build_object('code', member.commune_code)));
CREATE OR REPLACE VIEW as_of.territory_places AS
    SELECT member.territory_id, place.department_code, place.region_code
    FROM as_of.territory_members member
    JOIN intercommunalities whole ON whole.siren = member.siren
    JOIN intercommunality_places place ON place.intercommunality_id = whole.id
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM as_of.territory_members member JOIN communes commune ON commune.siren = member.siren OR commune.code = member.commune_code
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM as_of.territory_members member JOIN communes commune ON commune.formers @> jsonb_build_array(jsonb_build_object('code', member.commune_code))
    UNION
    SELECT member.territory_id, place.department_code, place.region_code
    FROM as_of.territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS stated
    JOIN department_regions place ON place.department_code = stated
    WHERE NOT EXISTS (SELECT FROM intercommunalities whole WHERE whole.siren = member.siren)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.siren = member.siren OR commune.code = member.commune_code)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.formers @> jsonb_build_array(jsonb_build_object('code', member.commune_code)));
