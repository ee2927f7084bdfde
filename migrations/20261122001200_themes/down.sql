DROP TABLE theme_correspondences;
DROP TABLE themes;
