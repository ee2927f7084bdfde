DROP FUNCTION members_on(uuid[], date, uuid);
DROP VIEW as_of.territory_places;
CREATE OR REPLACE VIEW territory_places AS
    SELECT DISTINCT member.territory_id, place.department_code, place.region_code
    FROM territory_members member
    CROSS JOIN jsonb_array_elements_text(member.department_codes) AS code
    JOIN department_regions place ON place.department_code = code;
DROP TABLE contours, communes, intercommunality_places, intercommunalities, departments, regions;
DROP FUNCTION reference_id(text, integer, text);
