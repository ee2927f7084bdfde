DROP VIEW as_of.post_funding_lines;
DROP TABLE post_funding_lines;
DELETE FROM kept WHERE noun = 'post_funding_lines';
DROP VIEW as_of.posts;
DROP TABLE posts;
DELETE FROM kept WHERE noun = 'posts';
