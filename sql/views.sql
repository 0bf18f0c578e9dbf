-- What runs now in this database: work shows itself through its application_name.
CREATE OR REPLACE VIEW retailscope.progress AS
SELECT a.pid, m.part[1] AS phase, m.part[2]::bigint AS done, m.part[3]::bigint AS total,
       CASE WHEN m.part[3]::bigint > 0 THEN round(100.0 * m.part[2]::bigint / m.part[3]::bigint, 1) END AS percent,
       a.query_start AS started_at
FROM pg_catalog.pg_stat_activity a
CROSS JOIN LATERAL pg_catalog.regexp_match(a.application_name, '^retailscope: ([a-z ]+) (\d{1,18})/(\d{1,18})$') AS m(part)
WHERE a.datname = pg_catalog.current_database() AND m.part IS NOT NULL;
