DROP TABLE programme_phases;
