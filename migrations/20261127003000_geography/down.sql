SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.territory_places, territory_places;
DROP TABLE contours, communes, intercommunality_places, intercommunalities, departments, regions, department_regions;
DROP FUNCTION reference_id(text, integer, text);
