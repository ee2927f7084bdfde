DROP TABLE person_mandates;
DROP TABLE people;
