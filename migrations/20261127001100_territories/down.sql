SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.territory_successions, as_of.territory_members, as_of.territory_labels, as_of.territories;
DROP TABLE territory_successions, territory_members, territory_labels, territories;
DELETE FROM kept WHERE noun IN ('territory_successions', 'territory_members', 'territory_labels', 'territories');
