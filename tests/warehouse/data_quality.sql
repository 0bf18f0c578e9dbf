-- rs_data_quality() sees each kind of damage, and nothing else. Runs in a transaction on a filled warehouse and rolls back.
--
--   psql -X -v ON_ERROR_STOP=1 -v ext=public -f tests/warehouse/data_quality.sql
\if :{?ext} \else \set ext public \endif
\set QUIET on
SELECT set_config('search_path', 'pg_catalog, ' || quote_ident(:'ext') || ', pg_temp', false) \g /dev/null
BEGIN;
SELECT rs_refresh_marts() \g /dev/null
CREATE TEMP TABLE found (damage text, failing text[], expected text[]);
CREATE FUNCTION pg_temp.damage(what text, command text, expected text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE failing text[];
BEGIN
    BEGIN
        SET LOCAL session_replication_role = replica;  -- foreign keys would not let most of it happen
        EXECUTE command;
        SELECT coalesce(array_agg(q.check_name ORDER BY q.check_name), '{}') INTO failing FROM rs_data_quality() AS q WHERE NOT q.ok;
        RAISE EXCEPTION USING ERRCODE = 'P0999';
    EXCEPTION WHEN SQLSTATE 'P0999' THEN NULL;
    END;
    INSERT INTO found VALUES (what, failing, ARRAY(SELECT unnest(expected) ORDER BY 1));
END $$;
SELECT pg_temp.damage('none', 'SELECT 1', '{}') \g /dev/null
SELECT pg_temp.damage('a sale of a known customer is gone',
    $$DELETE FROM retailscope.fact_sales WHERE sale_id = (SELECT min(f.sale_id) FROM retailscope.fact_sales AS f
      JOIN retailscope.dim_product USING (product_key) WHERE line_kind = 'sale' AND is_merchandise AND customer_key <> 0)$$,
    '{facts_rows,facts_amount,batches_mismatched,mart_daily_gross,mart_daily_net,mart_daily_wrong_days,mart_rfm_monetary,mart_rfm_monetary_net,mart_rfm_wrong_customers}') \g /dev/null
SELECT pg_temp.damage('a return of a known customer is gone',
    $$DELETE FROM retailscope.fact_sales WHERE sale_id = (SELECT min(f.sale_id) FROM retailscope.fact_sales AS f
      JOIN retailscope.dim_product USING (product_key) JOIN retailscope.mart_customer_rfm USING (customer_key)
      WHERE line_kind = 'return' AND is_merchandise)$$,
    '{facts_rows,facts_amount,batches_mismatched,mart_daily_net,mart_daily_wrong_days,mart_rfm_monetary_net,mart_rfm_wrong_customers}') \g /dev/null
SELECT pg_temp.damage('a line stands twice',
    $$INSERT INTO retailscope.fact_sales (date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price, amount,
                                          line_kind, batch_id, country, line_hash)
      SELECT date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price, amount, line_kind, batch_id, country, line_hash
      FROM retailscope.fact_sales WHERE line_kind = 'free' LIMIT 1$$,
    '{facts_rows,batches_mismatched,duplicate_identities}') \g /dev/null
SELECT pg_temp.damage('a cent is off in a fee',
    $$ALTER TABLE retailscope.fact_sales DROP CONSTRAINT fact_sales_amount;
      UPDATE retailscope.fact_sales SET amount = amount + 0.01
      WHERE sale_id = (SELECT min(sale_id) FROM retailscope.fact_sales WHERE line_kind = 'fee')$$,
    '{facts_amount,batches_mismatched,amount_is_quantity_times_price}') \g /dev/null
SELECT pg_temp.damage('a product without sales of merchandise is gone',
    $$DELETE FROM retailscope.dim_product WHERE stock_code = (SELECT min(stock_code) FROM retailscope.dim_product
      JOIN retailscope.fact_sales USING (product_key) WHERE NOT is_merchandise)$$, '{orphans}') \g /dev/null
SELECT pg_temp.damage('a reject without its text',
    $$INSERT INTO retailscope.etl_reject VALUES ((SELECT max(batch_id) FROM retailscope.etl_batch), 1, 'x', 'x')$$,
    '{rejects_stored}') \g /dev/null
SELECT pg_temp.damage('a batch that counts wrongly',
    $$ALTER TABLE retailscope.etl_batch DROP CONSTRAINT etl_batch_rows_balance;
      UPDATE retailscope.etl_batch SET rows_read = rows_read + 1 WHERE batch_id = (SELECT max(batch_id) FROM retailscope.etl_batch)$$,
    '{rows_balance}') \g /dev/null
SELECT pg_temp.damage('two batches whose errors cancel out',
    $$INSERT INTO retailscope.etl_batch (source, started_at, status, rows_read, rows_loaded) VALUES ('a', now(), 'loaded', 1, 1);
      UPDATE retailscope.etl_batch SET rows_loaded = rows_loaded - 1, rows_read = rows_read - 1
      WHERE batch_id = (SELECT min(batch_id) FROM retailscope.etl_batch)$$,
    '{batches_mismatched,marts_fresh}') \g /dev/null
SELECT pg_temp.damage('a day is wrong in the mart', 'UPDATE retailscope.mart_daily_kpis SET returns_amount = returns_amount + 1,
    net_revenue = net_revenue - 1 WHERE date = (SELECT max(date) FROM retailscope.mart_daily_kpis)', '{mart_daily_net,mart_daily_wrong_days}') \g /dev/null
SELECT pg_temp.damage('two days whose errors cancel out', 'UPDATE retailscope.mart_daily_kpis AS k
    SET gross_revenue = gross_revenue + e.off, net_revenue = net_revenue + e.off
    FROM (SELECT min(date) AS date, 1 AS off FROM retailscope.mart_daily_kpis UNION ALL SELECT max(date), -1 FROM retailscope.mart_daily_kpis) AS e
    WHERE k.date = e.date', '{mart_daily_wrong_days}') \g /dev/null
SELECT pg_temp.damage('two customers whose errors cancel out', 'UPDATE retailscope.mart_customer_rfm AS m
    SET monetary = monetary + e.off, monetary_net = monetary_net + e.off
    FROM (SELECT min(customer_id) AS id, 1 AS off FROM retailscope.mart_customer_rfm UNION ALL SELECT max(customer_id), -1 FROM retailscope.mart_customer_rfm) AS e
    WHERE m.customer_id = e.id', '{mart_rfm_wrong_customers}') \g /dev/null
SELECT pg_temp.damage('a lake file that no batch knows', $$INSERT INTO retailscope.lake_file
    SELECT 'year=2020/month=01/x.parquet', max(batch_id), 2020, 1, 0, 0, 0, 0 FROM retailscope.etl_batch$$,
    '{lake_rows,lake_amount,lake_files_damaged,lake_files_registered}') \g /dev/null
SELECT pg_temp.damage('a customer is missing in the mart', 'DELETE FROM retailscope.mart_customer_rfm
    WHERE customer_id = (SELECT min(customer_id) FROM retailscope.mart_customer_rfm WHERE monetary_net > 0)',
    '{mart_rfm_customers,mart_rfm_monetary,mart_rfm_monetary_net,mart_rfm_wrong_customers}') \g /dev/null
SELECT pg_temp.damage('marts never refreshed', 'TRUNCATE retailscope.mart_state, retailscope.mart_customer_rfm, retailscope.mart_daily_kpis',
    '{marts_fresh}') \g /dev/null
SELECT damage, failing, failing IS NOT DISTINCT FROM expected AS ok FROM found;
DO $$ BEGIN
    IF EXISTS (SELECT FROM found WHERE failing IS DISTINCT FROM expected) THEN RAISE EXCEPTION 'a check saw too much or too little'; END IF;
END $$;
ROLLBACK;
\unset QUIET
