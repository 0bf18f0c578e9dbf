-- What a model of churn learns from: features of a day, and what the customers did after it.

CREATE FUNCTION @extschema@.rs_churn_frame(as_of date, horizon_days integer DEFAULT 90)
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
    active_months bigint, active_months_share numeric, top_product_share numeric,
    churned boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
-- Compiling takes seconds in which no cancel is heard, and saves none.
SET jit = off
AS $body$
#variable_conflict use_column
DECLARE
    newest date;
    last_as_of date;
BEGIN
    IF $1 IS NULL THEN
        RAISE EXCEPTION 'as_of is NULL'
            USING ERRCODE = '22004', HINT = 'Give the day before which features are computed: rs_churn_frame(''2011-09-10'').';
    END IF;
    IF $2 IS NULL THEN
        RAISE EXCEPTION 'horizon_days is NULL'
            USING ERRCODE = '22004', HINT = 'Leave it out for 90 days, or give a number of days from 1 to 3650.';
    END IF;
    IF $2 NOT BETWEEN 1 AND 3650 THEN
        RAISE EXCEPTION 'horizon_days is %: it must be from 1 to 3650', $2
            USING ERRCODE = '22023', HINT = 'Leave it out for 90 days.';
    END IF;
    SELECT max(f.date) INTO newest FROM retailscope.fact_sales AS f;
    IF newest IS NULL THEN
        RAISE EXCEPTION 'there are no sales to learn from'
            USING ERRCODE = '55000', HINT = 'Load some first, with rs_ingest_file() or rs_generate_sales().';
    END IF;
    last_as_of := newest + 1 - $2;
    IF $1 > last_as_of THEN
        RAISE EXCEPTION 'the % days from % are not fully observed: the last possible as_of is %', $2, $1, last_as_of
            USING ERRCODE = '22023',
                  DETAIL = format('The newest sale is of %s.', newest),
                  HINT = format('Give %L or an earlier as_of, or fewer horizon_days: who has not bought yet may still buy.', last_as_of);
    END IF;
    RETURN QUERY
        SELECT c.*, b.customer_id IS NULL
        FROM @extschema@.rs_customer_features($1) AS c
        LEFT JOIN (SELECT DISTINCT k.customer_id
                   FROM retailscope.fact_sales AS f
                   JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
                   JOIN retailscope.dim_customer AS k ON k.customer_key = f.customer_key
                   WHERE f.customer_key <> 0 AND f.date >= $1 AND f.date < $1 + $2
                     AND f.line_kind = 'sale' AND p.is_merchandise) AS b
               ON b.customer_id = c.customer_id
        ORDER BY c.customer_id COLLATE "C";
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_churn_frame(date, integer) IS
'The columns of rs_customer_features(as_of) and the label: churned is true for a customer without a merchandise sale in the '
'horizon_days (1 to 3650) that begin with as_of. Refuses an as_of whose days of the label are not all observed, that is, end '
'after the newest fact, and names the last possible one.';

COMMENT ON FUNCTION @extschema@.rs_default_as_of() IS
'The day as of which models predict unless they are told another: the day after the newest fact.';
