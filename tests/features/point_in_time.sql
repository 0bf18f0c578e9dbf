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
-- One customer after another, by sums, arrays and subqueries over the lines.
CREATE TEMP TABLE sold AS
SELECT f.customer_key, f.date, f.sold_at, f.invoice_no, f.product_key, f.quantity, f.amount
FROM retailscope.fact_sales AS f JOIN retailscope.dim_product USING (product_key)
WHERE is_merchandise AND line_kind = 'sale' AND date < :'as_of' AND customer_key <> 0;
CREATE INDEX ON sold (customer_key);
ANALYZE sold;
INSERT INTO result
SELECT 'customers: orders one by one', count(*),
       count(*) FILTER (WHERE (c.last_order_value, c.std_order_value, c.last_order_over_average, c.last_3_orders_over_average, c.weekend_share,
                               c.mean_hour, c.std_hour, c.orders_trend)
                        IS DISTINCT FROM (s.value[1], round(s.std, 4), round(s.value[1] / s.mean, 4),
                                          round((s.value[1] + coalesce(s.value[2], 0) + coalesce(s.value[3], 0)) / least(s.n, 3) / s.mean, 4),
                                          round(s.weekend, 6), round(s.hour, 4), round(s.hour_std, 4), s.trend))
FROM c JOIN retailscope.dim_customer AS k USING (customer_id), LATERAL (
    SELECT count(*) AS n, array_agg(o.value ORDER BY o.at DESC, o.invoice_no COLLATE "C" DESC) AS value, avg(o.value) AS mean,
           stddev_samp(o.value) AS std, avg(CASE WHEN to_char(o.at, 'ID') IN ('6', '7') THEN 1.0 ELSE 0 END) AS weekend,
           avg(o.hour) AS hour, stddev_samp(o.hour) AS hour_std,
           sum(CASE WHEN o.at >= :'as_of'::date - 90 THEN 1 WHEN o.at >= :'as_of'::date - 180 THEN -1 ELSE 0 END) AS trend
    FROM (SELECT l.invoice_no, max(l.sold_at) AS at, sum(l.amount) AS value,
                 to_char(max(l.sold_at), 'HH24')::numeric + to_char(max(l.sold_at), 'MI')::numeric / 60
                     + to_char(max(l.sold_at), 'SS')::numeric / 3600 AS hour
          FROM sold AS l WHERE l.customer_key = k.customer_key GROUP BY l.invoice_no) AS o) AS s;
INSERT INTO result
SELECT 'customers: days one by one', count(*),
       count(*) FILTER (WHERE (c.std_gap_days, c.max_gap_days, c.last_gap_days, c.recency_over_max_gap, c.recency_over_tenure,
                               c.active_months, c.active_months_share)
                        IS DISTINCT FROM (round(s.std, 4), s.longest, s.gap[cardinality(s.gap)], round(1.0 * c.recency_days / s.longest, 4),
                                          round(1.0 * c.recency_days / c.tenure_days, 6), s.months, round(1.0 * s.months / s.span, 6)))
FROM c JOIN retailscope.dim_customer AS k USING (customer_id), LATERAL (
    SELECT stddev_samp(x.gap) AS std, max(x.gap) AS longest, array_agg(x.gap ORDER BY x.date) FILTER (WHERE x.gap IS NOT NULL) AS gap,
           count(DISTINCT to_char(x.date, 'YYYY-MM')) AS months,
           (SELECT count(*) FROM generate_series(date_trunc('month', min(x.date)), :'as_of'::date - 1, '1 month')) AS span
    FROM (SELECT d.date, d.date - (SELECT max(b.date) FROM sold AS b WHERE b.customer_key = k.customer_key AND b.date < d.date) AS gap
          FROM (SELECT DISTINCT l.date FROM sold AS l WHERE l.customer_key = k.customer_key) AS d) AS x) AS s;
INSERT INTO result
SELECT 'customers: goods one by one', count(*),
       count(*) FILTER (WHERE (c.lines, c.units, c.units_per_order, c.products_per_order, c.average_unit_price, c.variety, c.top_product_share,
                               c.spend_90_share, c.relative_spend_trend, c.return_invoices, c.returns_180)
                        IS DISTINCT FROM (s.lines, s.units, round(s.units / c.frequency, 4), round(1.0 * s.products / c.frequency, 4),
                                          round(s.amount / s.units, 4), round(1.0 * s.products / s.lines, 6), round(s.top / s.amount, 6),
                                          round(c.spend_90 / s.amount, 6), round(c.spend_trend / nullif(c.spend_180, 0), 6),
                                          r.invoices, r.recent))
FROM c JOIN retailscope.dim_customer AS k USING (customer_id), LATERAL (
    SELECT count(*) AS lines, sum(l.quantity) AS units, sum(l.amount) AS amount, count(DISTINCT l.product_key) AS products,
           (SELECT sum(b.amount) FROM sold AS b WHERE b.customer_key = k.customer_key GROUP BY b.product_key ORDER BY 1 DESC LIMIT 1) AS top
    FROM sold AS l WHERE l.customer_key = k.customer_key) AS s, LATERAL (
    SELECT count(DISTINCT l.invoice_no) AS invoices, coalesce(-sum(l.amount) FILTER (WHERE l.date >= :'as_of'::date - 180), 0) AS recent
    FROM line AS l WHERE l.customer_key = k.customer_key AND NOT l.sold) AS r;
-- The label, of as many days as are observed.
SELECT least(90, max(date) + 1 - :'as_of'::date) AS days FROM retailscope.fact_sales \gset
CREATE TEMP TABLE churn AS SELECT * FROM rs_churn_frame(:'as_of', :days);
INSERT INTO result
SELECT 'churn: no sale in the days from as_of on', count(*),
       count(*) FILTER (WHERE churned IS NOT DISTINCT FROM (customer_id IN (
           SELECT customer_id
           FROM retailscope.fact_sales JOIN retailscope.dim_product USING (product_key) JOIN retailscope.dim_customer USING (customer_key)
           WHERE is_merchandise AND line_kind = 'sale' AND date >= :'as_of' AND date - :'as_of'::date < :days)))
FROM churn;
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
-- What would give the label away: from as_of on, lines of other kinds of all who leave, and of nobody else.
INSERT INTO retailscope.fact_sales (date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price, amount, line_kind, batch_id,
                                    country, line_hash)
SELECT :'as_of'::date + n, :'as_of'::date + n, k.customer_key, f.product_key, 'planted ' || customer_id, -9, 99, -891, kind, f.batch_id,
       'Elsewhere', gen_random_uuid()
FROM churn JOIN retailscope.dim_customer AS k USING (customer_id)
CROSS JOIN (SELECT product_key, batch_id FROM retailscope.fact_sales LIMIT 1) AS f
CROSS JOIN unnest('{return,fee,free}'::text[]) AS kind CROSS JOIN generate_series(0, least(:days - 1, 20), 10) AS n
WHERE churned;
INSERT INTO result
SELECT 'churn: the label is planted in the future', (SELECT count(*) FROM retailscope.fact_sales WHERE invoice_no LIKE 'planted %'), count(*)
FROM (TABLE churn EXCEPT SELECT * FROM rs_churn_frame(:'as_of', :days)) AS x;
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
