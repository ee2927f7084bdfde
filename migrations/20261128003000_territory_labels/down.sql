SET LOCAL lock_timeout = '2s';
CREATE OR REPLACE VIEW territory_places AS
    SELECT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    JOIN intercommunalities whole ON whole.siren = member.siren
    JOIN intercommunality_places place ON place.intercommunality_id = whole.id
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM territory_members member JOIN communes commune ON commune.siren = member.siren OR commune.code = member.commune_code
    UNION
    SELECT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS stated
    JOIN department_regions place ON place.department_code = stated
    WHERE NOT EXISTS (SELECT FROM intercommunalities whole WHERE whole.siren = member.siren)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.siren = member.siren OR commune.code = member.commune_code);
CREATE OR REPLACE VIEW as_of.territory_places AS
    SELECT member.territory_id, place.department_code, place.region_code
    FROM as_of.territory_members member
    JOIN intercommunalities whole ON whole.siren = member.siren
    JOIN intercommunality_places place ON place.intercommunality_id = whole.id
    UNION
    SELECT member.territory_id, commune.department_code, commune.region_code
    FROM as_of.territory_members member JOIN communes commune ON commune.siren = member.siren OR commune.code = member.commune_code
    UNION
    SELECT member.territory_id, place.department_code, place.region_code
    FROM as_of.territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS stated
    JOIN department_regions place ON place.department_code = stated
    WHERE NOT EXISTS (SELECT FROM intercommunalities whole WHERE whole.siren = member.siren)
      AND NOT EXISTS (SELECT FROM communes commune WHERE commune.siren = member.siren OR commune.code = member.commune_code);
ALTER TABLE observations ALTER CONSTRAINT observations_territory_of_fiche_fkey NOT DEFERRABLE;
DROP VIEW as_of.territory_labels;
ALTER TABLE territory_labels DROP COLUMN name;
-- The functions that make it went before. `migrate` makes it anew.
CREATE VIEW as_of.territory_labels AS SELECT * FROM territory_labels;
