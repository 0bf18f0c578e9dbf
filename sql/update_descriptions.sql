-- How often each description of a product came, on sales and on other lines.
INSERT INTO retailscope.product_description AS p (product_key, description, sale_lines, other_lines, description_hash)
SELECT f.product_key, f.description, f.sale_lines, f.other_lines, f.description_hash::uuid
FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])
     AS f(product_key, sale_lines, other_lines, description, description_hash)
ON CONFLICT (product_key, description_hash) DO UPDATE
SET sale_lines = p.sale_lines + excluded.sale_lines, other_lines = p.other_lines + excluded.other_lines
