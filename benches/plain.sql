-- The comparison load: Online Retail II from a CSV file to a star schema and two marts in plain SQL, as a good DBA
-- would write it by hand. It makes the tables of sql/warehouse.sql that hold the data, with the same columns, keys,
-- indexes and constraints, in a schema of its own, so that the results can be compared row by row.
--
--   psql -X -v ON_ERROR_STOP=1 -v csv=/path/on/the/server/online_retail_II.csv -f benches/plain.sql
--
-- Variables: csv (needed, read by the server), schema (default plain; dropped and made anew), as_of (default: the day
-- after the newest fact). No rejects, no incremental loads, no second file: the least that gives the same answer.
-- What makes it fast: unlogged staging, one sort that both removes duplicates and lays the facts down by time, rules
-- applied to 5,131 codes rather than a million lines, the facts typed in parallel by CREATE TABLE AS, keys and indexes after.
\if :{?schema} \else \set schema plain \endif
\if :{?as_of} \else \set as_of '' \endif
\set QUIET on
SET client_min_messages = warning;
SET datestyle = 'ISO, YMD';
SET work_mem = '256MB';
SET maintenance_work_mem = '256MB';
DROP SCHEMA IF EXISTS :"schema" CASCADE;
CREATE SCHEMA :"schema";
SET search_path = :"schema", pg_catalog;

-- 1. The file, as text. Byte order is enough to find equal lines, and much cheaper than a language's.
CREATE UNLOGGED TABLE stage (
    invoice text COLLATE "C", stock_code text COLLATE "C", description text COLLATE "C", quantity text COLLATE "C",
    sold_at text COLLATE "C", price text COLLATE "C", customer_id text COLLATE "C", country text COLLATE "C"
) WITH (autovacuum_enabled = false);
COPY stage FROM :'csv' WITH (FORMAT csv, HEADER true);
\echo 'copied'

-- 2. Each distinct line once, still as text, in the order of time (ISO timestamps sort as text).
CREATE UNLOGGED TABLE line WITH (autovacuum_enabled = false) AS
SELECT DISTINCT ON (sold_at, invoice, stock_code, quantity, price, description, customer_id, country)
       invoice, stock_code, description, quantity, sold_at, price, coalesce(customer_id, '') AS customer_id, country
FROM stage
ORDER BY sold_at, invoice, stock_code, quantity, price, description, customer_id, country;
ANALYZE line (stock_code, customer_id);

-- 3. Dimensions. Codes are trimmed and spelt alike per distinct value, not per line.
CREATE TABLE etl_batch (batch_id bigint PRIMARY KEY, source text NOT NULL, rows_read bigint, rows_loaded bigint);
INSERT INTO etl_batch
SELECT 1, :'csv', (SELECT count(*) FROM stage), (SELECT count(*) FROM line);

CREATE TABLE dim_date AS
SELECT d::date AS date,
       extract(year FROM d)::smallint AS year,
       extract(quarter FROM d)::smallint AS quarter,
       extract(month FROM d)::smallint AS month,
       extract(week FROM d)::smallint AS week,
       extract(day FROM d)::smallint AS day_of_month,
       extract(isodow FROM d)::smallint AS day_of_week,
       extract(isodow FROM d) >= 6 AS is_weekend,
       false AS is_trading_day
FROM (SELECT min(sold_at)::timestamp AS first, max(sold_at)::timestamp AS last FROM line) AS f,
     generate_series(date_trunc('year', first), date_trunc('year', last) + interval '1 year' - interval '1 day',
                     interval '1 day') AS d;

-- A description counts first on lines that are sold: stock notes are not what the article is called.
CREATE TABLE product_description AS
SELECT upper(trim(stock_code)) AS stock_code, trim(description) AS description,
       sum(sale_lines)::bigint AS sale_lines, sum(other_lines)::bigint AS other_lines
FROM (
    SELECT stock_code, description,
           count(*) FILTER (WHERE price::numeric > 0 AND quantity::numeric > 0) AS sale_lines,
           count(*) FILTER (WHERE NOT (price::numeric > 0 AND quantity::numeric > 0)) AS other_lines
    FROM line GROUP BY stock_code, description
) AS d
GROUP BY 1, 2;

CREATE TABLE dim_product AS
SELECT (row_number() OVER (ORDER BY stock_code))::integer AS product_key, stock_code, description,
       stock_code !~ '^(POST|DOT|C2|C3|BANK CHARGES|AMAZONFEE|CRUK|B|ADJUST\d*|D|M|S|PADS|SP1002|TEST\d{3}|GIFT(_\d{4}_\d+)?|DCGS[A-Z0-9]*)$'
           AS is_merchandise,
       CASE WHEN stock_code ~ '^(POST|DOT|C2|C3|BANK CHARGES|AMAZONFEE|CRUK)$' THEN 'fee'
            WHEN stock_code ~ '^(B|ADJUST\d*|D)$' THEN 'adjustment' END AS kind_of_code
FROM (
    SELECT DISTINCT ON (stock_code) stock_code, nullif(description, '') AS description
    FROM product_description
    ORDER BY stock_code, nullif(description, '') IS NULL, sale_lines DESC, CASE WHEN sale_lines = 0 THEN other_lines END DESC,
             description
) AS p;
CREATE UNLOGGED TABLE code_key AS
SELECT c.raw, p.product_key, p.kind_of_code
FROM (SELECT DISTINCT stock_code AS raw FROM line) AS c JOIN dim_product AS p ON p.stock_code = upper(trim(c.raw));
ALTER TABLE product_description ADD product_key integer;
UPDATE product_description AS d SET product_key = p.product_key FROM dim_product AS p WHERE p.stock_code = d.stock_code;
DELETE FROM product_description WHERE description IS NULL OR description = '';
ALTER TABLE product_description DROP stock_code, ALTER product_key SET NOT NULL;

-- The country is that of the newest line; key 0 is the unknown customer.
CREATE UNLOGGED TABLE buyer AS
SELECT raw, coalesce(nullif(regexp_replace(trim(raw), '\.0$', ''), ''), '(unknown)') AS customer_id, last_seen
FROM (SELECT customer_id AS raw, max(ARRAY[sold_at, country]) AS last_seen FROM line GROUP BY customer_id) AS b;
CREATE TABLE dim_customer AS
SELECT (rank() OVER (ORDER BY customer_id))::integer AS customer_key, customer_id, last_seen[2] AS country,
       NULL::date AS first_sale_date, NULL::date AS last_sale_date, last_seen[1]::timestamp AS last_seen_at
FROM (SELECT customer_id, max(last_seen) AS last_seen FROM buyer WHERE customer_id <> '(unknown)' GROUP BY customer_id) AS b
UNION ALL
SELECT 0, '(unknown)', NULL, NULL, NULL, NULL;

-- 4. Facts: typed, natural keys resolved, each line given its kind. In parallel; the maps are small, so they are joined
-- in every worker. Workers take blocks in turn, so the order of time is kept well enough for BRIN.
CREATE UNLOGGED TABLE buyer_key AS SELECT b.raw, c.customer_key FROM buyer AS b JOIN dim_customer AS c USING (customer_id);
ANALYZE buyer_key, code_key;
SET parallel_tuple_cost = 0;
SET parallel_setup_cost = 0;
CREATE TABLE fact_sales AS
SELECT row_number() OVER () AS sale_id, f.*
FROM (
    SELECT l.sold_at::timestamp::date AS date, l.sold_at::timestamp AS sold_at, b.customer_key, c.product_key,
           upper(trim(l.invoice)) AS invoice_no, l.quantity::numeric AS quantity, l.price::numeric AS unit_price,
           l.quantity::numeric * l.price::numeric AS amount,
           CASE WHEN l.price::numeric = 0 OR l.quantity::numeric = 0 THEN 'free'
                WHEN c.kind_of_code IS NOT NULL THEN c.kind_of_code
                WHEN upper(trim(l.invoice)) LIKE 'A%' AND upper(trim(l.invoice)) ~ '^A\d{6}$' THEN 'adjustment'
                WHEN upper(trim(l.invoice)) LIKE 'C%' AND upper(trim(l.invoice)) ~ '^C\d{6}$' THEN 'return'
                WHEN l.price::numeric < 0 THEN 'adjustment'
                WHEN l.quantity::numeric < 0 THEN 'return'
                ELSE 'sale' END AS line_kind,
           1::bigint AS batch_id, coalesce(nullif(trim(l.country), ''), 'Unspecified') AS country,
           md5(concat_ws(E'\x1f', l.invoice, l.stock_code, coalesce(l.description, ''), l.quantity, l.sold_at, l.price,
                         l.customer_id, l.country))::uuid AS line_hash
    FROM line AS l
    JOIN buyer_key AS b ON b.raw = l.customer_id
    JOIN code_key AS c ON c.raw = l.stock_code
    OFFSET 0  -- keeps the typing below the numbering, and so in the workers
) AS f;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;

-- 5. Keys, constraints and indexes of sql/warehouse.sql.
ALTER TABLE dim_date ADD PRIMARY KEY (date);
ALTER TABLE dim_customer ADD PRIMARY KEY (customer_key), ADD UNIQUE (customer_id), ALTER customer_id SET NOT NULL;
ALTER TABLE dim_product DROP kind_of_code, ADD PRIMARY KEY (product_key), ADD UNIQUE (stock_code);
ALTER TABLE product_description ADD PRIMARY KEY (product_key, description), ADD FOREIGN KEY (product_key) REFERENCES dim_product;
ALTER TABLE fact_sales
    ALTER sale_id SET NOT NULL, ALTER date SET NOT NULL, ALTER sold_at SET NOT NULL, ALTER customer_key SET NOT NULL,
    ALTER product_key SET NOT NULL, ALTER invoice_no SET NOT NULL, ALTER quantity SET NOT NULL,
    ALTER unit_price SET NOT NULL, ALTER amount SET NOT NULL, ALTER line_kind SET NOT NULL,
    ALTER batch_id SET NOT NULL, ALTER country SET NOT NULL, ALTER line_hash SET NOT NULL,
    ADD CONSTRAINT fact_sales_line_kind CHECK (line_kind IN ('sale', 'return', 'fee', 'adjustment', 'free')),
    ADD CONSTRAINT fact_sales_amount CHECK (amount = quantity * unit_price),
    ADD PRIMARY KEY (sale_id);
CREATE INDEX fact_sales_customer ON fact_sales (customer_key, date);
CREATE INDEX fact_sales_product ON fact_sales (product_key, date);
CREATE INDEX fact_sales_date ON fact_sales USING brin (date) WITH (pages_per_range = 32);
CREATE INDEX fact_sales_batch ON fact_sales USING brin (batch_id) WITH (pages_per_range = 32);
ALTER TABLE fact_sales
    ADD FOREIGN KEY (date) REFERENCES dim_date,
    ADD FOREIGN KEY (customer_key) REFERENCES dim_customer,
    ADD FOREIGN KEY (product_key) REFERENCES dim_product,
    ADD FOREIGN KEY (batch_id) REFERENCES etl_batch;
ALTER TABLE fact_sales ALTER sale_id ADD GENERATED BY DEFAULT AS IDENTITY;
SELECT setval(pg_get_serial_sequence('fact_sales', 'sale_id'), max(sale_id)) FROM fact_sales \g /dev/null
DROP TABLE stage, line, buyer, buyer_key, code_key;
ANALYZE dim_date, dim_customer, dim_product, fact_sales;
\echo 'star schema made'

-- 6. Marts. Merchandise lines summed by day, customer and invoice first; both marts come from that.
SELECT coalesce(nullif(:'as_of', '')::date, max(date) + 1) AS as_of FROM fact_sales \gset
CREATE TEMP TABLE agg AS
SELECT f.date, f.customer_key, f.invoice_no,
       sum(f.amount) FILTER (WHERE f.line_kind = 'sale') AS gross,
       sum(f.quantity) FILTER (WHERE f.line_kind = 'sale') AS units,
       -sum(f.amount) FILTER (WHERE f.line_kind = 'return') AS returned
FROM fact_sales AS f JOIN dim_product AS p USING (product_key)
WHERE p.is_merchandise AND f.line_kind IN ('sale', 'return') AND f.date < :'as_of'
GROUP BY f.date, f.customer_key, f.invoice_no;
ANALYZE agg;

UPDATE dim_date AS d SET is_trading_day = true FROM (SELECT DISTINCT date FROM agg WHERE gross IS NOT NULL) AS t WHERE t.date = d.date;
UPDATE dim_customer AS c SET first_sale_date = s.first, last_sale_date = s.last
FROM (SELECT customer_key, min(date) AS first, max(date) AS last FROM agg
      WHERE gross IS NOT NULL AND customer_key <> 0 GROUP BY customer_key) AS s
WHERE s.customer_key = c.customer_key;

CREATE TABLE mart_customer_rfm AS
SELECT c.customer_id, :'as_of'::date AS as_of, recency_days, frequency, monetary, monetary_net,
       min(r) OVER (PARTITION BY recency_days)::smallint AS r_score,
       min(f) OVER (PARTITION BY frequency)::smallint AS f_score,
       min(m) OVER (PARTITION BY monetary)::smallint AS m_score,
       ''::text AS rfm_segment, customer_key, c.country, first AS first_sale_date, last AS last_sale_date
FROM (
    SELECT *, ntile(5) OVER (ORDER BY recency_days DESC) AS r, ntile(5) OVER (ORDER BY frequency) AS f,
           ntile(5) OVER (ORDER BY monetary) AS m
    FROM (
        SELECT customer_key, min(date) FILTER (WHERE gross IS NOT NULL) AS first,
               max(date) FILTER (WHERE gross IS NOT NULL) AS last,
               :'as_of'::date - max(date) FILTER (WHERE gross IS NOT NULL) AS recency_days,
               count(DISTINCT invoice_no) FILTER (WHERE gross IS NOT NULL) AS frequency,
               sum(gross) AS monetary, sum(gross) - coalesce(sum(returned), 0) AS monetary_net
        FROM agg WHERE customer_key <> 0 GROUP BY customer_key HAVING count(gross) > 0
    ) AS a
) AS s JOIN dim_customer AS c USING (customer_key);
UPDATE mart_customer_rfm SET rfm_segment = CASE
    WHEN r_score <= 2 AND f_score = 5 THEN 'Cannot Lose Them'
    WHEN r_score <= 2 AND f_score >= 3 THEN 'At Risk'
    WHEN r_score = 1 THEN 'Lost'
    WHEN r_score = 2 THEN 'Hibernating'
    WHEN r_score = 3 AND f_score <= 2 THEN 'About To Sleep'
    WHEN r_score = 3 AND f_score = 3 THEN 'Need Attention'
    WHEN r_score <= 4 AND f_score >= 4 THEN 'Loyal'
    WHEN f_score >= 4 THEN 'Champions'
    WHEN f_score >= 2 THEN 'Potential Loyalist'
    WHEN r_score = 4 THEN 'Promising'
    ELSE 'New' END;
ALTER TABLE mart_customer_rfm ADD PRIMARY KEY (customer_id), ADD UNIQUE (customer_key),
    ADD FOREIGN KEY (customer_key) REFERENCES dim_customer;

CREATE TABLE mart_daily_kpis AS
SELECT d.date, coalesce(orders, 0) > 0 AS is_trading_day, coalesce(gross, 0) AS gross_revenue,
       coalesce(returned, 0) AS returns_amount, coalesce(gross, 0) - coalesce(returned, 0) AS net_revenue,
       coalesce(orders, 0) AS orders, coalesce(units, 0) AS units, coalesce(customers, 0) AS customers,
       coalesce(new_customers, 0) AS new_customers, round(gross / nullif(orders, 0), 2) AS average_order_value
FROM dim_date AS d
LEFT JOIN (
    SELECT date, sum(gross) AS gross, sum(returned) AS returned, sum(units) AS units,
           count(DISTINCT invoice_no) FILTER (WHERE gross IS NOT NULL) AS orders,
           count(DISTINCT nullif(customer_key, 0)) FILTER (WHERE gross IS NOT NULL) AS customers
    FROM agg GROUP BY date
) AS k USING (date)
LEFT JOIN (SELECT first_sale_date AS date, count(*) AS new_customers FROM mart_customer_rfm GROUP BY 1) AS n USING (date)
WHERE d.date >= (SELECT min(date) FROM fact_sales) AND d.date < :'as_of' AND d.date <= (SELECT max(date) FROM fact_sales);
ALTER TABLE mart_daily_kpis ADD PRIMARY KEY (date);
ANALYZE mart_customer_rfm, mart_daily_kpis;
\echo 'marts made'
\unset QUIET
