-- Features: what was known before a day, and nothing later.

CREATE FUNCTION @extschema@.rs_customer_features(as_of date)
RETURNS TABLE(
    customer_id text, recency_days integer, frequency bigint, monetary numeric, monetary_net numeric, tenure_days integer,
    average_order_value numeric, mean_gap_days numeric, recency_over_gap numeric,
    orders_30 bigint, orders_90 bigint, orders_180 bigint, orders_365 bigint,
    spend_30 numeric, spend_90 numeric, spend_180 numeric, spend_365 numeric, spend_trend numeric,
    units numeric, distinct_products bigint, returns_amount numeric, returns_share numeric, country text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
-- Compiling takes seconds in which no cancel is heard, and saves none.
SET jit = off
AS $body$
    WITH invoices AS MATERIALIZED (
        SELECT f.customer_key, f.date, f.invoice_no, f.country, max(f.sold_at) AS seen,
               sum(f.amount) FILTER (WHERE f.line_kind = 'sale' AND p.is_merchandise) AS gross,
               sum(f.quantity) FILTER (WHERE f.line_kind = 'sale' AND p.is_merchandise) AS units,
               -sum(f.amount) FILTER (WHERE f.line_kind = 'return' AND p.is_merchandise) AS returned
        FROM retailscope.fact_sales AS f
        JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
        WHERE f.customer_key <> 0 AND f.date < $1
        GROUP BY f.customer_key, f.date, f.invoice_no, f.country
    ),
    orders AS (
        -- An invoice is one order also where it bears two times or two countries; it counts for its newest day.
        SELECT i.customer_key, i.invoice_no, max(i.date) AS date
        FROM invoices AS i
        WHERE i.gross IS NOT NULL
        GROUP BY i.customer_key, i.invoice_no
    ),
    counts AS (
        SELECT o.customer_key, count(*) AS orders,
               count(*) FILTER (WHERE o.date >= $1 - 30) AS orders_30,
               count(*) FILTER (WHERE o.date >= $1 - 90) AS orders_90,
               count(*) FILTER (WHERE o.date >= $1 - 180) AS orders_180,
               count(*) FILTER (WHERE o.date >= $1 - 365) AS orders_365
        FROM orders AS o
        GROUP BY o.customer_key
    ),
    totals AS (
        SELECT i.customer_key,
               min(i.date) FILTER (WHERE i.gross IS NOT NULL) AS first_sale,
               max(i.date) FILTER (WHERE i.gross IS NOT NULL) AS last_sale,
               count(DISTINCT i.date) FILTER (WHERE i.gross IS NOT NULL) AS order_days,
               sum(i.gross) AS gross,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 30), 0) AS spend_30,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 90), 0) AS spend_90,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 180), 0) AS spend_180,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 365), 0) AS spend_365,
               sum(i.units) AS units,
               coalesce(sum(i.returned), 0) AS returned
        FROM invoices AS i
        GROUP BY i.customer_key
        HAVING count(i.gross) > 0
    ),
    products AS (
        SELECT d.customer_key, count(*) AS distinct_products
        FROM (SELECT DISTINCT f.customer_key, f.product_key
              FROM retailscope.fact_sales AS f
              WHERE f.line_kind = 'sale' AND f.customer_key <> 0 AND f.date < $1) AS d
        JOIN retailscope.dim_product AS p ON p.product_key = d.product_key AND p.is_merchandise
        GROUP BY d.customer_key
    ),
    countries AS (
        -- Where the customer was last seen before that day: dim_customer may know of a later move.
        SELECT DISTINCT ON (i.customer_key) i.customer_key, i.country
        FROM invoices AS i
        ORDER BY i.customer_key, i.seen DESC, i.country COLLATE "C"
    ),
    gaps AS (
        SELECT t.*, $1 - t.last_sale AS recency,
               CASE WHEN t.order_days > 1 THEN (t.last_sale - t.first_sale)::numeric / (t.order_days - 1) END AS gap
        FROM totals AS t
    )
    SELECT c.customer_id, g.recency, n.orders, g.gross, g.gross - g.returned, $1 - g.first_sale,
           round(g.gross / n.orders, 4), round(g.gap, 4), round(g.recency / g.gap, 4),
           n.orders_30, n.orders_90, n.orders_180, n.orders_365,
           g.spend_30, g.spend_90, g.spend_180, g.spend_365, g.spend_90 - (g.spend_180 - g.spend_90),
           g.units, p.distinct_products, g.returned, round(g.returned / nullif(g.gross, 0), 6), o.country
    FROM gaps AS g
    JOIN counts AS n ON n.customer_key = g.customer_key
    JOIN products AS p ON p.customer_key = g.customer_key
    JOIN countries AS o ON o.customer_key = g.customer_key
    JOIN retailscope.dim_customer AS c ON c.customer_key = g.customer_key
    ORDER BY c.customer_id COLLATE "C"
$body$;

COMMENT ON FUNCTION @extschema@.rs_customer_features(date) IS
'Features of every known customer with a merchandise sale before as_of, from facts before as_of alone. '
'recency_days, tenure_days: from the last and the first sale to as_of. frequency: invoices with a sale. monetary: gross sales; '
'monetary_net: less returns. average_order_value: monetary / frequency. mean_gap_days: mean days between days with orders; '
'recency_over_gap: recency_days over it (both NULL with one such day). orders_N, spend_N: of the last N days. '
'spend_trend: spend of the last 90 days minus that of the 90 days before. units, distinct_products: sold. '
'returns_amount, returns_share: returned goods, and their share of monetary. country: where last seen before as_of.';

CREATE FUNCTION @extschema@.rs_daily_features(as_of date DEFAULT NULL)
RETURNS TABLE(
    date date, revenue numeric, orders bigint, units numeric, customers bigint, is_trading_day boolean,
    year integer, month integer, week integer, day_of_week integer, day_of_year integer, is_weekend boolean,
    lag_1 numeric, lag_2 numeric, lag_3 numeric, lag_7 numeric, lag_14 numeric, lag_21 numeric, lag_28 numeric, lag_364 numeric,
    rolling_mean_7 numeric, rolling_std_7 numeric, rolling_min_7 numeric, rolling_max_7 numeric,
    rolling_mean_14 numeric, rolling_std_14 numeric, rolling_min_14 numeric, rolling_max_14 numeric,
    rolling_mean_28 numeric, rolling_std_28 numeric, rolling_min_28 numeric, rolling_max_28 numeric,
    rolling_mean_90 numeric, rolling_std_90 numeric, rolling_min_90 numeric, rolling_max_90 numeric,
    trading_days_28 bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
-- Compiling takes seconds in which no cancel is heard, and saves none.
SET jit = off
AS $body$
    WITH days AS MATERIALIZED (
        -- All facts make the calendar; only merchandise sales make the figures.
        SELECT f.date, f.customer_key, f.invoice_no,
               sum(f.amount) FILTER (WHERE f.line_kind = 'sale' AND p.is_merchandise) AS gross,
               sum(f.quantity) FILTER (WHERE f.line_kind = 'sale' AND p.is_merchandise) AS units
        FROM retailscope.fact_sales AS f
        JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
        WHERE $1 IS NULL OR f.date < $1
        GROUP BY f.date, f.customer_key, f.invoice_no
    ),
    totals AS (
        SELECT d.date, coalesce(sum(d.gross), 0) AS revenue, coalesce(sum(d.units), 0) AS units,
               count(DISTINCT d.invoice_no COLLATE "C") FILTER (WHERE d.gross IS NOT NULL) AS orders,
               count(DISTINCT d.customer_key) FILTER (WHERE d.gross IS NOT NULL AND d.customer_key <> 0) AS customers
        FROM days AS d
        GROUP BY d.date
    ),
    series AS (
        SELECT c.date, c.n, coalesce(t.revenue, 0) AS revenue, coalesce(t.orders, 0) AS orders, coalesce(t.units, 0) AS units,
               coalesce(t.customers, 0) AS customers, coalesce(t.orders, 0) > 0 AS is_trading_day
        FROM (SELECT b.first + k - 1 AS date, k AS n
              FROM (SELECT min(a.date) AS first, coalesce($1 - 1, max(a.date)) AS last FROM totals AS a) AS b,
                   generate_series(1, b.last - b.first + 1) AS k) AS c
        LEFT JOIN totals AS t ON t.date = c.date
    )
    SELECT s.date, s.revenue, s.orders, s.units, s.customers, s.is_trading_day,
           extract(year FROM s.date)::integer, extract(month FROM s.date)::integer, extract(week FROM s.date)::integer,
           extract(isodow FROM s.date)::integer, extract(doy FROM s.date)::integer, extract(isodow FROM s.date) >= 6,
           lag(s.revenue, 1) OVER days, lag(s.revenue, 2) OVER days, lag(s.revenue, 3) OVER days, lag(s.revenue, 7) OVER days,
           lag(s.revenue, 14) OVER days, lag(s.revenue, 21) OVER days, lag(s.revenue, 28) OVER days,
           lag(s.revenue, 364) OVER days,
           CASE WHEN s.n > 7 THEN round(avg(s.revenue) OVER last_7, 4) END,
           CASE WHEN s.n > 7 THEN round(stddev_samp(s.revenue) OVER last_7, 4) END,
           CASE WHEN s.n > 7 THEN min(s.revenue) OVER last_7 END, CASE WHEN s.n > 7 THEN max(s.revenue) OVER last_7 END,
           CASE WHEN s.n > 14 THEN round(avg(s.revenue) OVER last_14, 4) END,
           CASE WHEN s.n > 14 THEN round(stddev_samp(s.revenue) OVER last_14, 4) END,
           CASE WHEN s.n > 14 THEN min(s.revenue) OVER last_14 END, CASE WHEN s.n > 14 THEN max(s.revenue) OVER last_14 END,
           CASE WHEN s.n > 28 THEN round(avg(s.revenue) OVER last_28, 4) END,
           CASE WHEN s.n > 28 THEN round(stddev_samp(s.revenue) OVER last_28, 4) END,
           CASE WHEN s.n > 28 THEN min(s.revenue) OVER last_28 END, CASE WHEN s.n > 28 THEN max(s.revenue) OVER last_28 END,
           CASE WHEN s.n > 90 THEN round(avg(s.revenue) OVER last_90, 4) END,
           CASE WHEN s.n > 90 THEN round(stddev_samp(s.revenue) OVER last_90, 4) END,
           CASE WHEN s.n > 90 THEN min(s.revenue) OVER last_90 END, CASE WHEN s.n > 90 THEN max(s.revenue) OVER last_90 END,
           CASE WHEN s.n > 28 THEN count(*) FILTER (WHERE s.is_trading_day) OVER last_28 END
    FROM series AS s
    WINDOW days AS (ORDER BY s.date),
           last_7 AS (ORDER BY s.date ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING),
           last_14 AS (ORDER BY s.date ROWS BETWEEN 14 PRECEDING AND 1 PRECEDING),
           last_28 AS (ORDER BY s.date ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING),
           last_90 AS (ORDER BY s.date ROWS BETWEEN 90 PRECEDING AND 1 PRECEDING)
    ORDER BY s.date
$body$;

COMMENT ON FUNCTION @extschema@.rs_daily_features(date) IS
'The daily series from the first fact to the day before as_of (default: to the newest fact), days without a sale included. '
'revenue: gross merchandise sales; orders, units, customers (known ones), is_trading_day: of the same lines. year, month, week (ISO), '
'day_of_week (ISO 1 to 7), day_of_year, is_weekend. lag_N: revenue N days before. rolling_mean_N, _std_N (sample), _min_N, '
'_max_N: revenue of the N days before the day, the day itself not among them. trading_days_28: trading days among the 28 before. '
'NULL where the series is too young.';
