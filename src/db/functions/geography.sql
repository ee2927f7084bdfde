-- The codes by which rows name these communes: the codes themselves; of an old one, that of the commune that it became part of; and
-- the old codes of what became part of these communes.
CREATE OR REPLACE FUNCTION commune_codes(codes text[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(code) FROM (
        SELECT unnest(codes) AS code
        UNION SELECT commune.code FROM unnest(codes) asked JOIN communes commune ON commune.formers @> jsonb_build_array(jsonb_build_object('code', asked))
        UNION SELECT former ->> 'code' FROM communes CROSS JOIN jsonb_array_elements(formers) former WHERE communes.code = ANY (codes)
    ) known
$$;

-- The rows of the COG with these communes. In each year, an old code stands for the commune that had it in that year.
CREATE OR REPLACE FUNCTION commune_ids(codes text[]) RETURNS uuid[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(id), '{}') FROM (
        SELECT id FROM communes WHERE code = ANY (codes)
        UNION SELECT commune.id FROM unnest(codes) asked JOIN communes commune ON commune.formers @> jsonb_build_array(jsonb_build_object('code', asked))
    ) known
$$;
