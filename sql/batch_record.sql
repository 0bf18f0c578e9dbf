-- A batch's record for its manifest in the lake: times in UTC, money as text, independent of the session's settings.
SELECT pg_catalog.jsonb_build_object(
    'batch_id', b.batch_id, 'source', b.source, 'content_hash', b.content_hash,
    'started_at', pg_catalog.to_char(b.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'finished_at', pg_catalog.to_char(b.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'rows_read', b.rows_read, 'rows_loaded', b.rows_loaded, 'rows_duplicate', b.rows_duplicate,
    'rows_rejected', b.rows_rejected, 'amount_read', b.amount_read::text, 'amount_loaded', b.amount_loaded::text,
    'amount_duplicate', b.amount_duplicate::text, 'gross_revenue', b.gross_revenue::text,
    'net_revenue', b.net_revenue::text, 'first_date', pg_catalog.to_char(b.first_date, 'YYYY-MM-DD'),
    'last_date', pg_catalog.to_char(b.last_date, 'YYYY-MM-DD'), 'mapping', b.mapping, 'options', b.options,
    'loaded_by', b.loaded_by)
FROM retailscope.etl_batch b WHERE b.batch_id = $1
