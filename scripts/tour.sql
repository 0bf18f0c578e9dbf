-- One page of what the warehouse knows after a load. Reads only.
\pset border 0
\pset footer off
\pset linestyle unicode
\pset null '-'

\echo
\echo == The batch: each line read is loaded, a duplicate or rejected, and so is the money
SELECT rows_read, rows_loaded, rows_duplicate, rows_rejected, amount_read, amount_loaded, amount_duplicate,
       first_date, last_date, extract(epoch FROM finished_at - started_at)::numeric(8, 1) AS seconds
FROM retailscope.etl_batch ORDER BY batch_id \gx

\echo == rs_data_quality(): what must tie does tie
SELECT check_name, expected, actual, ok FROM rs_data_quality();

\echo == Net revenue by month
SELECT to_char(date_trunc('month', date), 'YYYY-MM') AS month, sum(orders) AS orders,
       to_char(sum(net_revenue), '99G999G999D00') AS net_revenue,
       repeat('█', greatest(0, round(40 * sum(net_revenue) / max(sum(net_revenue)) OVER ()))::integer) AS " "
FROM retailscope.mart_daily_kpis GROUP BY date_trunc('month', date) ORDER BY date_trunc('month', date);

\echo == Top products by gross sales
SELECT p.stock_code, p.description, sum(f.quantity) AS units, to_char(sum(f.amount), '99G999G999D00') AS gross_sales
FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key)
WHERE f.line_kind = 'sale' AND p.is_merchandise
GROUP BY p.product_key, p.stock_code, p.description ORDER BY sum(f.amount) DESC LIMIT 8;

\echo == RFM segments: who they are, and what they bring
SELECT rfm_segment AS segment, count(*) AS customers,
       to_char(100 * count(*) / sum(count(*)) OVER (), '990D0') || ' %' AS of_customers,
       to_char(100 * sum(monetary) / sum(sum(monetary)) OVER (), '990D0') || ' %' AS of_revenue,
       round(avg(recency_days)) AS days_ago, round(avg(frequency), 1) AS orders_each
FROM retailscope.mart_customer_rfm GROUP BY rfm_segment ORDER BY sum(monetary) DESC;

\echo == The last trading days
SELECT date, gross_revenue, returns_amount, net_revenue, orders, customers, new_customers,
       round(average_order_value, 2) AS average_order_value
FROM (SELECT * FROM retailscope.mart_daily_kpis WHERE is_trading_day ORDER BY date DESC LIMIT 7) AS last_days
ORDER BY date;

\echo == The Parquet lake, as DuckDB, Spark or pyarrow read it
SELECT count(*) AS files, sum(rows) AS rows, pg_size_pretty(sum(bytes)) AS size, min(path) AS first, max(path) AS last,
       current_setting('retailscope.lake_dir', true) AS folder
FROM retailscope.lake_file \gx
