//! Forecasts of any query's series: whatever the types, the order and the number.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{caught, number, quoted, text};

    /// A line for each series: its steps, forecasts, and note.
    fn seen(query: &str, more: &str) -> String {
        text(&format!(
            "SELECT string_agg(concat_ws(' ', coalesce(s.unique_id, '-'), s.steps, s.note), E'\\n' ORDER BY s.place) FROM (
                 SELECT f.unique_id, string_agg(concat_ws('=', to_char(f.ds, 'YYYY-MM-DD HH24:MI'), f.forecast), ' ' ORDER BY f.ds) AS steps, min(f.note) AS note, min(f.place) AS place
                 FROM (SELECT *, row_number() OVER () AS place FROM rs_forecast({}, {more})) AS f GROUP BY f.unique_id) AS s",
            quoted(query)
        ))
    }

    #[pg_test]
    fn types_and_names_of_columns() {
        Spi::run("SET LOCAL TimeZone = 'America/New_York'; CREATE DOMAIN public.money_now AS numeric(9, 2) CHECK (VALUE > 0); CREATE DOMAIN public.day AS date")
            .unwrap();
        let expected = "7 2020-01-10 00:00=8 2020-01-11 00:00=8";
        for y in [
            "int2",
            "int4",
            "int8",
            "float4",
            "float8",
            "numeric",
            "public.money_now",
        ] {
            for ds in ["date", "timestamp", "timestamptz", "public.day"] {
                for id in ["7", "'7'::text", "'7'::varchar", "7::bigint", "7::numeric"] {
                    let query = format!(
                        "SELECT i::{y} AS y, ('2020-01-01'::date + i)::{ds} AS ds, {id} AS unique_id FROM generate_series(1, 8) AS i"
                    );
                    assert_eq!(seen(&query, "2, 'naive'"), expected, "{y} {ds} {id}");
                }
            }
        }
        // By position where no column has one of the names.
        for query in [
            "SELECT '2020-01-01'::date + i, i FROM generate_series(1, 8) AS i",
            "SELECT '2020-01-01'::date + i AS day, i AS revenue FROM generate_series(1, 8) AS i ORDER BY 2 DESC",
        ] {
            assert_eq!(seen(query, "2, 'naive'"), expected.replace("7 ", "- "));
        }
        assert_eq!(
            seen(
                "SELECT 7 AS shop, '2020-01-01'::date + i AS day, i * 1.0 FROM generate_series(1, 8) AS i;",
                "2, 'naive'"
            ),
            expected
        );
    }

    #[pg_test]
    fn numbers_of_many_digits_are_the_nearest_doubles() {
        for value in [
            "0",
            "-0.00",
            "1",
            "0.1",
            "-12.34",
            "10000",
            "0.0001",
            "123456789.123456789",
            "99999999999999999999",
            "1e-30",
            "4e15",
            "0.3333333333333333333333333333",
            "9007199254740993",
            "1e14",
            "123.4500",
            "0.00000000000000000001234567890123456789",
        ] {
            let same = text(&format!(
                "SELECT (f.forecast = ({value}::numeric)::float8)::text FROM rs_forecast('SELECT ''2020-01-01''::date, {value}::numeric', 1, 'naive', freq => 'year', params => '{{\"closed_days\": \"none\"}}') AS f"
            ));
            // Those over 1e15 are refused with a note.
            assert!(
                same == "true" || value.trim_start_matches('-').parse::<f64>().unwrap() > 1e15,
                "{value}: {same}"
            );
        }
    }

    #[pg_test]
    fn one_bad_series_never_fails_the_rest() {
        let query = "SELECT * FROM (
                SELECT 'good' AS unique_id, '2020-01-01'::timestamp + i * interval '1 hour' AS ds, (1 + i % 2)::float8 AS y FROM generate_series(1, 40) AS i
                UNION ALL SELECT 'infinite', '2020-01-01'::timestamp + i * interval '1 hour', CASE i WHEN 3 THEN 'Infinity'::float8 ELSE 1 END FROM generate_series(1, 5) AS i
                UNION ALL SELECT 'empty', '2020-01-01', NULL
                UNION ALL SELECT 'nan', '2020-01-01', 'NaN'
                UNION ALL SELECT 'far', d, 1 FROM unnest('{0001-01-01,0001-01-01 01:00,290000-01-01}'::timestamp[]) AS d
                UNION ALL SELECT 'undated', d, 5 FROM unnest('{infinity,NULL,-infinity}'::timestamp[]) AS d
                UNION ALL SELECT 'one', '2020-01-01', 7
                UNION ALL SELECT NULL, '2020-01-01', 8
                UNION ALL SELECT 'twice', '2020-01-01 00:00', 8 FROM generate_series(1, 2)) AS v";
        let all = seen(
            query,
            "2, 'seasonal_naive', season_length => 2, freq => 'hour'",
        );
        let lines: Vec<&str> = all.lines().collect();
        let of = |id: &str| {
            lines
                .iter()
                .find(|line| line.split(' ').next() == Some(id))
                .copied()
                .unwrap_or_else(|| panic!("{id} is missing: {all}"))
        };
        let order: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(
            order,
            [
                "empty", "far", "good", "infinite", "nan", "one", "twice", "undated", "-"
            ]
        );
        assert_eq!(of("good"), "good 2020-01-02 17:00=2 2020-01-02 18:00=1");
        for id in ["empty", "nan", "undated"] {
            assert_eq!(of(id), format!("{id}  the series has no values"), "{all}");
        }
        assert!(
            of("infinite").contains("infinite or larger than 1e15"),
            "{all}"
        );
        assert!(
            of("far").contains("steps from the first to the last value"),
            "{all}"
        );
        assert!(
            of("twice").contains("=16") && of("twice").contains("added"),
            "{all}"
        );
        // Sorted by unique_id the series come one at a time, and are the same.
        let mut sorted: Vec<String> = seen(
            &format!("{query} ORDER BY unique_id DESC, random()"),
            "2, 'seasonal_naive', season_length => 2, freq => 'hour'",
        )
        .lines()
        .map(str::to_owned)
        .collect();
        assert!(
            sorted.first().is_some_and(|line| line.starts_with("- ")),
            "{sorted:?}"
        );
        sorted.reverse();
        assert_eq!(sorted, lines);
    }
    #[pg_test]
    fn threads_and_order_change_nothing() {
        let query = "SELECT md5((i % 300)::text) AS unique_id, '2020-01-01'::date + i / 300 AS ds, 10 + (i % 7) + sin(i) AS y FROM generate_series(0, 29999) AS i";
        let digest = |query: &str| {
            text(&format!(
                "SELECT concat_ws(' ', count(*), count(forecast), md5(string_agg(f::text, '' ORDER BY unique_id COLLATE \"C\", ds))) FROM rs_forecast({}, 14, 'weekday_mean') AS f",
                quoted(query)
            ))
        };
        let first = digest(query);
        assert!(first.starts_with("4200 4200 "), "{first}");
        for (threads, more) in [
            (1, ""),
            (3, " ORDER BY 1"),
            (8, " ORDER BY random()"),
            (2, " ORDER BY 1 DESC, 2 DESC"),
        ] {
            Spi::run(&format!("SET LOCAL retailscope.threads = {threads}")).unwrap();
            assert_eq!(digest(&format!("{query}{more}")), first, "{threads}{more}");
        }
        // In the order of the query where it is sorted by unique_id, else of the ids' bytes.
        let order = |query: &str| {
            text(&format!(
                "SELECT string_agg(unique_id, ' ') FROM rs_forecast({}, 1, 'naive')",
                quoted(query)
            ))
        };
        let few = "SELECT unique_id, '2020-01-01'::date AS ds, 1 AS y FROM unnest('{b,Z,a}'::text[]) AS unique_id";
        assert_eq!(order(few), "Z a b");
        assert_eq!(
            order(&format!("{} ORDER BY 1 DESC", few.replace('Z', "c"))),
            "c b a"
        );
    }

    #[pg_test]
    fn what_is_known_in_advance_explains() {
        // Twice as much on days with a promotion, whose future is known.
        let query = "SELECT '2020-01-01'::date + i AS ds, CASE WHEN i <= 60 THEN 100 * (1 + promo::int) END AS y, promo, i AS n
                     FROM generate_series(1, 63) AS i, LATERAL (SELECT i % 5 = 0 OR i = 62 AS promo) AS p";
        let forecasts = |query: &str, more: &str| {
            text(&format!(
                "SELECT string_agg(coalesce(round(forecast::numeric)::text, '-') || coalesce(' ' || note, ''), ' ' ORDER BY ds) FROM rs_forecast({}, {more})",
                quoted(query)
            ))
        };
        let without = query.replace(", i AS n", "");
        let known = "3, 'sarima', params => '{\"xreg\": [\"promo\"], \"order\": [0,0,0], \"seasonal_order\": [0,0,0], \"season\": 1, \"mean\": true}'";
        assert_eq!(forecasts(&without, known), "100 200 100");
        // The future is not known that far.
        let short = forecasts(&without, &known.replacen('3', "4", 1));
        assert!(
            short.contains("regressor \"promo\": is not known for the whole horizon"),
            "{short}"
        );
        let refused = |query: &str, more: &str| {
            let failed = caught(&format!(
                "SELECT * FROM rs_forecast({}, {more})",
                quoted(query)
            ));
            assert_eq!(failed.state, "22023", "{failed:?}");
            format!("{} {}", failed.message, failed.hint)
        };
        assert!(refused(query, known).contains("a column \"n\" that is neither"));
        let wrong = refused(&without, &known.replace("promo", "promotion"));
        assert!(wrong.contains("no column \"promotion\""), "{wrong}");
        assert!(
            refused(
                &without
                    .replace("promo, ", "promo::text AS promo, ")
                    .replace("END AS y, promo", "END AS y, promo::text AS promo"),
                known
            )
            .contains("a number or a boolean")
        );
    }

    #[pg_test]
    fn only_what_happened_before_as_of_is_known() {
        let query = |factor: i32| {
            format!(
                "SELECT 's' AS unique_id, '2020-01-01'::date + i AS ds, CASE WHEN i >= 40 THEN {factor} ELSE 1 END * (5 + i % 7) AS y FROM generate_series(0, 60) AS i"
            )
        };
        let before = seen(
            &query(1),
            "3, 'seasonal_naive', params => '{\"as_of\": \"2020-02-10\"}'",
        );
        assert_eq!(
            before,
            "s 2020-02-10 00:00=10 2020-02-11 00:00=11 2020-02-12 00:00=5"
        );
        assert_eq!(
            seen(
                &query(1000),
                "3, 'seasonal_naive', params => '{\"as_of\": \"2020-02-10\"}'"
            ),
            before
        );
        assert_ne!(
            seen(
                &query(1000),
                "3, 'seasonal_naive', params => '{\"as_of\": \"2020-02-11\"}'"
            ),
            before
        );
    }

    #[pg_test]
    fn refusals_name_what_is_wrong() {
        Spi::run("CREATE TABLE public.mine (ds date, y int)").unwrap();
        for (call, state, message) in [
            ("NULL, 3", "22023", "query must not be NULL"),
            (
                "'TABLE public.mine', NULL",
                "22023",
                "horizon must not be NULL",
            ),
            (
                "'TABLE public.mine', 0",
                "22023",
                "horizon must be from 1 to 1000",
            ),
            (
                "'TABLE public.mine', 3, 'arima'",
                "22023",
                "unknown model \"arima\", did you mean \"sarima\"?",
            ),
            (
                "'TABLE public.mine', 3, level => 0",
                "22023",
                "level must be",
            ),
            (
                "'TABLE public.mine', 3, freq => 'dayy'",
                "22023",
                "unknown freq \"dayy\", did you mean \"day\"?",
            ),
            (
                "'TABLE public.mine', 3, season_length => 0",
                "22023",
                "season_length must be 1 or more",
            ),
            (
                "'TABLE public.mine', 3, params => '{\"closed\": 1}'",
                "22023",
                "unknown key in params: \"closed\"",
            ),
            (
                "'TABLE public.mine', 3, params => '[]'",
                "22023",
                "must be a JSON object",
            ),
            (
                "'DELETE FROM public.mine RETURNING ds, y', 3",
                "22023",
                "query must be one query that only reads",
            ),
            ("'SELECT 1; SELECT 2', 3", "22023", "must be one query"),
            ("'', 3", "22023", "must be one query"),
            (
                "'SELECT ds FROM public.mine', 3",
                "22023",
                "query has no column \"y\"",
            ),
            (
                "'SELECT ds AS d, y FROM public.mine', 3",
                "22023",
                "query has no column \"ds\"",
            ),
            (
                "'SELECT ds, y, y FROM public.mine', 3",
                "22023",
                "two columns \"y\"",
            ),
            (
                "'SELECT ds, y::text AS y FROM public.mine', 3",
                "22023",
                "a number in its column \"y\", not text",
            ),
            (
                "'SELECT y AS ds, y AS y2, ds AS y FROM public.mine', 3",
                "22023",
                "a date or a timestamp in its column \"ds\", not integer",
            ),
            (
                "'SELECT ds, y, 1 AS price FROM public.mine', 3",
                "22023",
                "a column \"price\" that is neither unique_id nor ds nor y",
            ),
            (
                "'SELECT ds, y, 1 AS x FROM public.mine WHERE 1 / 0 = 1', 3",
                "22023",
                "neither",
            ),
            (
                "'SELECT now() - interval ''1 day'' * (1 / (5 - i)), i FROM generate_series(1, 9) AS i', 3",
                "22012",
                "division by zero",
            ),
            (
                "'SELECT ds, y FROM public.nowhere', 3",
                "42P01",
                "does not exist",
            ),
        ] {
            let failed = caught(&format!("SELECT * FROM rs_forecast({call})"));
            assert_eq!(failed.state, state, "{call}: {failed:?}");
            assert!(failed.message.contains(message), "{call}: {failed:?}");
        }
        // No rows, no series.
        assert_eq!(
            number("SELECT count(*) FROM rs_forecast('TABLE public.mine', 3)"),
            0
        );
        // Memory is asked for before it is taken, and given back.
        Spi::run("SET LOCAL retailscope.max_memory = '32MB'").unwrap();
        let many = "SELECT i AS unique_id, '2020-01-01'::date AS ds, 1 AS y FROM generate_series(1, 300000) AS i";
        let of = |query: &str| {
            let query = quoted(query);
            format!("SELECT count(*) FROM rs_forecast({query}, 1, 'naive')")
        };
        let failed = caught(&of(many));
        assert_eq!(failed.state, "53200", "{failed:?}");
        let sorted = of(&format!("{} ORDER BY 1", many.replace("300000", "120000")));
        assert_eq!(number(&sorted), 120_000);
    }
}
