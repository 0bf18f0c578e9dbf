-- Features know nothing of what came later, and equal a second computation. Runs in a transaction on a filled warehouse, rolls back.
--
--   psql -X -v ON_ERROR_STOP=1 -v ext=public -v as_of=2011-06-12 -f tests/features/point_in_time.sql
\if :{?ext} \else \set ext public \endif
\if :{?as_of} \else \set as_of 2011-06-12 \endif
\set QUIET on
SELECT set_config('search_path', 'pg_catalog, ' || quote_ident(:'ext') || ', pg_temp', false) \g /dev/null
BEGIN;
SET LOCAL session_replication_role = replica;
SELECT rs_refresh_marts(:'as_of') \g /dev/null
CREATE TEMP TABLE result (what text, n bigint, wrong bigint);
CREATE TEMP TABLE c AS SELECT * FROM rs_customer_features(:'as_of');
CREATE TEMP TABLE d AS SELECT * FROM rs_daily_features(:'as_of');
-- Another way to the same figures: the mart for what it has, plain sums over the lines for the rest.
CREATE TEMP TABLE line AS
SELECT f.customer_key, f.date, f.invoice_no, f.product_key, f.amount, f.line_kind = 'sale' AS sold
FROM retailscope.fact_sales AS f JOIN retailscope.dim_product USING (product_key)
WHERE is_merchandise AND line_kind IN ('sale', 'return') AND date < :'as_of' AND customer_key <> 0;
CREATE INDEX ON line (customer_key);
ANALYZE line;
INSERT INTO result
SELECT 'customers: as in the mart', count(*),
       count(*) FILTER (WHERE (c.recency_days, c.frequency, c.monetary, c.monetary_net, c.tenure_days) IS DISTINCT FROM
                              (m.recency_days, m.frequency, m.monetary, m.monetary_net, :'as_of'::date - m.first_sale_date))
FROM c FULL JOIN retailscope.mart_customer_rfm AS m USING (customer_id);
INSERT INTO result
SELECT 'customers: as summed from lines', count(*),
       count(*) FILTER (WHERE (c.orders_90, c.spend_90, c.spend_trend, c.distinct_products, c.returns_amount, c.mean_gap_days)
                        IS DISTINCT FROM (s.orders_90, s.spend_90, s.spend_90 - s.spend_before, s.products, s.returned, s.gap))
FROM c JOIN retailscope.dim_customer AS k USING (customer_id), LATERAL (
    SELECT count(DISTINCT invoice_no) FILTER (WHERE sold AND date >= :'as_of'::date - 90) AS orders_90,
           coalesce(sum(amount) FILTER (WHERE sold AND date >= :'as_of'::date - 90), 0) AS spend_90,
           coalesce(sum(amount) FILTER (WHERE sold AND date >= :'as_of'::date - 180 AND date < :'as_of'::date - 90), 0) AS spend_before,
           count(DISTINCT product_key) FILTER (WHERE sold) AS products,
           coalesce(-sum(amount) FILTER (WHERE NOT sold), 0) AS returned,
           (SELECT round(avg(g.gap), 4)
            FROM (SELECT y.date - lag(y.date) OVER (ORDER BY y.date) AS gap
                  FROM (SELECT DISTINCT l.date FROM line AS l WHERE l.customer_key = k.customer_key AND sold) AS y) AS g) AS gap
    FROM line WHERE line.customer_key = k.customer_key) AS s;
INSERT INTO result
SELECT 'days: as in the mart', count(*),
       count(*) FILTER (WHERE (d.revenue, d.orders, d.units, d.customers, d.is_trading_day) IS DISTINCT FROM
                              (m.gross_revenue, m.orders, m.units, m.customers, m.is_trading_day))
FROM d JOIN retailscope.mart_daily_kpis AS m USING (date);
INSERT INTO result
SELECT 'days: the 28 before', count(*),
       count(*) FILTER (WHERE (d.rolling_mean_28, d.rolling_std_28, d.rolling_min_28, d.rolling_max_28, d.trading_days_28)
                        IS DISTINCT FROM (CASE WHEN s.n = 28 THEN s.mean END, CASE WHEN s.n = 28 THEN s.std END,
                                          CASE WHEN s.n = 28 THEN s.low END, CASE WHEN s.n = 28 THEN s.high END,
                                          CASE WHEN s.n = 28 THEN s.trading END)
                           OR d.lag_28 IS DISTINCT FROM (SELECT b.revenue FROM d AS b WHERE b.date = d.date - 28)
                           OR d.lag_364 IS DISTINCT FROM (SELECT b.revenue FROM d AS b WHERE b.date = d.date - 364))
FROM d, LATERAL (SELECT count(*) AS n, round(avg(revenue), 4) AS mean, round(stddev_samp(revenue), 4) AS std, min(revenue) AS low,
                        max(revenue) AS high, count(*) FILTER (WHERE b.is_trading_day) AS trading
                 FROM d AS b WHERE b.date BETWEEN d.date - 28 AND d.date - 1) AS s;
-- The future becomes nonsense, then goes; customers move.
UPDATE retailscope.fact_sales SET quantity = 1000000000, amount = 1000000000 * unit_price WHERE date >= :'as_of';
UPDATE retailscope.dim_customer SET country = 'Elsewhere', last_sale_date = NULL;
INSERT INTO result SELECT 'customers: the future is nonsense', 1, count(*) FROM (SELECT * FROM c EXCEPT SELECT * FROM rs_customer_features(:'as_of')) AS x;
INSERT INTO result SELECT 'days: the future is nonsense', 1, count(*) FROM (SELECT * FROM d EXCEPT SELECT * FROM rs_daily_features(:'as_of')) AS x;
DELETE FROM retailscope.fact_sales WHERE date >= :'as_of';
INSERT INTO result SELECT 'customers: there is no future', 1, count(*) FROM (SELECT * FROM rs_customer_features(:'as_of') EXCEPT SELECT * FROM c) AS x;
INSERT INTO result SELECT 'days: there is no future', 1, count(*) FROM (SELECT * FROM rs_daily_features(:'as_of') EXCEPT SELECT * FROM d) AS x;
SELECT * FROM result;
DO $$ BEGIN
    IF EXISTS (SELECT FROM result WHERE wrong <> 0 OR n = 0) THEN RAISE EXCEPTION 'features are wrong'; END IF;
END $$;
ROLLBACK;
\unset QUIET
