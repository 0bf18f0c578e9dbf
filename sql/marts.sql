-- Marts: RFM per customer and KPIs per day, refreshed together.

CREATE FUNCTION @extschema@.rs_refresh_marts(as_of date DEFAULT NULL, incremental boolean DEFAULT true)
RETURNS TABLE(mart text, cutoff date, rows bigint, rows_changed bigint, mode text, seconds float8)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET work_mem = '32MB'
-- Compiling takes seconds in which no cancel is heard, and saves none.
SET jit = off
-- Marts of the rows that one role may see would be everybody's marts: where row-level security applies, it is an ERROR.
SET row_security = off
SET application_name = 'retailscope: refreshing marts 0/0'
AS $body$
#variable_conflict use_column
DECLARE
    started constant timestamptz := clock_timestamp();
    -- Above this share of touched facts or customers, one pass over all facts is cheaper than many index look-ups.
    full_share constant numeric := 0.2;
    until_date date := $1;
    old record;
    is_full boolean;
    newest_batch bigint;
    first_date date;
    last_date date;
    near_first date;
    near_last date;
    customers integer[] := '{}';
    days date[] := '{}';
    renamed bigint := 0;
    result record;
    -- Sums by day, customer and invoice: small, exact, and enough for both marts. %s narrows it to what was touched.
    sums constant text := $sql$
        SELECT f.date, f.customer_key, f.invoice_no,
               sum(f.amount) FILTER (WHERE f.line_kind = 'sale') AS gross,
               sum(f.quantity) FILTER (WHERE f.line_kind = 'sale') AS units,
               -sum(f.amount) FILTER (WHERE f.line_kind = 'return') AS returned
        FROM retailscope.fact_sales AS f
        JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
        WHERE p.is_merchandise AND f.line_kind IN ('sale', 'return') AND f.date < $1 %s
        GROUP BY f.date, f.customer_key, f.invoice_no
    $sql$;
BEGIN
    -- One refresh at a time, and none while an ingest commits: both take this row's lock.
    INSERT INTO retailscope.warehouse_state (one) VALUES (true) ON CONFLICT (one) DO NOTHING;
    PERFORM FROM retailscope.warehouse_state FOR UPDATE;

    SELECT coalesce(max(b.batch_id), 0) INTO newest_batch FROM retailscope.etl_batch AS b;

    -- What the marts hold now. They are refreshed together, so they have one state, or none to rely on.
    SELECT r.as_of, r.last_batch_id,
           (SELECT min(k.date) FROM retailscope.mart_daily_kpis AS k) AS first_date,
           (SELECT max(k.date) FROM retailscope.mart_daily_kpis AS k) AS last_date
    INTO old
    FROM retailscope.mart_state AS r
    JOIN retailscope.mart_state AS d ON d.as_of = r.as_of AND d.last_batch_id = r.last_batch_id
    WHERE r.mart = 'mart_customer_rfm' AND d.mart = 'mart_daily_kpis'
      AND r.rows = (SELECT count(*) FROM retailscope.mart_customer_rfm)
      AND d.rows = (SELECT count(*) FROM retailscope.mart_daily_kpis) AND d.rows > 0
      -- A batch that has gone took facts with it: only a full pass can tell which.
      AND (r.batches, r.batch_rows) = (SELECT count(*), coalesce(sum(b.rows_loaded), 0) FROM retailscope.etl_batch AS b
                                       WHERE b.batch_id <= r.last_batch_id);
    is_full := NOT coalesce($2, true) OR NOT FOUND;

    IF NOT is_full THEN
        SELECT coalesce(sum(b.rows_loaded) FILTER (WHERE b.batch_id > old.last_batch_id), 0) > full_share * sum(b.rows_loaded)
        INTO is_full FROM retailscope.etl_batch AS b;
    END IF;

    -- The newest fact, and the first and last before the cutoff. The marts, or else the records of the batches, say where to
    -- look, and BRIN skips the rest of the table; where nothing is found there (facts were removed by hand), the question
    -- is asked again without a bound.
    SELECT coalesce(old.first_date, min(b.first_date)), coalesce(old.last_date, max(b.last_date)) INTO near_first, near_last
    FROM retailscope.etl_batch AS b;
    IF until_date IS NULL THEN
        SELECT max(f.date) + 1 INTO until_date FROM retailscope.fact_sales AS f WHERE f.date >= near_last;
        IF until_date IS NULL THEN
            SELECT max(f.date) + 1 INTO until_date FROM retailscope.fact_sales AS f;
        END IF;
    END IF;
    SELECT max(f.date) INTO last_date FROM retailscope.fact_sales AS f
    WHERE f.date < until_date AND f.date >= least(near_last, until_date - 7);
    SELECT min(f.date) INTO first_date FROM retailscope.fact_sales AS f
    WHERE f.date < until_date AND f.date <= near_first;
    IF first_date IS NULL OR last_date IS NULL THEN
        SELECT min(f.date), max(f.date) INTO first_date, last_date FROM retailscope.fact_sales AS f WHERE f.date < until_date;
    END IF;

    IF NOT is_full THEN
        -- Without the unknown customer, which has no row in the mart and may have a quarter of all facts.
        SELECT coalesce(array_agg(DISTINCT t.customer_key) FILTER (WHERE t.customer_key <> 0), '{}'),
               coalesce(array_agg(DISTINCT t.date), '{}')
        INTO customers, days
        FROM (
            SELECT f.customer_key, f.date FROM retailscope.fact_sales AS f WHERE f.batch_id > old.last_batch_id
            UNION ALL
            SELECT f.customer_key, f.date FROM retailscope.fact_sales AS f
            WHERE f.date >= least(old.as_of, until_date) AND f.date < greatest(old.as_of, until_date)
        ) AS t;
        is_full := cardinality(customers) > full_share * (SELECT count(*) FROM retailscope.mart_customer_rfm)
                   AND cardinality(customers) > 100;
    END IF;

    -- A customer whose id was changed keeps its key: the row under the old id goes first, or the key would stand twice.
    DELETE FROM retailscope.mart_customer_rfm AS m
    WHERE NOT EXISTS (SELECT FROM retailscope.dim_customer AS c
                      WHERE c.customer_key = m.customer_key AND c.customer_id = m.customer_id);
    GET DIAGNOSTICS renamed = ROW_COUNT;
    is_full := is_full OR renamed > 0;

    -- Rows are written only where a byte differs (*<> sees 1.50 and 1.5 as different), so the result is that of a rebuild.
    EXECUTE format($sql$
        WITH customer_sums AS MATERIALIZED (%1$s),
        day_sums AS MATERIALIZED (%2$s),
        customer_totals AS (
            SELECT s.customer_key,
                   min(s.date) FILTER (WHERE s.gross IS NOT NULL) AS first_sale_date,
                   max(s.date) FILTER (WHERE s.gross IS NOT NULL) AS last_sale_date,
                   count(DISTINCT s.invoice_no COLLATE "C") FILTER (WHERE s.gross IS NOT NULL) AS frequency,
                   sum(s.gross) AS monetary,
                   sum(s.gross) - coalesce(sum(s.returned), 0) AS monetary_net
            FROM customer_sums AS s
            WHERE s.customer_key <> 0
            GROUP BY s.customer_key
            HAVING count(s.gross) > 0
            UNION ALL
            SELECT m.customer_key, m.first_sale_date, m.last_sale_date, m.frequency, m.monetary, m.monetary_net
            FROM retailscope.mart_customer_rfm AS m
            WHERE NOT $4 AND m.customer_key <> ALL ($5)
        ),
        fifths AS (
            SELECT t.*,
                   ntile(5) OVER (ORDER BY t.last_sale_date) AS r,
                   ntile(5) OVER (ORDER BY t.frequency) AS f,
                   ntile(5) OVER (ORDER BY t.monetary) AS m
            FROM customer_totals AS t
        ),
        scores AS (
            SELECT t.*,
                   min(t.r) OVER (PARTITION BY t.last_sale_date)::smallint AS r_score,
                   min(t.f) OVER (PARTITION BY t.frequency)::smallint AS f_score,
                   min(t.m) OVER (PARTITION BY t.monetary)::smallint AS m_score
            FROM fifths AS t
        ),
        rfm AS MATERIALIZED (
            SELECT c.customer_id, $1 AS as_of, $1 - s.last_sale_date AS recency_days, s.frequency, s.monetary, s.monetary_net,
                   s.r_score, s.f_score, s.m_score, coalesce(g.rfm_segment, '(no segment)') AS rfm_segment,
                   s.customer_key, c.country, s.first_sale_date, s.last_sale_date
            FROM scores AS s
            JOIN retailscope.dim_customer AS c ON c.customer_key = s.customer_key
            LEFT JOIN retailscope.rfm_segment_map AS g ON g.r_score = s.r_score AND g.f_score = s.f_score
        ),
        rfm_deleted AS (
            DELETE FROM retailscope.mart_customer_rfm AS m
            WHERE NOT EXISTS (SELECT FROM rfm WHERE rfm.customer_id = m.customer_id)
            RETURNING 1
        ),
        rfm_written AS (
            INSERT INTO retailscope.mart_customer_rfm AS m
                (customer_id, as_of, recency_days, frequency, monetary, monetary_net, r_score, f_score, m_score, rfm_segment,
                 customer_key, country, first_sale_date, last_sale_date)
            SELECT n.*
            FROM rfm AS n
            LEFT JOIN retailscope.mart_customer_rfm AS o ON o.customer_id = n.customer_id
            WHERE n.* *<> ROW(o.customer_id, o.as_of, o.recency_days, o.frequency, o.monetary, o.monetary_net, o.r_score,
                              o.f_score, o.m_score, o.rfm_segment, o.customer_key, o.country, o.first_sale_date,
                              o.last_sale_date)
            ON CONFLICT (customer_id) DO UPDATE SET
                (as_of, recency_days, frequency, monetary, monetary_net, r_score, f_score, m_score, rfm_segment,
                 customer_key, country, first_sale_date, last_sale_date)
                = ROW(excluded.as_of, excluded.recency_days, excluded.frequency, excluded.monetary, excluded.monetary_net,
                      excluded.r_score, excluded.f_score, excluded.m_score, excluded.rfm_segment, excluded.customer_key,
                      excluded.country, excluded.first_sale_date, excluded.last_sale_date)
            RETURNING 1
        ),
        day_totals AS (
            SELECT s.date, sum(s.gross) AS gross, sum(s.returned) AS returned, sum(s.units) AS units,
                   count(DISTINCT s.invoice_no COLLATE "C") FILTER (WHERE s.gross IS NOT NULL) AS orders,
                   count(DISTINCT s.customer_key) FILTER (WHERE s.gross IS NOT NULL AND s.customer_key <> 0) AS customers
            FROM day_sums AS s
            GROUP BY s.date
        ),
        newcomers AS (
            SELECT r.first_sale_date AS date, count(*) AS new_customers FROM rfm AS r GROUP BY r.first_sale_date
        ),
        fresh_days AS (
            SELECT c.date, coalesce(t.orders, 0) > 0 AS is_trading_day,
                   coalesce(t.gross, 0) AS gross_revenue,
                   coalesce(t.returned, 0) AS returns_amount,
                   coalesce(t.gross, 0) - coalesce(t.returned, 0) AS net_revenue,
                   coalesce(t.orders, 0) AS orders,
                   coalesce(t.units, 0) AS units,
                   coalesce(t.customers, 0) AS customers,
                   round(t.gross / nullif(t.orders, 0), 2) AS average_order_value
            FROM (SELECT $2 + n AS date FROM generate_series(0, $3 - $2) AS n) AS c
            LEFT JOIN day_totals AS t ON t.date = c.date
            WHERE $4 OR c.date = ANY ($6)
               OR NOT EXISTS (SELECT FROM retailscope.mart_daily_kpis AS o WHERE o.date = c.date)
            UNION ALL
            SELECT o.date, o.is_trading_day, o.gross_revenue, o.returns_amount, o.net_revenue, o.orders, o.units,
                   o.customers, o.average_order_value
            FROM retailscope.mart_daily_kpis AS o
            WHERE NOT $4 AND o.date BETWEEN $2 AND $3 AND o.date <> ALL ($6)
        ),
        daily AS MATERIALIZED (
            SELECT d.date, d.is_trading_day, d.gross_revenue, d.returns_amount, d.net_revenue, d.orders, d.units, d.customers,
                   coalesce(n.new_customers, 0) AS new_customers, d.average_order_value
            FROM fresh_days AS d
            LEFT JOIN newcomers AS n ON n.date = d.date
        ),
        daily_deleted AS (
            DELETE FROM retailscope.mart_daily_kpis AS m
            WHERE NOT EXISTS (SELECT FROM daily WHERE daily.date = m.date)
            RETURNING 1
        ),
        daily_written AS (
            INSERT INTO retailscope.mart_daily_kpis AS m
                (date, is_trading_day, gross_revenue, returns_amount, net_revenue, orders, units, customers, new_customers,
                 average_order_value)
            SELECT n.*
            FROM daily AS n
            LEFT JOIN retailscope.mart_daily_kpis AS o ON o.date = n.date
            WHERE n.* *<> ROW(o.date, o.is_trading_day, o.gross_revenue, o.returns_amount, o.net_revenue, o.orders, o.units,
                              o.customers, o.new_customers, o.average_order_value)
            ORDER BY n.date
            ON CONFLICT (date) DO UPDATE SET
                (is_trading_day, gross_revenue, returns_amount, net_revenue, orders, units, customers, new_customers,
                 average_order_value)
                = ROW(excluded.is_trading_day, excluded.gross_revenue, excluded.returns_amount, excluded.net_revenue,
                      excluded.orders, excluded.units, excluded.customers, excluded.new_customers,
                      excluded.average_order_value)
            RETURNING 1
        ),
        -- Whole calendar years, whatever their days sold.
        dates_written AS (
            INSERT INTO retailscope.dim_date AS m
                (date, year, quarter, month, week, day_of_month, day_of_week, is_weekend, is_trading_day)
            SELECT c.date, extract(year FROM c.date), extract(quarter FROM c.date), extract(month FROM c.date),
                   extract(week FROM c.date), extract(day FROM c.date), extract(isodow FROM c.date),
                   extract(isodow FROM c.date) >= 6, coalesce(d.is_trading_day, false)
            FROM (SELECT a.day + n AS date
                  FROM (SELECT make_date(extract(year FROM $2)::integer, 1, 1) AS day) AS a,
                       generate_series(0, make_date(extract(year FROM $3)::integer, 12, 31) - a.day) AS n) AS c
            LEFT JOIN daily AS d ON d.date = c.date
            WHERE NOT EXISTS (SELECT FROM retailscope.dim_date AS o WHERE o.date = c.date)
            ON CONFLICT (date) DO NOTHING
        ),
        dates_flagged AS (
            UPDATE retailscope.dim_date AS m
            SET is_trading_day = NOT m.is_trading_day
            -- The calendar says what the facts say, also of days that the marts are not to know.
            WHERE CASE WHEN m.date < $1
                       THEN m.is_trading_day <> EXISTS (SELECT FROM daily AS d WHERE d.date = m.date AND d.is_trading_day)
                       ELSE m.is_trading_day <> (m.date IN (
                                SELECT f.date
                                FROM retailscope.fact_sales AS f
                                JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
                                WHERE p.is_merchandise AND f.line_kind = 'sale' AND f.date >= coalesce($1, '-infinity')))
                  END
        )
        SELECT (SELECT count(*) FROM rfm) AS rfm_rows,
               (SELECT count(*) FROM rfm_written) + (SELECT count(*) FROM rfm_deleted) AS rfm_changed,
               (SELECT count(*) FROM daily) AS daily_rows,
               (SELECT count(*) FROM daily_written) + (SELECT count(*) FROM daily_deleted) AS daily_changed
        $sql$,
        format(sums, CASE WHEN is_full THEN '' ELSE 'AND f.customer_key = ANY ($5)' END),
        CASE WHEN is_full THEN 'SELECT * FROM customer_sums' ELSE format(sums, 'AND f.date = ANY ($6)') END)
    INTO result
    USING until_date, first_date, last_date, is_full, customers, days;

    INSERT INTO retailscope.mart_state AS s (mart, as_of, last_batch_id, refreshed_at, rows, batches, batch_rows)
    SELECT v.mart, until_date, newest_batch, clock_timestamp(), v.rows, b.batches, b.batch_rows
    FROM (VALUES ('mart_customer_rfm', result.rfm_rows), ('mart_daily_kpis', result.daily_rows)) AS v (mart, rows),
         (SELECT count(*) AS batches, coalesce(sum(e.rows_loaded), 0) AS batch_rows FROM retailscope.etl_batch AS e
          WHERE e.batch_id <= newest_batch) AS b
    ON CONFLICT (mart) DO UPDATE
    SET (as_of, last_batch_id, refreshed_at, rows, batches, batch_rows)
      = ROW(excluded.as_of, excluded.last_batch_id, excluded.refreshed_at, excluded.rows, excluded.batches,
            excluded.batch_rows);

    RETURN QUERY
    SELECT v.mart, until_date, v.rows, v.changed, CASE WHEN is_full THEN 'full' ELSE 'incremental' END,
           extract(epoch FROM clock_timestamp() - started)::float8
    FROM (VALUES ('mart_customer_rfm', result.rfm_rows::bigint, (result.rfm_changed + renamed)::bigint),
                 ('mart_daily_kpis', result.daily_rows::bigint, result.daily_changed::bigint)) AS v (mart, rows, changed);
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_refresh_marts(date, boolean) IS
'Brings mart_customer_rfm and mart_daily_kpis up to date, as known before as_of (default: the day after the newest fact). '
'incremental => true re-aggregates only the customers and days touched since the last refresh, and gives the same rows as a '
'full rebuild; it goes the full way by itself when that is cheaper, or when batches have gone. After changes by hand to old facts or to '
'dim_product.is_merchandise: incremental => false. Returns a row per mart: its name, the cutoff (as_of), rows, rows '
'inserted, updated or deleted, the way taken (full, incremental), and the seconds of the refresh, which both marts share.';
