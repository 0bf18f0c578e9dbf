-- What loaded lines say about customers: days are days since 1970, $4 is the time of the latest line in microseconds.
UPDATE retailscope.dim_customer d
SET first_sale_date = least(d.first_sale_date, date '1970-01-01' + f.first_day),
    last_sale_date = greatest(d.last_sale_date, date '1970-01-01' + f.last_day),
    country = CASE WHEN d.last_seen_at > s.seen_at THEN d.country ELSE f.country END,
    last_seen_at = greatest(d.last_seen_at, s.seen_at)
FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::bigint[], $5::text[])
     AS f(customer_key, first_day, last_day, micros, country)
CROSS JOIN LATERAL (SELECT timestamp '1970-01-01' + f.micros * interval '1 microsecond' AS seen_at) s
WHERE d.customer_key = f.customer_key
