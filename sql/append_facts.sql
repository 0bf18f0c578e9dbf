-- Appends fact rows through the executor: triggers, defaults and constraints of the user's own are honoured.
-- $2 is microseconds since 1970.
INSERT INTO retailscope.fact_sales
    (sale_id, date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price, amount, line_kind, batch_id,
     country, line_hash)
SELECT f.sale_id, t.sold_at::date, t.sold_at, f.customer_key, f.product_key, f.invoice_no, f.quantity::numeric,
       f.unit_price::numeric, f.amount::numeric, f.line_kind, f.batch_id, f.country, f.line_hash::uuid
FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::bigint[], $11::text[], $12::text[])
     AS f(sale_id, micros, customer_key, product_key, invoice_no, quantity, unit_price, amount, line_kind, batch_id,
          country, line_hash)
CROSS JOIN LATERAL (SELECT timestamp '1970-01-01' + f.micros * interval '1 microsecond' AS sold_at) t
