SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.theme_correspondences, as_of.themes;
DROP TABLE theme_correspondences, themes;
DELETE FROM kept WHERE noun IN ('theme_correspondences', 'themes');
