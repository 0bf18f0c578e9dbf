-- Features: what was known before a day, and nothing later.

-- The text of the first function is also run for one customer, by putting a condition in the place of two comments, and on
-- another table in the place of the facts, to verify a model's training data.
CREATE FUNCTION @extschema@.rs_customer_features(as_of date)
RETURNS TABLE(
    customer_id text, recency_days integer, frequency bigint, monetary numeric, monetary_net numeric, tenure_days integer,
    average_order_value numeric, mean_gap_days numeric, recency_over_gap numeric,
    orders_30 bigint, orders_90 bigint, orders_180 bigint, orders_365 bigint,
    spend_30 numeric, spend_90 numeric, spend_180 numeric, spend_365 numeric, spend_trend numeric,
    units numeric, distinct_products bigint, returns_amount numeric, returns_share numeric, country text,
    last_order_value numeric, std_order_value numeric, last_order_over_average numeric, last_3_orders_over_average numeric,
    orders_trend bigint, relative_spend_trend numeric, spend_90_share numeric,
    std_gap_days numeric, max_gap_days integer, last_gap_days integer, recency_over_max_gap numeric, recency_over_tenure numeric,
    lines bigint, units_per_order numeric, products_per_order numeric, average_unit_price numeric, variety numeric,
    return_invoices bigint, returns_180 numeric, weekend_share numeric, mean_hour numeric, std_hour numeric,
    active_months bigint, active_months_share numeric, top_product_share numeric)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
-- Compiling takes seconds in which no cancel is heard, and saves none.
SET jit = off
AS $body$
    WITH not_goods AS MATERIALIZED (
        -- Few products: to ask whether a line is of one of them is cheaper than a join to all products.
        SELECT p.product_key
        FROM retailscope.dim_product AS p
        WHERE NOT p.is_merchandise
    ),
    invoices AS MATERIALIZED (
        SELECT l.customer_key, l.date, l.invoice_no, l.country, max(l.sold_at) AS seen,
               max(l.sold_at) FILTER (WHERE l.kind = 'sale') AS sold_at,
               sum(l.amount) FILTER (WHERE l.kind = 'sale') AS gross,
               sum(l.quantity) FILTER (WHERE l.kind = 'sale') AS units,
               -sum(l.amount) FILTER (WHERE l.kind = 'return') AS returned
        FROM (SELECT f.customer_key, f.date, f.invoice_no, f.country, f.sold_at, f.amount, f.quantity,
                     CASE WHEN f.product_key NOT IN (SELECT n.product_key FROM not_goods AS n) THEN f.line_kind END AS kind
              FROM retailscope.fact_sales AS f
              WHERE f.customer_key <> 0 AND f.date < $1 /* and one customer */
              -- Keeps the query around it from asking this anew for each of its sums.
              OFFSET 0) AS l
        GROUP BY l.customer_key, l.date, l.invoice_no, l.country
    ),
    totals AS (
        SELECT i.customer_key, sum(i.gross) AS gross,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 30), 0) AS spend_30,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 90), 0) AS spend_90,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 180), 0) AS spend_180,
               coalesce(sum(i.gross) FILTER (WHERE i.date >= $1 - 365), 0) AS spend_365,
               sum(i.units) AS units,
               coalesce(sum(i.returned), 0) AS returned,
               coalesce(sum(i.returned) FILTER (WHERE i.date >= $1 - 180), 0) AS returned_180,
               count(DISTINCT i.invoice_no COLLATE "C") FILTER (WHERE i.returned IS NOT NULL) AS return_invoices
        FROM invoices AS i
        GROUP BY i.customer_key
        HAVING count(i.gross) > 0
    ),
    orders AS (
        -- An invoice is one order also where it bears two times or two countries; it counts for its newest day.
        SELECT i.customer_key, i.invoice_no, max(i.date) AS date, max(i.sold_at) AS sold_at, sum(i.gross) AS value
        FROM invoices AS i
        WHERE i.gross IS NOT NULL
        GROUP BY i.customer_key, i.invoice_no
    ),
    ranked AS (
        SELECT o.customer_key, o.date, o.value, extract(epoch FROM o.sold_at::time)::numeric / 3600 AS hour,
               row_number() OVER (PARTITION BY o.customer_key
                                  ORDER BY o.date DESC, o.sold_at DESC, o.invoice_no COLLATE "C" DESC) AS nth_newest
        FROM orders AS o
    ),
    habits AS (
        SELECT r.customer_key, count(*) AS orders,
               count(*) FILTER (WHERE r.date >= $1 - 30) AS orders_30,
               count(*) FILTER (WHERE r.date >= $1 - 90) AS orders_90,
               count(*) FILTER (WHERE r.date >= $1 - 180) AS orders_180,
               count(*) FILTER (WHERE r.date >= $1 - 365) AS orders_365,
               max(r.value) FILTER (WHERE r.nth_newest = 1) AS last_value,
               avg(r.value) FILTER (WHERE r.nth_newest <= 3) AS last_3_mean,
               stddev_samp(r.value) AS std_value,
               count(*) FILTER (WHERE extract(isodow FROM r.date) >= 6) AS weekend_orders,
               avg(r.hour) AS mean_hour, stddev_samp(r.hour) AS std_hour
        FROM ranked AS r
        GROUP BY r.customer_key
    ),
    days AS (
        SELECT d.customer_key, d.date, d.date - lag(d.date) OVER by_date AS gap, lead(d.date) OVER by_date IS NULL AS is_last
        FROM (SELECT DISTINCT i.customer_key, i.date FROM invoices AS i WHERE i.gross IS NOT NULL) AS d
        WINDOW by_date AS (PARTITION BY d.customer_key ORDER BY d.date)
    ),
    cadence AS (
        SELECT d.customer_key, $1 - max(d.date) AS recency, $1 - min(d.date) AS tenure,
               avg(d.gap) AS mean_gap, stddev_samp(d.gap) AS std_gap, max(d.gap) AS max_gap,
               max(d.gap) FILTER (WHERE d.is_last) AS last_gap,
               count(DISTINCT date_trunc('month', d.date::timestamp)) AS active_months,
               -- The calendar months from that of the first sale to that of the day before $1.
               (extract(year FROM $1 - 1) - extract(year FROM min(d.date))) * 12
                   + extract(month FROM $1 - 1) - extract(month FROM min(d.date)) + 1 AS months
        FROM days AS d
        GROUP BY d.customer_key
    ),
    products AS (
        SELECT s.customer_key, count(*) AS distinct_products, sum(s.lines)::bigint AS lines, max(s.amount) AS top_amount
        FROM (SELECT l.customer_key, l.product_key, count(*)::integer AS lines, sum(l.amount) AS amount
              -- Sorted first: a hash table of half a million sums takes more memory and more time.
              FROM (SELECT f.customer_key, f.product_key, f.amount
                    FROM retailscope.fact_sales AS f
                    WHERE f.customer_key <> 0 AND f.date < $1 /* and one customer */
                      AND f.line_kind = 'sale' AND f.product_key NOT IN (SELECT n.product_key FROM not_goods AS n)
                    ORDER BY f.customer_key, f.product_key) AS l
              GROUP BY l.customer_key, l.product_key) AS s
        GROUP BY s.customer_key
    ),
    countries AS (
        -- Where the customer was last seen before that day: dim_customer may know of a later move.
        SELECT DISTINCT ON (i.customer_key) i.customer_key, i.country
        FROM invoices AS i
        ORDER BY i.customer_key, i.seen DESC, i.country COLLATE "C"
    )
    SELECT k.customer_id, c.recency, h.orders, t.gross, t.gross - t.returned, c.tenure,
           round(t.gross / h.orders, 4), round(c.mean_gap, 4), round(c.recency / c.mean_gap, 4),
           h.orders_30, h.orders_90, h.orders_180, h.orders_365,
           t.spend_30, t.spend_90, t.spend_180, t.spend_365, t.spend_90 - (t.spend_180 - t.spend_90),
           t.units, p.distinct_products, t.returned, round(t.returned / nullif(t.gross, 0), 6), o.country,
           h.last_value, round(h.std_value, 4), round(h.last_value * h.orders / nullif(t.gross, 0), 4),
           round(h.last_3_mean * h.orders / nullif(t.gross, 0), 4),
           h.orders_90 - (h.orders_180 - h.orders_90),
           round((t.spend_90 - (t.spend_180 - t.spend_90)) / nullif(t.spend_180, 0), 6), round(t.spend_90 / nullif(t.gross, 0), 6),
           round(c.std_gap, 4), c.max_gap, c.last_gap, round(c.recency::numeric / c.max_gap, 4),
           round(c.recency::numeric / c.tenure, 6),
           p.lines, round(t.units / h.orders, 4), round(p.distinct_products::numeric / h.orders, 4),
           round(t.gross / nullif(t.units, 0), 4), round(p.distinct_products::numeric / p.lines, 6),
           t.return_invoices, t.returned_180, round(h.weekend_orders::numeric / h.orders, 6),
           round(h.mean_hour, 4), round(h.std_hour, 4),
           c.active_months, round(c.active_months / c.months::numeric, 6), round(p.top_amount / nullif(t.gross, 0), 6)
    FROM totals AS t
    JOIN habits AS h ON h.customer_key = t.customer_key
    JOIN cadence AS c ON c.customer_key = t.customer_key
    JOIN products AS p ON p.customer_key = t.customer_key
    JOIN countries AS o ON o.customer_key = t.customer_key
    JOIN retailscope.dim_customer AS k ON k.customer_key = t.customer_key
    ORDER BY k.customer_id COLLATE "C"
$body$;

COMMENT ON FUNCTION @extschema@.rs_customer_features(date) IS
'Features of every known customer with a merchandise sale before as_of, from facts before as_of alone. '
'recency_days, tenure_days: from the last and the first sale to as_of. frequency: invoices with a sale (orders). '
'monetary: gross sales; monetary_net: less returns. average_order_value: monetary / frequency; std_order_value: its spread; '
'last_order_value: of the newest order; last_order_over_average, last_3_orders_over_average: that, and the mean of the newest '
'three, over the average. mean_gap_days, std_gap_days, max_gap_days, last_gap_days: days between days with orders; '
'recency_over_gap, recency_over_max_gap: recency_days over their mean and their longest; recency_over_tenure. '
'orders_N, spend_N: of the last N days. orders_trend, spend_trend: of the last 90 days minus that of the 90 days before; '
'relative_spend_trend: over spend_180; spend_90_share: of monetary. units, lines, distinct_products: sold; units_per_order, '
'products_per_order: over frequency; average_unit_price: monetary / units; variety: distinct_products / lines; '
'top_product_share: of the product with the largest sales in monetary. returns_amount, returns_share, returns_180: returned '
'goods, their share of monetary, those of the last 180 days; return_invoices. weekend_share: of orders; mean_hour, std_hour: '
'time of day of the orders. active_months: calendar months with a sale; active_months_share: of those from the first sale to '
'as_of. country: where last seen before as_of. NULL: the gaps and what is over them with one day of orders, std_gap_days also '
'with two, std_order_value and std_hour with one order, relative_spend_trend without a sale in 180 days, and a ratio whose '
'denominator is 0. Spreads are of a sample.';

CREATE FUNCTION @extschema@.rs_daily_features(as_of date DEFAULT NULL, region text DEFAULT NULL)
RETURNS TABLE(
    date date, revenue numeric, orders bigint, units numeric, customers bigint, is_trading_day boolean,
    year integer, month integer, week integer, day_of_week integer, day_of_year integer, is_weekend boolean,
    lag_1 numeric, lag_2 numeric, lag_3 numeric, lag_7 numeric, lag_14 numeric, lag_21 numeric, lag_28 numeric, lag_364 numeric,
    rolling_mean_7 numeric, rolling_std_7 numeric, rolling_min_7 numeric, rolling_max_7 numeric,
    rolling_mean_14 numeric, rolling_std_14 numeric, rolling_min_14 numeric, rolling_max_14 numeric,
    rolling_mean_28 numeric, rolling_std_28 numeric, rolling_min_28 numeric, rolling_max_28 numeric,
    rolling_mean_90 numeric, rolling_std_90 numeric, rolling_min_90 numeric, rolling_max_90 numeric,
    trading_days_28 bigint, is_holiday boolean, days_to_holiday integer, days_from_holiday integer)
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
    ),
    holidays AS (
        SELECT array_agg(DISTINCT h.date ORDER BY h.date) AS days
        FROM retailscope.holiday AS h
        WHERE $2 IS NULL OR h.region = $2
    ),
    around AS (
        -- How many holidays the day has behind it, itself among them: where the last one is in the list.
        SELECT s.*, h.days[b.behind] AS last_holiday, h.days[b.behind + 1] AS next_holiday
        FROM series AS s
        CROSS JOIN holidays AS h
        CROSS JOIN LATERAL (SELECT width_bucket(s.date, h.days) AS behind) AS b
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
           CASE WHEN s.n > 28 THEN count(*) FILTER (WHERE s.is_trading_day) OVER last_28 END,
           coalesce(s.last_holiday = s.date, false),
           CASE WHEN s.last_holiday = s.date THEN 0 ELSE s.next_holiday - s.date END, s.date - s.last_holiday
    FROM around AS s
    WINDOW days AS (ORDER BY s.date),
           last_7 AS (ORDER BY s.date ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING),
           last_14 AS (ORDER BY s.date ROWS BETWEEN 14 PRECEDING AND 1 PRECEDING),
           last_28 AS (ORDER BY s.date ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING),
           last_90 AS (ORDER BY s.date ROWS BETWEEN 90 PRECEDING AND 1 PRECEDING)
    ORDER BY s.date
$body$;

COMMENT ON FUNCTION @extschema@.rs_daily_features(date, text) IS
'The daily series from the first fact to the day before as_of (default: to the newest fact), days without a sale included. '
'revenue: gross merchandise sales; orders, units, customers (known ones), is_trading_day: of the same lines. year, month, week (ISO), '
'day_of_week (ISO 1 to 7), day_of_year, is_weekend. lag_N: revenue N days before. rolling_mean_N, _std_N (sample), _min_N, '
'_max_N: revenue of the N days before the day, the day itself not among them. trading_days_28: trading days among the 28 before. '
'is_holiday, days_to_holiday (the next one), days_from_holiday (the last one; both 0 on one): by retailscope.holiday, of the region or of all of them, NULL without one. '
'NULL where the series is too young.';
