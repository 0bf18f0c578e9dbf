//! R14, R49: queries that give no series, by SQLSTATE, with what to do.

use crate::refusals::{Refusal, check};
use crate::refusals_of_forecasts::FORECAST;
use crate::support::{fails, run, shared, table};
use retailscope_system_tests::{error_text, sqlstate};

const REFUSED: &[Refusal] = &[
    // A query of the caller's.
    ("rs_forecast(NULL, 3)", "22023", "query must not be NULL"),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', NULL)",
        "22023",
        "horizon must not be NULL",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 0)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 1001)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'etss')",
        "22023",
        "unknown model \"etss\", did you mean \"ets\"?",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', 0)",
        "22023",
        "level must be above 0 and below 1",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', 1)",
        "22023",
        "level must be above 0 and below 1",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', 'NaN')",
        "22023",
        "level must be above 0 and below 1",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', freq => 'dayy')",
        "22023",
        "unknown freq \"dayy\", did you mean \"day\"?",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', freq => '')",
        "22023",
        "unknown freq \"\"",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', season_length => 0)",
        "22023",
        "season_length must be 1 or more, not 0",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', season_length => -2147483648)",
        "22023",
        "season_length must be",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', season_length => 2147483647)",
        "22023",
        "\"season\" must be a whole number from",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', params => '[]')",
        "22023",
        "must be a JSON object",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', params => '{\"regressors\": []}')",
        "22023",
        "unknown key",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', params => '{\"xreg\": \"price\"}')",
        "22023",
        "\"xreg\" must be",
    ),
    (
        "rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3, 'naive', params => '{\"holidays\": \"XX\"}')",
        "22023",
        "no holidays of the region \"XX\"",
    ),
    (
        "rs_forecast('SELECT 1', 3)",
        "22023",
        "query has no column \"ds\"",
    ),
    (
        "rs_forecast('SELECT now() AS ds', 3)",
        "22023",
        "query has no column \"y\"",
    ),
    (
        "rs_forecast('SELECT now() AS day, 1 AS y', 3)",
        "22023",
        "query has no column \"ds\"",
    ),
    (
        "rs_forecast('SELECT 1 AS ds, 2 AS y', 3)",
        "22023",
        "must have a date or a timestamp in its column \"ds\", not integer",
    ),
    (
        "rs_forecast('SELECT now() AS ds, ''2''::text AS y', 3)",
        "22023",
        "must have a number in its column \"y\", not text",
    ),
    (
        "rs_forecast('SELECT now() AS ds, true AS y', 3)",
        "22023",
        "must have a number in its column \"y\", not boolean",
    ),
    (
        "rs_forecast('SELECT now() AS ds, 1 AS y, 2 AS y', 3)",
        "22023",
        "query has two columns \"y\"",
    ),
    (
        "rs_forecast('SELECT now() AS ds, 1 AS y, 2 AS price', 3)",
        "22023",
        "a column \"price\" that is neither unique_id nor ds nor y",
    ),
    (
        "rs_forecast('SELECT 1, 2, 3, 4', 3)",
        "22023",
        "query has no column \"ds\"",
    ),
    (
        "rs_forecast('SELECT now() AS ds, 1 AS y, 2 AS price', 3, params => '{\"xreg\": [\"prices\"]}')",
        "22023",
        "query has no column \"prices\", did you mean \"price\"?",
    ),
    (
        "rs_forecast('SELECT now() AS ds, 1 AS y, ''x'' AS price', 3, params => '{\"xreg\": [\"price\"]}')",
        "22023",
        "must have a number or a boolean in its column \"price\", not text",
    ),
    // What is no query that only reads.
    (
        "rs_forecast('', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast(';', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('SELECT now(), 2; SELECT now(), 3', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('DELETE FROM retailscope.fact_sales', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('DELETE FROM retailscope.fact_sales RETURNING date, amount', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('WITH d AS (DELETE FROM retailscope.fact_sales RETURNING date, amount) TABLE d', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('SELECT now() AS ds, 2 AS y INTO stolen', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('COPY retailscope.fact_sales TO STDOUT', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('TRUNCATE retailscope.fact_sales', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('CALL rs_run_pipeline(''x'')', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('EXPLAIN SELECT now(), 2', 3)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_forecast('SHOW work_mem', 3)",
        "22023",
        "must be one query that only reads",
    ),
];

#[test]
fn every_query_that_gives_no_series_is_refused() {
    let mut db = shared().fresh("refused_queries");
    run(&mut db, FORECAST);
    check(&mut db, REFUSED);
    // PostgreSQL's own, of the query as it is.
    for (query, code) in [
        ("SELECT ds, y FROM nowhere", "42P01"),
        ("SELECT now(), 1 / 0", "22012"),
        ("no query", "42601"),
        ("SELECT now(), $1", "42P02"),
        (
            "SELECT date, orders FROM retailscope.mart_daily_kpis FOR UPDATE",
            "0A000",
        ),
    ] {
        let error = fails(&mut db, &format!("SELECT rs_forecast('{query}', 3)"));
        assert_eq!(sqlstate(&error), code, "{query}: {}", error_text(&error));
    }
    let left = "SELECT to_regclass('stolen'), count(*) > 1000 FROM retailscope.fact_sales";
    assert_eq!(table(&mut db, left), "- | t\n");
}
