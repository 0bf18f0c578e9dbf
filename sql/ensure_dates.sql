-- Calendar rows for the years $1 to $2 that are missing.
INSERT INTO retailscope.dim_date
    (date, year, quarter, month, week, day_of_month, day_of_week, is_weekend)
SELECT d.day, extract(year FROM d.day), extract(quarter FROM d.day), extract(month FROM d.day),
       extract(week FROM d.day), extract(day FROM d.day), extract(isodow FROM d.day), extract(isodow FROM d.day) >= 6
FROM (
    SELECT g.at::date AS day
    FROM pg_catalog.generate_series(make_date($1, 1, 1)::timestamp, make_date($2, 12, 31)::timestamp, interval '1 day')
         AS g(at)
) d
WHERE NOT EXISTS (SELECT FROM retailscope.dim_date x WHERE x.date = d.day)
