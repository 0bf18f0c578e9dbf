-- A relation's columns in their order, each with the type that is at the bottom of its domains.
SELECT a.attname::text, base.type::bigint
FROM pg_catalog.pg_attribute a
CROSS JOIN LATERAL (
    WITH RECURSIVE step AS (
        SELECT t.oid AS type, t.typbasetype AS below FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.oid, t.typbasetype FROM step JOIN pg_catalog.pg_type t ON t.oid = step.below
    )
    SELECT type FROM step WHERE below = 0
) AS base
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
