SET LOCAL lock_timeout = '2s';
DROP VIEW as_of.documents;
DROP TABLE documents;
DELETE FROM kept WHERE noun = 'documents';
