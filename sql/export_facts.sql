-- A batch's facts in the order of the lake: month by month, then as they were appended. Numbers as whole multiples of the
-- lake's smallest unit, times in microseconds since 1970.
SELECT f.sale_id, (extract(epoch FROM f.sold_at) * 1000000)::bigint, f.customer_key, f.product_key,
       (f.quantity * 10000)::bigint, (f.unit_price * 1000000)::bigint, f.line_kind, p.is_merchandise, f.invoice_no,
       p.stock_code, p.description, CASE WHEN f.customer_key = 0 THEN '' ELSE c.customer_id END, f.line_hash, f.country
FROM retailscope.fact_sales f
JOIN retailscope.dim_product p USING (product_key)
JOIN retailscope.dim_customer c USING (customer_key)
WHERE f.batch_id = $1
ORDER BY extract(year FROM f.date), extract(month FROM f.date), f.sale_id
