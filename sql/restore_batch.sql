-- Puts back the record of a batch from its manifest.
INSERT INTO retailscope.etl_batch
    (batch_id, source, content_hash, started_at, finished_at, status, rows_read, rows_loaded, rows_duplicate,
     rows_rejected, amount_read, amount_loaded, amount_duplicate, gross_revenue, net_revenue, first_date, last_date,
     mapping, options, lake_files, loaded_by)
SELECT (j->>'batch_id')::bigint, j->>'source', j->>'content_hash', (j->>'started_at')::timestamptz,
       (j->>'finished_at')::timestamptz, 'loaded', (j->>'rows_read')::bigint, (j->>'rows_loaded')::bigint,
       (j->>'rows_duplicate')::bigint, (j->>'rows_rejected')::bigint, (j->>'amount_read')::numeric,
       (j->>'amount_loaded')::numeric, (j->>'amount_duplicate')::numeric, (j->>'gross_revenue')::numeric,
       (j->>'net_revenue')::numeric, (j->>'first_date')::date, (j->>'last_date')::date, j->'mapping', j->'options', $2,
       j->>'loaded_by'
FROM (SELECT $1::jsonb) AS batch(j)
