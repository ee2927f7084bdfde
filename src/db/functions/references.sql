-- Looks for what a body names: each item has a pointer, the table (`noun`) and the column (`member`) that name it, and the identifier.
-- The foreign key of the column tells the table of what is named; a column without one is passed over.
CREATE OR REPLACE FUNCTION seek(mentions jsonb) RETURNS TABLE (pointer text, target text, id uuid, stands boolean) LANGUAGE plpgsql STABLE AS $$
BEGIN
    FOR pointer, target, id IN
        SELECT item ->> 'pointer', confrelid::regclass::text, (item ->> 'id')::uuid
        FROM jsonb_array_elements(mentions) item
        JOIN pg_constraint ON conrelid = (item ->> 'noun')::regclass AND contype = 'f' AND cardinality(conkey) = 1
        JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] AND attname = item ->> 'member'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = $1)', target) INTO stands USING id;
        RETURN NEXT;
    END LOOP;
END $$;
