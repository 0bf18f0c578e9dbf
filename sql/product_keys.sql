-- Keys of the products $1 (distinct), made for those that are new in the order in which they come; $2 says which of the
-- new ones are merchandise. For known ones the dimension decides.
WITH wanted AS (
    SELECT w.stock_code, w.is_merchandise, w.place
    FROM unnest($1::text[], $2::boolean[]) WITH ORDINALITY AS w(stock_code, is_merchandise, place)
), known AS (
    SELECT w.place, w.stock_code, w.is_merchandise AS new_is_merchandise, d.product_key, d.is_merchandise
    FROM wanted w LEFT JOIN retailscope.dim_product d USING (stock_code)
), added AS (
    INSERT INTO retailscope.dim_product (stock_code, is_merchandise)
    SELECT stock_code, new_is_merchandise FROM known WHERE product_key IS NULL ORDER BY place
    RETURNING stock_code, product_key, is_merchandise
)
SELECT k.place, coalesce(k.product_key, a.product_key), coalesce(k.is_merchandise, a.is_merchandise)
FROM known k LEFT JOIN added a USING (stock_code)
