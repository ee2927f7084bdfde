DROP VIEW as_of.observations;
DROP TABLE observations;
DELETE FROM kept WHERE noun = 'observations';
ALTER TABLE action_fiches DROP CONSTRAINT action_fiches_territory_id_key;
