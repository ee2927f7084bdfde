DROP FUNCTION keep_ledger(regclass, text, text);
DROP FUNCTION record();
DROP FUNCTION stamp();
DROP TABLE ledger;
DROP FUNCTION refuse_rewriting();
DROP FUNCTION search_query(text);
DROP FUNCTION search_words(text);
DROP FUNCTION alias_names(jsonb);
DROP FUNCTION fold(text);
