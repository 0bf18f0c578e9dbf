-- Segments: the mart that keeps who belongs where, how they moved, and what each segment is like.

COMMENT ON FUNCTION @extschema@.rs_train_segments(integer, text, jsonb, bigint) IS
'Groups the customers as of the day after the newest fact, stores the model, lets it serve and refreshes mart_customer_segments. k: number of segments, 2 to 50; NULL chooses it (kmeans: by the '
'silhouette; gaussian_mixture: by the BIC). algorithm: kmeans, gaussian_mixture. params: features (default recency_days, frequency, monetary), log, n_init, k_min, k_max, max_iter, '
'sample (rows for the silhouette), promote. Segments keep the numbers of the model that served before.';
COMMENT ON FUNCTION @extschema@.rs_segment_customers() IS
'The segment of every customer with a merchandise sale, as of the day after the newest fact; distance is the one to the segment''s centre, in standard deviations; of a mixture Mahalanobis'' distance.';
COMMENT ON FUNCTION @extschema@.rs_segment_customer(text) IS 'The segment of one customer, as of the day after the newest fact.';
COMMENT ON FUNCTION @extschema@.rs_segment_customer(float8, float8, float8) IS
'The segment of a customer with these figures: days since the last order, orders, gross sales. For models of just these features.';

CREATE FUNCTION @extschema@.rs_refresh_segments()
RETURNS TABLE(mart text, cutoff date, rows bigint, moved bigint, seconds float8)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
-- A mart of the rows that one role may see would be everybody's mart: where row-level security applies, it is an ERROR.
SET row_security = off
AS $body$
#variable_conflict use_column
DECLARE
    started constant timestamptz := clock_timestamp();
    day constant date := @extschema@.rs_default_as_of();
BEGIN
    PERFORM @extschema@.rs_lock_task('segments');
    WITH now AS MATERIALIZED (
        SELECT s.customer_id, s.segment_id, s.segment, s.distance, s.model_id FROM @extschema@.rs_segment_customers() AS s
    ),
    gone AS (
        DELETE FROM retailscope.mart_customer_segments AS m
        WHERE NOT EXISTS (SELECT FROM now AS n WHERE n.customer_id = m.customer_id)
    )
    INSERT INTO retailscope.mart_customer_segments AS m (customer_id, as_of, segment_id, segment, distance, model_id)
    SELECT n.customer_id, day, n.segment_id, n.segment, n.distance, n.model_id FROM now AS n
    ON CONFLICT (customer_id) DO UPDATE
    SET (as_of, segment_id, segment, distance, model_id) = ROW(excluded.as_of, excluded.segment_id, excluded.segment, excluded.distance, excluded.model_id),
        -- A second refresh of the same day corrects the first: where customers came from stays.
        previous_as_of = CASE WHEN m.as_of < excluded.as_of THEN m.as_of ELSE m.previous_as_of END,
        previous_segment_id = CASE WHEN m.as_of < excluded.as_of THEN m.segment_id ELSE m.previous_segment_id END,
        previous_segment = CASE WHEN m.as_of < excluded.as_of THEN m.segment ELSE m.previous_segment END;
    RETURN QUERY
    SELECT 'mart_customer_segments'::text, day, count(*), count(*) FILTER (WHERE m.previous_segment_id <> m.segment_id),
           extract(epoch FROM clock_timestamp() - started)::float8
    FROM retailscope.mart_customer_segments AS m;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_refresh_segments() IS
'Brings mart_customer_segments up to the day after the newest fact, by the model that serves, and remembers the segment that each customer had on the day before of the mart. '
'rs_train_segments calls it when it promotes its model. Returns the customers, and how many of them were in another segment on the day before.';

CREATE FUNCTION @extschema@.rs_segment_migration()
RETURNS TABLE(from_segment_id integer, from_segment text, to_segment_id integer, to_segment text, customers bigint, share float8,
              from_as_of date, to_as_of date)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT m.previous_segment_id, coalesce(m.previous_segment, '(new)'), m.segment_id, m.segment, count(*),
           (count(*) / sum(count(*)) OVER (PARTITION BY m.previous_segment_id))::float8,
           max(m.previous_as_of), max(m.as_of)
    FROM retailscope.mart_customer_segments AS m
    WHERE EXISTS (SELECT FROM retailscope.mart_customer_segments AS o WHERE o.previous_as_of IS NOT NULL)
    GROUP BY m.previous_segment_id, m.previous_segment, m.segment_id, m.segment
    ORDER BY m.previous_segment_id NULLS LAST, m.segment_id
$body$;

COMMENT ON FUNCTION @extschema@.rs_segment_migration() IS
'From which segment to which customers moved between the last two days of mart_customer_segments: a row for each pair, with the share of those who were in the first. '
'(new) are customers who were not known then. No rows before the mart has seen two days.';

CREATE FUNCTION @extschema@.rs_segment_profiles()
RETURNS TABLE(segment_id integer, segment text, customers bigint, share float8, recency_days float8, frequency float8, monetary float8,
              churn_probability float8, revenue float8, revenue_share float8, recency_index float8, frequency_index float8,
              monetary_index float8, average_order_value float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
#variable_conflict use_column
DECLARE
    -- Without a model of churn the rest is still worth having.
    has_churn constant boolean := EXISTS (SELECT FROM retailscope.model_deployment AS d WHERE d.task = 'churn');
BEGIN
    RETURN QUERY
    WITH known AS MATERIALIZED (
        SELECT s.segment_id, s.segment, f.recency_days::float8 AS recency, f.frequency::float8 AS orders, f.monetary::float8 AS money, p.churn_probability AS churn
        FROM @extschema@.rs_segment_customers() AS s
        JOIN @extschema@.rs_customer_features(@extschema@.rs_default_as_of()) AS f ON f.customer_id = s.customer_id
        LEFT JOIN (SELECT c.customer_id, c.churn_probability FROM @extschema@.rs_predict_churn() AS c WHERE has_churn) AS p
               ON p.customer_id = s.customer_id
    ),
    base AS (
        SELECT count(*) AS customers, avg(k.recency) AS recency, avg(k.orders) AS orders, avg(k.money) AS money, sum(k.money) AS revenue
        FROM known AS k
    )
    SELECT k.segment_id, k.segment, count(*), count(*)::float8 / b.customers, avg(k.recency), avg(k.orders), avg(k.money), avg(k.churn),
           sum(k.money), sum(k.money) / nullif(b.revenue, 0), 100 * avg(k.recency) / nullif(b.recency, 0),
           100 * avg(k.orders) / nullif(b.orders, 0), 100 * avg(k.money) / nullif(b.money, 0), sum(k.money) / sum(k.orders)
    FROM known AS k CROSS JOIN base AS b
    GROUP BY k.segment_id, k.segment, b.customers, b.recency, b.orders, b.money, b.revenue
    ORDER BY sum(k.money) DESC;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_segment_profiles() IS
'What each segment is like, as of the day after the newest fact: customers and their share, means of days since the last order, orders and gross sales, the mean probability of churn (NULL without a '
'model of churn), gross sales and their share, the three means against those of all customers (100 is as the base), and the mean value of an order. The segment with the largest sales first.';
