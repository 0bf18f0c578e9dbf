COMMENT ON FUNCTION @extschema@.rs_ingest_file(text, jsonb, jsonb) IS
'Loads a file on the server (.csv, .csv.gz, .csv.zst, .parquet) into lake and warehouse; lines that are there already count as duplicates, bad ones go to retailscope.etl_reject. mapping: source column -> field, e.g. {"Order ID": "invoice_no"}, or null to ignore the column. options: delimiter, encoding, date_format, decimal_comma, rules, keep_duplicates, max_line_bytes, nowait.';
COMMENT ON FUNCTION @extschema@.rs_ingest_table(regclass, jsonb, jsonb) IS
'Loads a table or view: SELECT * FROM rs_ingest_table(''shop.orders''::regclass, ''{"order_no": "invoice_no"}''). Mapping and options as in rs_ingest_file.';
COMMENT ON FUNCTION @extschema@.rs_generate_sales(integer, integer, bigint) IS
'Makes up a retailer''s sales (seasons, loyal and lost customers, products bought together, returns, dirty lines) and loads them; the same arguments give the same rows.';
