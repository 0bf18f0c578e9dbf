-- The marts refreshed in steps are, byte for byte, the marts rebuilt. Runs in a transaction on a filled warehouse and rolls back.
--
--   psql -X -v ON_ERROR_STOP=1 -v ext=public -v seed=1 -f tests/warehouse/marts_incremental.sql
--
-- Takes all facts out, puts them back in random date ranges as batches of their own, in no order, moves the cutoff forth and
-- back, renames and relocates customers, removes a batch; after each step the marts are compared with a full rebuild.
\if :{?ext} \else \set ext public \endif
\if :{?seed} \else \set seed 1 \endif
\set QUIET on
SELECT set_config('search_path', 'pg_catalog, ' || quote_ident(:'ext') || ', pg_temp', false) \g /dev/null
SELECT setseed(:seed / 1000.0) \g /dev/null
BEGIN;
SET LOCAL session_replication_role = replica;  -- the children of facts are not the subject here
CREATE TEMP TABLE saved AS SELECT * FROM retailscope.fact_sales;
CREATE TEMP TABLE log (step integer, what text, mode text, rows bigint, rows_changed bigint, seconds float8, wrong bigint);
TRUNCATE retailscope.fact_sales;
DELETE FROM retailscope.etl_batch;
TRUNCATE retailscope.mart_customer_rfm, retailscope.mart_daily_kpis, retailscope.mart_state;
-- An increment is a day to six weeks of the saved facts that are not in yet.
CREATE FUNCTION pg_temp.put(step integer, first date, last date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE batch bigint; n bigint;
BEGIN
    INSERT INTO retailscope.etl_batch (source, started_at, status) VALUES ('step ' || step, now(), 'loaded') RETURNING batch_id INTO batch;
    WITH taken AS (DELETE FROM saved WHERE date BETWEEN first AND last AND random() < 0.95 RETURNING *)
    INSERT INTO retailscope.fact_sales (sale_id, date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price,
                                        amount, line_kind, batch_id, country, line_hash)
    SELECT sale_id, date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price, amount, line_kind, batch,
           country, line_hash FROM taken;
    GET DIAGNOSTICS n = ROW_COUNT;
    UPDATE retailscope.etl_batch SET rows_read = n, rows_loaded = n WHERE batch_id = batch;
    RETURN format('%s to %s: %s facts', first, last, n);
END $$;
CREATE FUNCTION pg_temp.differences() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE wrong bigint; at date; flags text;
BEGIN
    CREATE TEMP TABLE r ON COMMIT DROP AS SELECT m::text AS row FROM retailscope.mart_customer_rfm AS m;
    CREATE TEMP TABLE d ON COMMIT DROP AS SELECT m::text AS row FROM retailscope.mart_daily_kpis AS m;
    SELECT md5(string_agg(x::text, ',' ORDER BY date)) INTO flags FROM retailscope.dim_date AS x;
    SELECT s.as_of INTO at FROM retailscope.mart_state AS s WHERE s.mart = 'mart_daily_kpis';
    TRUNCATE retailscope.mart_customer_rfm, retailscope.mart_daily_kpis, retailscope.mart_state;
    -- Of later days the refresh says nothing, so what stands there must stay.
    UPDATE retailscope.dim_date SET is_trading_day = false WHERE is_trading_day AND date < coalesce(at, 'infinity');
    PERFORM rs_refresh_marts(at);
    SELECT (SELECT count(*) FROM (SELECT row FROM r EXCEPT ALL SELECT m::text FROM retailscope.mart_customer_rfm AS m) AS x)
         + (SELECT count(*) FROM (SELECT m::text FROM retailscope.mart_customer_rfm AS m EXCEPT ALL SELECT row FROM r) AS x)
         + (SELECT count(*) FROM (SELECT row FROM d EXCEPT ALL SELECT m::text FROM retailscope.mart_daily_kpis AS m) AS x)
         + (SELECT count(*) FROM (SELECT m::text FROM retailscope.mart_daily_kpis AS m EXCEPT ALL SELECT row FROM d) AS x)
         + (SELECT (md5(string_agg(x::text, ',' ORDER BY date)) <> flags)::integer FROM retailscope.dim_date AS x)
    INTO wrong;
    DROP TABLE r, d;
    RETURN wrong;
END $$;
CREATE FUNCTION pg_temp.step(step integer, what text, at date DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO log
    SELECT step, what || coalesce(', as of ' || at, ''), max(m.mode), sum(m.rows), sum(m.rows_changed), max(m.seconds), 0
    FROM rs_refresh_marts(at) AS m;
    UPDATE log SET wrong = pg_temp.differences() WHERE log.step = step.step;
$$;
-- A base, so that the steps are small against it.
SELECT pg_temp.step(0, pg_temp.put(0, '-infinity', (SELECT min(date) + (max(date) - min(date)) / 2 FROM saved))) \g /dev/null
DO $$
DECLARE lo date; hi date; at date; i integer; first date;
BEGIN
    FOR i IN 1 .. 12 LOOP
        SELECT min(date), max(date) INTO lo, hi FROM saved;
        first := lo + floor(random() * (hi - lo + 1))::integer;
        at := CASE WHEN i % 4 = 3 THEN lo + floor(random() * (hi - lo + 1))::integer END;
        PERFORM pg_temp.step(i, pg_temp.put(i, first, first + CASE i % 3 WHEN 0 THEN 0 WHEN 1 THEN 2 ELSE 40 END), at);
    END LOOP;
END $$;
SELECT pg_temp.step(20, 'nothing new') \g /dev/null
SELECT pg_temp.step(21, 'a day less', (SELECT max(date) FROM retailscope.fact_sales)) \g /dev/null
SELECT pg_temp.step(22, 'a day more') \g /dev/null
UPDATE retailscope.dim_customer SET country = 'Elsewhere' WHERE customer_key % 50 = 1;
SELECT pg_temp.step(23, 'countries changed') \g /dev/null
UPDATE retailscope.dim_customer SET customer_id = customer_id || 'x' WHERE customer_key % 50 = 2;
SELECT pg_temp.step(24, 'customers renamed') \g /dev/null
UPDATE retailscope.rfm_segment_map SET rfm_segment = 'Best' WHERE r_score = 5 AND f_score = 5;
SELECT pg_temp.step(25, 'a segment renamed') \g /dev/null
DELETE FROM retailscope.fact_sales WHERE batch_id = (SELECT max(batch_id) FROM retailscope.etl_batch);
DELETE FROM retailscope.etl_batch WHERE batch_id = (SELECT max(batch_id) FROM retailscope.etl_batch);
SELECT pg_temp.step(26, 'newest batch removed') \g /dev/null
-- Same values, another number of decimals: still the bytes of a rebuild.
SELECT pg_temp.put(27, (SELECT min(date) FROM saved), (SELECT min(date) FROM saved)) \g /dev/null
UPDATE retailscope.fact_sales SET unit_price = unit_price + 0.000, amount = amount + 0.000
WHERE batch_id = (SELECT max(batch_id) FROM retailscope.etl_batch);
SELECT pg_temp.step(27, 'more decimals') \g /dev/null
SELECT pg_temp.step(28, 'before all', '1970-01-01') \g /dev/null
SELECT pg_temp.step(29, 'after all', '2100-01-01') \g /dev/null
DELETE FROM retailscope.fact_sales;
DELETE FROM retailscope.etl_batch WHERE source LIKE 'step %';
SELECT pg_temp.step(30, 'emptied') \g /dev/null
SELECT step, what, mode, rows, rows_changed, round(seconds::numeric, 3) AS seconds, wrong FROM log ORDER BY step;
DO $$
BEGIN
    IF EXISTS (SELECT FROM log WHERE wrong <> 0) THEN RAISE EXCEPTION 'the incremental marts differ from a rebuild'; END IF;
    IF NOT EXISTS (SELECT FROM log WHERE mode = 'incremental' AND step BETWEEN 1 AND 12) THEN RAISE EXCEPTION 'no step was incremental'; END IF;
END $$;
ROLLBACK;
\unset QUIET
