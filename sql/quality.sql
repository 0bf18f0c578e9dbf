-- The reconciliation: rows and money tie from the source to the facts, the lake and the marts.

CREATE FUNCTION @extschema@.rs_data_quality()
RETURNS TABLE(check_name text, expected numeric, actual numeric, ok boolean, detail text)
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
-- Compiling takes seconds in which no cancel is heard, and saves none.
SET jit = off
SET row_security = off
SET application_name = 'retailscope: checking 0/0'
AS $body$
    WITH states AS (
        SELECT (SELECT s.as_of FROM retailscope.mart_state AS s WHERE s.mart = 'mart_customer_rfm') AS rfm_as_of,
               (SELECT s.as_of FROM retailscope.mart_state AS s WHERE s.mart = 'mart_daily_kpis') AS daily_as_of,
               (SELECT CASE WHEN count(*) = 2 THEN min(s.last_batch_id) ELSE 0 END FROM retailscope.mart_state AS s
                WHERE s.mart IN ('mart_customer_rfm', 'mart_daily_kpis')) AS last_batch_id,
               (SELECT coalesce(max(b.batch_id), 0) FROM retailscope.etl_batch AS b) AS newest_batch
    ),
    -- One pass over the facts for everything that is a sum.
    sums AS MATERIALIZED (
        SELECT f.batch_id, f.customer_key, count(*) AS n, sum(f.amount) AS amount,
               count(*) FILTER (WHERE f.amount <> f.quantity * f.unit_price) AS wrong,
               count(*) FILTER (WHERE p.is_merchandise AND f.line_kind = 'sale' AND f.date < s.rfm_as_of) AS rfm_sales,
               sum(f.amount) FILTER (WHERE p.is_merchandise AND f.line_kind = 'sale' AND f.date < s.rfm_as_of) AS rfm_gross,
               sum(f.amount) FILTER (WHERE p.is_merchandise AND f.line_kind = 'return' AND f.date < s.rfm_as_of) AS rfm_returned,
               sum(f.amount) FILTER (WHERE p.is_merchandise AND f.line_kind = 'sale' AND f.date < s.daily_as_of) AS daily_gross,
               sum(f.amount) FILTER (WHERE p.is_merchandise AND f.line_kind = 'return' AND f.date < s.daily_as_of) AS daily_returned
        FROM retailscope.fact_sales AS f
        LEFT JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
        CROSS JOIN states AS s
        GROUP BY f.batch_id, f.customer_key
    ),
    facts AS (
        SELECT coalesce(sum(s.n), 0) AS n, coalesce(sum(s.amount), 0) AS amount, coalesce(sum(s.wrong), 0) AS wrong,
               coalesce(sum(s.daily_gross), 0) AS daily_gross,
               coalesce(sum(s.daily_gross), 0) + coalesce(sum(s.daily_returned), 0) AS daily_net
        FROM sums AS s
    ),
    customers AS (
        SELECT s.customer_key, sum(s.rfm_gross) AS gross, sum(s.rfm_gross) + coalesce(sum(s.rfm_returned), 0) AS net
        FROM sums AS s WHERE s.customer_key <> 0
        GROUP BY s.customer_key HAVING sum(s.rfm_sales) > 0
    ),
    buyers AS (
        SELECT count(*) AS n, coalesce(sum(c.gross), 0) AS gross, coalesce(sum(c.net), 0) AS net FROM customers AS c
    ),
    wrong_customers AS (
        SELECT count(*) AS n, min(coalesce(m.customer_id, 'key ' || c.customer_key)) AS example
        FROM customers AS c
        FULL JOIN retailscope.mart_customer_rfm AS m ON m.customer_key = c.customer_key
        WHERE (m.monetary, m.monetary_net) IS DISTINCT FROM (c.gross, c.net)
    ),
    wrong_days AS (
        SELECT count(*) AS n, min(coalesce(k.date, d.date)) AS example
        FROM (SELECT f.date, coalesce(sum(f.amount) FILTER (WHERE f.line_kind = 'sale'), 0) AS gross,
                     -coalesce(sum(f.amount) FILTER (WHERE f.line_kind = 'return'), 0) AS returned,
                     coalesce(sum(f.quantity) FILTER (WHERE f.line_kind = 'sale'), 0) AS units
              FROM retailscope.fact_sales AS f
              JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
              WHERE p.is_merchandise AND f.line_kind IN ('sale', 'return') AND f.date < (SELECT s.daily_as_of FROM states AS s)
              GROUP BY f.date) AS d
        FULL JOIN retailscope.mart_daily_kpis AS k ON k.date = d.date
        WHERE (coalesce(k.gross_revenue, 0), coalesce(k.returns_amount, 0), coalesce(k.units, 0))
              IS DISTINCT FROM (coalesce(d.gross, 0), coalesce(d.returned, 0), coalesce(d.units, 0))
    ),
    batches AS (
        SELECT coalesce(sum(b.rows_read), 0) AS rows_read, coalesce(sum(b.rows_loaded), 0) AS rows_loaded,
               coalesce(sum(b.rows_duplicate), 0) AS rows_duplicate, coalesce(sum(b.rows_rejected), 0) AS rows_rejected,
               coalesce(sum(b.amount_loaded), 0) AS amount_loaded, coalesce(sum(b.lake_files), 0) AS lake_files
        FROM retailscope.etl_batch AS b
    ),
    mismatches AS (
        SELECT coalesce(b.batch_id, f.batch_id) AS batch_id
        FROM retailscope.etl_batch AS b
        FULL JOIN (SELECT s.batch_id, sum(s.n) AS n, sum(s.amount) AS amount FROM sums AS s GROUP BY s.batch_id) AS f
            ON f.batch_id = b.batch_id
        WHERE b.batch_id IS NULL OR b.rows_loaded <> coalesce(f.n, 0) OR b.amount_loaded <> coalesce(f.amount, 0)
    ),
    -- Batches that were told to keep equal lines are not asked to have none.
    duplicates AS (
        SELECT coalesce(sum(d.n - 1), 0) AS n
        FROM (SELECT count(*) AS n
              FROM retailscope.fact_sales AS f
              WHERE f.batch_id <> ALL (ARRAY(SELECT b.batch_id FROM retailscope.etl_batch AS b
                                             WHERE b.options @> '{"keep_duplicates": true}'))
              GROUP BY f.line_hash HAVING count(*) > 1) AS d
    ),
    orphans AS (
        SELECT count(*) AS n
        FROM retailscope.fact_sales AS f
        LEFT JOIN retailscope.dim_date AS d ON d.date = f.date
        LEFT JOIN retailscope.dim_customer AS c ON c.customer_key = f.customer_key
        LEFT JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
        LEFT JOIN retailscope.etl_batch AS b ON b.batch_id = f.batch_id
        WHERE d.date IS NULL OR c.customer_key IS NULL OR p.product_key IS NULL OR b.batch_id IS NULL
    ),
    -- Only batches with files are compared: lake_dir may have been set after the first of them.
    lake AS MATERIALIZED (
        SELECT count(*) AS files, coalesce(sum(l.rows), 0) AS n, coalesce(sum(l.amount), 0) AS amount,
               count(*) FILTER (WHERE l.ok IS NOT TRUE) AS damaged,
               min(concat_ws(': ', l.path, l.detail)) FILTER (WHERE l.ok IS NOT TRUE) AS first_damaged
        FROM @extschema@.rs_lake_status() AS l
        WHERE EXISTS (SELECT FROM retailscope.lake_file)
    ),
    in_lake AS (
        SELECT coalesce(sum(s.n), 0) AS n, coalesce(sum(s.amount), 0) AS amount
        FROM sums AS s
        WHERE s.batch_id IN (SELECT l.batch_id FROM retailscope.lake_file AS l)
    ),
    checks (position, check_name, expected, actual, detail, remedy) AS (
        SELECT 1, 'rows_balance', b.rows_read, b.rows_loaded + b.rows_duplicate + b.rows_rejected,
               'rows read = loaded + duplicate + rejected', NULL
        FROM batches AS b
        UNION ALL
        SELECT 2, 'rejects_stored', b.rows_rejected, (SELECT count(*) FROM retailscope.etl_reject),
               'every rejected line is in etl_reject', NULL
        FROM batches AS b
        UNION ALL
        SELECT 3, 'facts_rows', b.rows_loaded, f.n, 'every loaded line is a fact', NULL FROM batches AS b, facts AS f
        UNION ALL
        SELECT 4, 'facts_amount', b.amount_loaded, f.amount, 'the money of all loaded lines is in the facts', NULL
        FROM batches AS b, facts AS f
        UNION ALL
        SELECT 5, 'batches_mismatched', 0, count(*), 'each batch has the rows and the money it loaded',
               'batches ' || string_agg(m.batch_id::text, ', ' ORDER BY m.batch_id)
        FROM mismatches AS m
        UNION ALL
        SELECT 6, 'amount_is_quantity_times_price', 0, f.wrong, 'no fact breaks amount = quantity * unit_price', NULL FROM facts AS f
        UNION ALL
        SELECT 7, 'duplicate_identities', 0, d.n, 'no line stands twice in the facts', NULL FROM duplicates AS d
        UNION ALL
        SELECT 8, 'orphans', 0, o.n, 'every fact has its day, customer, product and batch', NULL FROM orphans AS o
        UNION ALL
        SELECT 9, 'lake_rows', i.n, l.n, CASE WHEN l.files = 0 THEN 'no lake' ELSE l.files || ' files hold the facts of their batches' END,
               'SELECT @extschema@.rs_export_lake();'
        FROM in_lake AS i, lake AS l
        UNION ALL
        SELECT 10, 'lake_amount', i.amount, l.amount, CASE WHEN l.files = 0 THEN 'no lake' ELSE 'the files hold the same money' END,
               'SELECT @extschema@.rs_export_lake();'
        FROM in_lake AS i, lake AS l
        UNION ALL
        SELECT 11, 'lake_files_damaged', 0, l.damaged, CASE WHEN l.files = 0 THEN 'no lake' ELSE 'every file is what was written' END,
               l.first_damaged
        FROM lake AS l
        UNION ALL
        SELECT 12, 'lake_files_registered', b.lake_files, (SELECT count(*) FROM retailscope.lake_file),
               'lake_file has every file that the batches wrote', NULL
        FROM batches AS b
        UNION ALL
        SELECT 13, 'mart_daily_gross', f.daily_gross, (SELECT coalesce(sum(k.gross_revenue), 0) FROM retailscope.mart_daily_kpis AS k),
               'gross revenue of the days = that of the facts before ' || coalesce(to_char(s.daily_as_of, 'YYYY-MM-DD'), '(never refreshed)'),
               'SELECT @extschema@.rs_refresh_marts(incremental => false);'
        FROM facts AS f, states AS s
        UNION ALL
        SELECT 14, 'mart_daily_net', f.daily_net, (SELECT coalesce(sum(k.net_revenue), 0) FROM retailscope.mart_daily_kpis AS k),
               'net revenue of the days = that of the facts', 'SELECT @extschema@.rs_refresh_marts(incremental => false);'
        FROM facts AS f
        UNION ALL
        SELECT 15, 'mart_daily_wrong_days', 0, w.n, 'gross, returns and units of each day are those of its facts',
               'first ' || w.example || ': SELECT @extschema@.rs_refresh_marts(incremental => false);'
        FROM wrong_days AS w
        UNION ALL
        SELECT 16, 'mart_rfm_customers', u.n, (SELECT count(*) FROM retailscope.mart_customer_rfm),
               'every known customer with a sale before ' || coalesce(to_char(s.rfm_as_of, 'YYYY-MM-DD'), '(never refreshed)'),
               'SELECT @extschema@.rs_refresh_marts(incremental => false);'
        FROM buyers AS u, states AS s
        UNION ALL
        SELECT 17, 'mart_rfm_monetary', u.gross, (SELECT coalesce(sum(m.monetary), 0) FROM retailscope.mart_customer_rfm AS m),
               'gross sales of the customers = those of their facts', 'SELECT @extschema@.rs_refresh_marts(incremental => false);'
        FROM buyers AS u
        UNION ALL
        SELECT 18, 'mart_rfm_monetary_net', u.net, (SELECT coalesce(sum(m.monetary_net), 0) FROM retailscope.mart_customer_rfm AS m),
               'sales less returns of the customers = those of their facts',
               'SELECT @extschema@.rs_refresh_marts(incremental => false);'
        FROM buyers AS u
        UNION ALL
        SELECT 19, 'mart_rfm_wrong_customers', 0, w.n, 'the money of each customer is that of the facts',
               'first ' || w.example || ': SELECT @extschema@.rs_refresh_marts(incremental => false);'
        FROM wrong_customers AS w
        UNION ALL
        SELECT 20, 'marts_fresh', s.newest_batch, s.last_batch_id, 'the marts know the newest batch',
               'SELECT @extschema@.rs_refresh_marts();'
        FROM states AS s
    )
    SELECT c.check_name, c.expected, c.actual, c.expected = c.actual,
           CASE WHEN c.expected = c.actual OR c.remedy IS NULL THEN c.detail ELSE c.detail || '; not so: ' || c.remedy END
    FROM checks AS c
    ORDER BY c.position
$body$;

COMMENT ON FUNCTION @extschema@.rs_data_quality() IS
'Reconciles rows and money from the source to the facts, the lake and the marts: one row per check, with the figure expected, the '
'figure found, whether they are equal (exactly; money is never rounded), and what was compared or, if it fails, how to mend it. '
'Reads all facts, and all lake files if there are any.';
