-- Keys of the customers $1 (distinct), made for those that are new in the order in which they come. The empty name is the
-- unknown customer, key 0.
WITH wanted AS (
    SELECT w.customer_id, w.place FROM unnest($1::text[]) WITH ORDINALITY AS w(customer_id, place)
), known AS (
    SELECT w.place, w.customer_id, CASE WHEN w.customer_id = '' THEN 0 ELSE d.customer_key END AS customer_key
    FROM wanted w LEFT JOIN retailscope.dim_customer d USING (customer_id)
), added AS (
    INSERT INTO retailscope.dim_customer (customer_id)
    SELECT customer_id FROM known WHERE customer_key IS NULL ORDER BY place
    RETURNING customer_id, customer_key
)
SELECT k.place, coalesce(k.customer_key, a.customer_key)
FROM known k LEFT JOIN added a USING (customer_id)
