DROP TABLE committee_seats;
DROP TABLE committees;
