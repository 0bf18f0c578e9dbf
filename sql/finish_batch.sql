-- Closes the record of a batch. Money comes as text: exact decimals.
UPDATE retailscope.etl_batch
SET finished_at = pg_catalog.clock_timestamp(), status = 'loaded', content_hash = $2,
    rows_read = $3, rows_loaded = $4, rows_duplicate = $5, rows_rejected = $6,
    amount_read = $7::numeric, amount_loaded = $8::numeric, amount_duplicate = $9::numeric,
    gross_revenue = $10::numeric, net_revenue = $11::numeric,
    first_date = $12, last_date = $13, lake_files = $14
WHERE batch_id = $1
