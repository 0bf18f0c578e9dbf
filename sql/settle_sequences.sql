-- After rows were restored with their keys, the sequences go on behind them.
SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('retailscope.fact_sales', 'sale_id'), greatest(max(sale_id), 1), max(sale_id) IS NOT NULL) FROM retailscope.fact_sales;
SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('retailscope.dim_customer', 'customer_key'), greatest(max(customer_key), 1), max(customer_key) > 0) FROM retailscope.dim_customer;
SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('retailscope.dim_product', 'product_key'), greatest(max(product_key), 1), max(product_key) IS NOT NULL) FROM retailscope.dim_product;
SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('retailscope.etl_batch', 'batch_id'), greatest(max(batch_id), 1), max(batch_id) IS NOT NULL) FROM retailscope.etl_batch;
