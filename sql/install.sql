-- The last statements of CREATE EXTENSION: nothing is for PUBLIC, and the tables come into being as their owner's.

-- Functions are open to PUBLIC when they are made.
DO $body$
DECLARE
    member regprocedure;
BEGIN
    FOR member IN
        SELECT d.objid::pg_catalog.regprocedure
        FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_extension AS e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
        WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
          AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
          AND d.deptype OPERATOR(pg_catalog.=) 'e' AND e.extname OPERATOR(pg_catalog.=) 'retailscope'
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', member);
    END LOOP;
END
$body$;

SELECT @extschema@.rs_create_warehouse();
