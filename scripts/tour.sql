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

\echo == Churn: the model that serves, on later days that it has never seen, against recency alone
SELECT m.algorithm, m.training_rows, to_char(m.as_of, 'YYYY-MM-DD') AS knows_until,
       round(max(k.value) FILTER (WHERE k.metric = 'roc_auc')::numeric, 3) AS roc_auc,
       round(max(k.value) FILTER (WHERE k.metric = 'recency_roc_auc')::numeric, 3) AS by_recency,
       round(max(k.value) FILTER (WHERE k.metric = 'lift_top_decile')::numeric, 2) AS lift_of_top_tenth,
       round(max(k.value) FILTER (WHERE k.metric = 'calibration_error')::numeric, 3) AS calibration_error
FROM rs_models('churn') AS m JOIN retailscope.model_metric AS k USING (model_id)
WHERE m.serving AND k.dataset = 'holdout'
GROUP BY m.algorithm, m.training_rows, m.as_of;

\echo == Valuable customers who still bought within half a year, are likely to leave, and why
WITH risky AS (
    SELECT p.customer_id, p.churn_probability, f.monetary_net, f.recency_days, f.frequency
    FROM rs_predict_churn() AS p JOIN rs_customer_features(rs_default_as_of()) AS f USING (customer_id)
    WHERE p.churn_probability >= 0.5 AND f.recency_days <= 180
    ORDER BY p.churn_probability * f.monetary_net DESC LIMIT 8
)
SELECT r.customer_id AS customer, round(100 * r.churn_probability::numeric) || ' %' AS leaves, round(r.monetary_net) AS net_sales,
       r.frequency AS orders, r.recency_days AS days_ago, e.reasons
FROM risky AS r
CROSS JOIN LATERAL (
    SELECT string_agg(c.meaning || coalesce(': ' || round(c.value::numeric, 1), ''), '; ' ORDER BY c.contribution DESC) AS reasons
    FROM (SELECT * FROM rs_explain_churn(r.customer_id) AS x
          WHERE x.contribution > 0 AND x.feature <> '(base)' ORDER BY x.contribution DESC LIMIT 3) AS c) AS e
ORDER BY r.churn_probability * r.monetary_net DESC;

\echo == Segments: what kinds of customers there are
SELECT segment, customers, to_char(100 * share, '990D0') || ' %' AS of_customers, to_char(100 * revenue_share, '990D0') || ' %' AS of_revenue,
       round(recency_days) AS days_ago, round(frequency::numeric, 1) AS orders_each, round(monetary) AS sales_each,
       round(100 * churn_probability) || ' %' AS leave
FROM rs_segment_profiles();

\echo == Baskets: the ten most useful rules, better than simpler ones, held in most months, each product once
WITH useful AS (
    SELECT * FROM retailscope.mart_association_rules
    WHERE improvement >= 0.1 AND months >= 6 AND months_held >= 0.8 * months
)
SELECT array_to_string(u.antecedent_descriptions, ' + ') AS who_buys, array_to_string(u.consequent_descriptions, ' + ') AS also_buys,
       round(100 * u.confidence) || ' %' AS confidence, round(u.lift::numeric, 1) AS lift, u.baskets,
       u.months_held || ' of ' || u.months AS months_held, to_char(u.revenue, '99G999G999') AS sales_in_them
FROM useful AS u
WHERE NOT EXISTS (SELECT FROM useful AS v
                  WHERE v.items && u.items AND (v.revenue, v.confidence, u.rank) > (u.revenue, u.confidence, v.rank))
ORDER BY u.revenue DESC, u.rank LIMIT 10;

\echo == A basket, and what goes with it
-- Cake stand and roses teacups; the antecedent of the best rule where another shop's sales were loaded.
WITH basket AS (
    SELECT coalesce(
        (SELECT array_agg(stock_code::text ORDER BY stock_code) FROM retailscope.dim_product WHERE stock_code IN ('22423', '22699') HAVING count(*) = 2),
        (SELECT antecedent FROM retailscope.mart_association_rules WHERE rank = 1)) AS items
    FROM retailscope.model_deployment WHERE task = 'baskets' LIMIT 1
)
SELECT (SELECT string_agg(p.description, ' + ' ORDER BY p.stock_code) FROM retailscope.dim_product AS p WHERE p.stock_code = ANY (b.items)) AS basket,
       r.description AS goes_with_it, round(100 * r.score) || ' %' AS share,
       (SELECT string_agg(p.description, ' + ' ORDER BY p.stock_code) FROM retailscope.dim_product AS p WHERE p.stock_code = ANY (r.because)) AS of_baskets_with,
       r.source
FROM basket AS b CROSS JOIN LATERAL rs_recommend(b.items) AS r;

\echo == Revenue: how four models would have forecast four weeks, from each of five days of the past
-- The last day may not be over: it is left out.
SELECT model, n AS days, to_char(mae, '9G999G999') AS mean_error, to_char(wape, '990D0') || ' %' AS of_sales, to_char(bias, 'S9G999G999') AS bias,
       round(mase::numeric, 2) AS mase, round(100 * coverage) || ' %' AS in_95_percent_interval
FROM rs_backtest(models => ARRAY['seasonal_naive', 'year_over_year', 'ets', 'xgboost'], horizon => 28, folds => 5,
                 params => (SELECT jsonb_build_object('as_of', max(date)) FROM retailscope.mart_daily_kpis))
WHERE fold IS NULL ORDER BY mase;

\echo == The model that serves, on the months that it was not chosen by
SELECT f.model, round(max(k.value) FILTER (WHERE k.metric = 'wape')::numeric, 1) || ' %' AS error_of_sales,
       round(max(k.value) FILTER (WHERE k.metric = 'mase')::numeric, 2) AS mase,
       round(100 * max(k.value) FILTER (WHERE k.metric = 'coverage')) || ' %' AS in_95_percent_interval
FROM (SELECT * FROM rs_forecast_revenue(1)) AS f LEFT JOIN retailscope.model_metric AS k ON k.model_id = f.model_id AND k.dataset = 'holdout'
GROUP BY f.model;

\echo == Revenue of the next 30 days: # forecast, - up to what 9 of 10 days will not exceed
WITH days AS (
    SELECT f.date, f.forecast, f.lower, f.upper, k.gross_revenue AS year_ago, f.forecast = 0 AND f.lower IS NULL AS closed,
           42 / nullif(max(greatest(f.forecast, f.upper)) OVER (), 0) AS scale
    FROM rs_forecast_revenue(30, level => 0.8) AS f LEFT JOIN retailscope.mart_daily_kpis AS k ON k.date = f.date - 364
)
SELECT to_char(date, 'Dy DD Mon') AS day, CASE WHEN closed THEN '    closed' ELSE to_char(forecast, '9G999G999') END AS forecast,
       to_char(year_ago, '9G999G999') AS year_before,
       coalesce(to_char(lower, '9G999G999') || ' to' || to_char(upper, '9G999G999'), '') AS "80 % interval",
       repeat('#', round(forecast * scale)::integer) || repeat('-', coalesce(round(upper * scale) - round(forecast * scale), 0)::integer) AS " "
FROM days ORDER BY date;

\echo == The last trading days
SELECT date, gross_revenue, returns_amount, net_revenue, orders, customers, new_customers,
       round(average_order_value, 2) AS average_order_value
FROM (SELECT * FROM retailscope.mart_daily_kpis WHERE is_trading_day ORDER BY date DESC LIMIT 7) AS last_days
ORDER BY date;

\echo == The Parquet lake, as DuckDB, Spark or pyarrow read it
SELECT count(*) AS files, sum(rows) AS rows, pg_size_pretty(sum(bytes)) AS size, min(path) AS first, max(path) AS last,
       current_setting('retailscope.lake_dir', true) AS folder
FROM retailscope.lake_file \gx
