-- What a person typed, as a query. Each typed word must begin a word of the thing, or be one of its forms in French. All typed
-- words must be found. Whatever was typed, this function raises no error.
CREATE OR REPLACE FUNCTION search_query(typed text) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    query tsquery;
    one tsquery;
    word text;
BEGIN
    FOR word IN SELECT (regexp_matches(fold(typed), '[[:alnum:]]+', 'g'))[1] LIMIT 20 LOOP
        one := to_tsquery('simple', word || ':*') || plainto_tsquery('french', word);
        query := coalesce(query && one, one);
    END LOOP;
    RETURN coalesce(query, ''::tsquery);
END $$;
