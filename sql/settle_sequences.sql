-- After rows were restored with their keys, the sequences go on behind them. They never go back: a rollback would not undo
-- that, and the rows that it brings back have their keys from there.
SELECT pg_catalog.setval(s.id, greatest(max(t.sale_id), pg_catalog.pg_sequence_last_value(s.id)))
FROM retailscope.fact_sales t,
     (SELECT pg_catalog.pg_get_serial_sequence('retailscope.fact_sales', 'sale_id')::pg_catalog.regclass AS id) s GROUP BY s.id;
SELECT pg_catalog.setval(s.id, greatest(max(t.customer_key), pg_catalog.pg_sequence_last_value(s.id)))
FROM retailscope.dim_customer t,
     (SELECT pg_catalog.pg_get_serial_sequence('retailscope.dim_customer', 'customer_key')::pg_catalog.regclass AS id) s WHERE t.customer_key > 0 GROUP BY s.id;
SELECT pg_catalog.setval(s.id, greatest(max(t.product_key), pg_catalog.pg_sequence_last_value(s.id)))
FROM retailscope.dim_product t,
     (SELECT pg_catalog.pg_get_serial_sequence('retailscope.dim_product', 'product_key')::pg_catalog.regclass AS id) s GROUP BY s.id;
SELECT pg_catalog.setval(s.id, greatest(max(t.batch_id), pg_catalog.pg_sequence_last_value(s.id)))
FROM retailscope.etl_batch t,
     (SELECT pg_catalog.pg_get_serial_sequence('retailscope.etl_batch', 'batch_id')::pg_catalog.regclass AS id) s GROUP BY s.id;
