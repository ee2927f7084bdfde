SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.post_funding_lines, as_of.posts;
DROP TABLE post_funding_lines, posts;
DELETE FROM kept WHERE noun IN ('post_funding_lines', 'posts');
