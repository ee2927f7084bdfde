DROP TABLE territory_successions;
DROP TABLE territory_members;
DROP TABLE territory_labels;
DROP TABLE territories;
