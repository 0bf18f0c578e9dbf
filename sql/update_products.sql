-- A product's description is the most frequent one: on its sales, or where it has none on its other lines; ties go by the
-- alphabet.
UPDATE retailscope.dim_product d
SET description = b.description
FROM (
    SELECT DISTINCT ON (p.product_key) p.product_key, p.description
    FROM retailscope.product_description p
    WHERE p.product_key = ANY ($1::integer[])
    ORDER BY p.product_key, p.sale_lines DESC, CASE WHEN p.sale_lines = 0 THEN p.other_lines END DESC, p.description COLLATE "C"
) b
WHERE d.product_key = b.product_key AND d.description IS DISTINCT FROM b.description
