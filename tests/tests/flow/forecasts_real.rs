//! Forecasts of Online Retail II, from outside: better than the last season, closed when the shop is, blind to what came later; and a
//! batch of series of which some cannot be forecast.

use crate::real_data::{one_row, retail};
use crate::shop::bytes_of;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{error_text, query_one, rows_as_text};

type Rows = Vec<Vec<Option<String>>>;

fn number(client: &mut Client, sql: &str) -> f64 {
    let text = query_one(client, sql);
    text.parse()
        .unwrap_or_else(|e| panic!("{e}: {text:?}: {sql}"))
}

/// The number of the model that a call of `rs_train_forecast` with these arguments stores.
fn trained(client: &mut Client, arguments: &str) -> i64 {
    let sql = format!("SELECT model_id FROM rs_train_forecast({arguments})");
    client
        .query_one(&sql, &[])
        .unwrap_or_else(|e| panic!("{}: {sql}", error_text(&e)))
        .get(0)
}

/// The model that serves revenue.
fn serving(client: &mut Client) -> String {
    query_one(
        client,
        "SELECT string_agg(DISTINCT model_id::text, ' ') FROM rs_forecast_revenue()",
    )
}

#[test]
fn revenue_of_online_retail_ii_is_forecast() {
    let _turn = alone();
    let Some(mut client) = retail("retail_forecasts") else {
        return;
    };
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let auto = the_choice_is_better_than_the_last_season(&mut client);
    december_looks_like_this_shop(&mut client);
    the_past_was_forecast_better_too(&mut client);
    a_worse_challenger_does_not_serve(&mut client, auto);
    serving_moves_on_with_the_marts(&mut client);
    products_and_countries(&mut client);
    what_came_later_changes_no_bit(&mut client);
    threads_change_no_bit(&mut client);
}

/// On the three months of the holdout, which nothing was chosen by.
fn the_choice_is_better_than_the_last_season(client: &mut Client) -> i64 {
    let sql = "SELECT model_id, promoted, verdict, mase, coverage FROM rs_train_forecast('revenue', 'auto', 28)";
    let row = client.query_one(sql, &[]).unwrap();
    let (id, mase, coverage): (i64, f64, f64) = (row.get(0), row.get(3), row.get(4));
    assert!(row.get::<_, bool>(1));
    assert_eq!(row.get::<_, String>(2), "the first model of the series");
    let naive = number(
        client,
        "SELECT mase FROM rs_backtest('revenue', '{seasonal_naive}', 28, 3) WHERE fold IS NULL",
    );
    println!("holdout: MASE {mase:.3}, of the seasonal naive {naive:.3}, coverage {coverage:.3}");
    assert!(mase < naive, "{mase} {naive}");
    assert!(coverage >= 0.85, "{coverage}");
    // What was tried, and what is told, is stored.
    let stored = format!(
        "SELECT max(value) FILTER (WHERE dataset = 'holdout' AND metric = 'mase') = {mase},
                bool_or(metric = 'mase.seasonal_naive'), bool_or(metric = 'mase.ets'), bool_or(metric = 'mase.' || m.algorithm)
         FROM retailscope.model_metric JOIN retailscope.model AS m USING (model_id) WHERE model_id = {id}"
    );
    assert_eq!(one_row(client, &stored), "t t t t");
    id
}

/// The shop closes on Saturdays, and from Christmas to New Year.
fn december_looks_like_this_shop(client: &mut Client) {
    let days = "SELECT count(*), min(date), max(date),
            count(*) FILTER (WHERE closed AND (forecast <> 0 OR lower IS NOT NULL OR upper IS NOT NULL)),
            count(*) FILTER (WHERE closed),
            count(*) FILTER (WHERE NOT closed AND date < '2011-12-24' AND NOT (forecast > 5000 AND lower >= 0 AND lower < forecast AND forecast < upper)),
            count(*) FILTER (WHERE NOT closed AND date < '2011-12-24')
        FROM (SELECT *, extract(isodow FROM date) = 6 OR date BETWEEN '2011-12-25' AND '2012-01-01' AS closed
              FROM rs_forecast_revenue(30)) AS f";
    assert_eq!(one_row(client, days), "30 2011-12-10 2012-01-08 0 12 0 12");
    // Against the same weekdays of the year before.
    let growth = number(
        client,
        "SELECT (SELECT sum(forecast) FROM rs_forecast_revenue(30)) / sum(gross_revenue)::float8
         FROM retailscope.mart_daily_kpis WHERE date BETWEEN '2010-12-11' AND '2011-01-09'",
    );
    println!("30 days against the year before: {growth:.3}");
    assert!((0.7..2.2).contains(&growth), "{growth}");
    let wider = "SELECT count(*), count(*) FILTER (WHERE a.forecast = b.forecast AND a.lower <= b.lower AND b.upper < a.upper)
        FROM rs_forecast_revenue(30, 0.95) AS a JOIN rs_forecast_revenue(30, 0.6) AS b USING (date) WHERE a.upper IS NOT NULL";
    let row = one_row(client, wider);
    let (all, nested) = row.split_once(' ').unwrap();
    assert!(all == nested && all != "0", "{row}");
}

fn the_past_was_forecast_better_too(client: &mut Client) {
    client
        .batch_execute(
            "CREATE TEMP TABLE tested AS
             SELECT * FROM rs_backtest('revenue', '{seasonal_naive,ets,year_over_year,auto}', 28, 5)",
        )
        .unwrap();
    assert_eq!(
        one_row(
            client,
            "SELECT count(*), count(DISTINCT model), count(DISTINCT cutoff), min(cutoff), max(cutoff), count(*) FILTER (WHERE fold IS NULL),
                    count(*) FILTER (WHERE fold IS NOT NULL AND note IS NULL), min(season), max(season) FROM tested"
        ),
        "24 4 5 2011-07-23 2011-11-12 4 0 6 6"
    );
    let pooled = |client: &mut Client, model: &str, what: &str| {
        let sql = format!("SELECT {what} FROM tested WHERE model = '{model}' AND fold IS NULL");
        number(client, &sql)
    };
    let naive = pooled(client, "seasonal_naive", "mase");
    let auto = pooled(client, "auto", "mase");
    let coverage = pooled(client, "auto", "coverage");
    println!("pooled MASE: auto {auto:.3}, seasonal naive {naive:.3}; coverage {coverage:.3}");
    assert!(auto <= 0.83 * naive, "{auto} {naive}");
    assert!((0.87..=1.0).contains(&coverage), "{coverage}");
    // The seasonal naive by SQL of this test's own: the same weekday of the week before the origin.
    let wrong = "SELECT count(*), count(*) FILTER (WHERE abs(t.mae / e.mae - 1) > 1e-9 OR t.n <> e.n)
        FROM tested AS t, LATERAL (
            SELECT count(*) AS n, avg(abs(k.gross_revenue - p.gross_revenue))::float8 AS mae
            FROM retailscope.mart_daily_kpis AS k
            JOIN retailscope.mart_daily_kpis AS p ON p.date = k.date - 7 * ((k.date - t.cutoff) / 7 + 1)
            WHERE k.date >= t.cutoff AND k.date < t.cutoff + 28 AND k.is_trading_day) AS e
        WHERE model = 'seasonal_naive' AND cutoff IN ('2011-10-15', '2011-11-12')";
    assert_eq!(one_row(client, wrong), "2 0");
}

fn a_worse_challenger_does_not_serve(client: &mut Client, auto: i64) {
    let naive = one_row(
        client,
        "SELECT model_id, promoted, verdict LIKE 'not better: MASE %' FROM rs_train_forecast('revenue', 'naive', 28)",
    );
    let (challenger, rest) = naive.split_once(' ').unwrap();
    assert_eq!(rest, "f t");
    let auto = auto.to_string();
    assert_eq!(serving(client), auto);
    // By hand it does, and back again.
    client
        .batch_execute(&format!("SELECT rs_promote({challenger})"))
        .unwrap();
    assert_eq!(serving(client), challenger);
    let last = "SELECT count(DISTINCT forecast) = 1 AND max(forecast) = (SELECT gross_revenue::float8 FROM retailscope.mart_daily_kpis ORDER BY date DESC LIMIT 1)
        FROM rs_forecast_revenue(10) WHERE forecast <> 0";
    assert_eq!(query_one(client, last), "t");
    client
        .batch_execute("SELECT rs_rollback('forecast:revenue')")
        .unwrap();
    assert_eq!(serving(client), auto);
}

/// A model knows the days before it was trained; the forecast goes on from the last day of the marts.
fn serving_moves_on_with_the_marts(client: &mut Client) {
    for (series, model) in [("units", "seasonal_naive"), ("orders", "ets")] {
        let id = trained(
            client,
            &format!("'{series}', '{model}', 28, '{{\"as_of\": \"2011-11-01\"}}'"),
        );
        let moved = format!(
            "SELECT m.as_of, min(f.date), max(f.date), bool_and(f.model_id = {id})
             FROM rs_forecast_series('{series}', 7) AS f, retailscope.model AS m WHERE m.model_id = {id} GROUP BY 1"
        );
        assert_eq!(
            one_row(client, &moved),
            "2011-11-01 2011-12-10 2011-12-16 t"
        );
    }
    let last_week = "SELECT count(*), count(*) FILTER (WHERE f.forecast <> k.units) FROM rs_forecast_series('units', 7) AS f
        JOIN retailscope.mart_daily_kpis AS k ON k.date = f.date - 7";
    assert_eq!(one_row(client, last_week), "7 0");
}

fn products_and_countries(client: &mut Client) {
    trained(client, "'sku:85123a', 'tsb', 28");
    let by_name =
        "SELECT count(*), bool_and(forecast >= 0) FROM rs_forecast_demand(' 85123A ', 14)";
    assert_eq!(one_row(client, by_name), "14 t");
    // The best sellers of the last year first, by SQL of this test's own.
    let asked = "SELECT string_agg(stock_code, ' ' ORDER BY place) FROM (
            SELECT stock_code, min(place) AS place
            FROM (SELECT *, row_number() OVER () AS place FROM rs_forecast_products(7, 8, 'weekday_mean')) AS f GROUP BY 1) AS p";
    let sold = "SELECT string_agg(stock_code, ' ' ORDER BY units DESC) FROM (
            SELECT p.stock_code, sum(f.quantity) AS units FROM retailscope.fact_sales AS f JOIN retailscope.dim_product AS p USING (product_key)
            WHERE p.is_merchandise AND f.line_kind = 'sale' AND f.date >= '2010-12-10' GROUP BY 1 ORDER BY 2 DESC LIMIT 8) AS s";
    assert_eq!(query_one(client, asked), query_one(client, sold));
    // Countries add up to the total on every day, and would not have by themselves.
    let sums = "SELECT count(*), count(*) FILTER (WHERE abs(total - parts) > 1e-6 * (1 + total)), bool_or(abs(base_total - base_parts) > 1),
               min(countries), max(countries), min(least) >= 0
        FROM (SELECT date, sum(forecast) FILTER (WHERE series = 'revenue') AS total, sum(forecast) FILTER (WHERE series <> 'revenue') AS parts,
                     sum(base_forecast) FILTER (WHERE series = 'revenue') AS base_total,
                     sum(base_forecast) FILTER (WHERE series <> 'revenue') AS base_parts,
                     count(*) FILTER (WHERE series LIKE 'country:%') AS countries, min(forecast) AS least
              FROM rs_forecast_reconciled(28, model => 'ets') GROUP BY 1) AS d";
    assert_eq!(one_row(client, sums), "28 0 t 43 43 t");
}

/// Everything that a forecast of the first of October may say, to the last bit.
fn as_of_october(client: &mut Client) -> (Vec<String>, Vec<Rows>) {
    let models = [
        (
            "revenue",
            "auto",
            r#", "models": ["year_over_year", "ets", "xgboost"], "folds": 2, "holidays": "GB""#,
        ),
        ("revenue", "ets", ""),
        ("revenue", "xgboost", r#", "n_estimators": 20"#),
        ("customers", "theta", ""),
        ("sku:85123A", "tsb", ""),
        ("country:Germany", "weekday_mean", ""),
    ]
    .map(|(series, model, more)| {
        let id = trained(
            client,
            &format!(
                "'{series}', '{model}', 28, '{{\"as_of\": \"2011-10-01\", \"promote\": false{more}}}'"
            ),
        );
        bytes_of(client, id)
    });
    let as_of = r#"params => '{"as_of": "2011-10-01"}'"#;
    let told = [
        format!("SELECT model, fold, cutoff, n, mae, mase, coverage, note FROM rs_backtest('revenue', '{{seasonal_naive,ets,year_over_year}}', 28, 3, {as_of})"),
        format!("SELECT * FROM rs_forecast_products(14, 6, 'ets', {as_of})"),
        format!("SELECT * FROM rs_forecast_reconciled(14, model => 'ets', {as_of})"),
    ]
    .map(|sql| rows_as_text(client, &sql));
    (models.to_vec(), told.to_vec())
}

/// Point in time: the same whether the sales of the last months are there or not.
fn what_came_later_changes_no_bit(client: &mut Client) {
    let expected = as_of_october(client);
    assert!(expected.1.iter().all(|rows| rows.len() > 10));
    client
        .batch_execute(
            "BEGIN; DELETE FROM retailscope.fact_sales WHERE date >= '2011-10-01'; SELECT rs_refresh_marts(incremental => false)",
        )
        .unwrap();
    let newest = "SELECT max(date) FROM retailscope.mart_daily_kpis";
    assert_eq!(query_one(client, newest), "2011-09-30");
    let found = as_of_october(client);
    assert_eq!(found.0, expected.0);
    for (then, now) in expected.1.iter().zip(&found.1) {
        assert_eq!(now, then);
    }
    // The check can fail.
    client
        .batch_execute(
            "UPDATE retailscope.mart_daily_kpis SET gross_revenue = gross_revenue + 1 WHERE date = '2011-09-30'",
        )
        .unwrap();
    let id = trained(
        client,
        "'revenue', 'ets', 28, '{\"as_of\": \"2011-10-01\", \"promote\": false}'",
    );
    assert_ne!(bytes_of(client, id), expected.0[1]);
    client.batch_execute("ROLLBACK").unwrap();
}

fn threads_change_no_bit(client: &mut Client) {
    let seen: Vec<(String, Vec<Rows>)> = [1, 2]
        .into_iter()
        .map(|threads| {
            client
                .batch_execute(&format!("SET retailscope.threads = {threads}"))
                .unwrap();
            let id = trained(
                client,
                r#"'revenue', 'ensemble', 28, '{"models": ["weekday_mean", "year_over_year", "ets", "xgboost"], "folds": 2, "promote": false}'"#,
            );
            let told = [
                "SELECT * FROM rs_forecast_products(14, 3)",
                "SELECT * FROM rs_forecast_reconciled(14, model => 'weekday_mean')",
                "SELECT model, fold, mae, coverage, note FROM rs_backtest('revenue', '{xgboost}', 28, 2)",
            ]
            .map(|sql| rows_as_text(client, sql));
            (bytes_of(client, id), told.to_vec())
        })
        .collect();
    assert_eq!(seen[0], seen[1]);
    client.batch_execute("RESET retailscope.threads").unwrap();
}

/// 300 series of 80 days, 11 of them odd.
const MANY: &str = "
    CREATE TABLE many (unique_id text, ds date, y float8);
    INSERT INTO many SELECT 's' || s, date '2024-01-01' + d, 50 + s % 7 + 10 * sin(d * 0.9) + (s * d) % 11
    FROM generate_series(1, 289) AS s, generate_series(0, 79) AS d;
    INSERT INTO many SELECT o.id, date '2024-01-01' + d, CASE o.id
            WHEN 'infinite' THEN CASE d WHEN 40 THEN 'infinity'::float8 ELSE d END
            WHEN 'huge' THEN CASE d WHEN 40 THEN -1e16 ELSE d END
            WHEN 'nothing' THEN NULL
            WHEN 'nan' THEN CASE d % 10 WHEN 3 THEN 'NaN'::float8 ELSE 5 END
            ELSE 5 END
    FROM unnest('{infinite,huge,nothing,nan,constant,gaps,double,double,undated,zeros,NULL}'::text[]) AS o (id), generate_series(0, 79) AS d
    WHERE o.id IS DISTINCT FROM 'gaps' OR d % 10 NOT IN (4, 5, 6);
    INSERT INTO many SELECT 'undated', NULL, 1000 FROM generate_series(1, 3);
    UPDATE many SET y = 0 WHERE unique_id = 'zeros';
    INSERT INTO many VALUES ('one', '2024-03-20', 7)";

#[test]
fn of_many_series_bad_ones_have_a_note_and_the_rest_a_forecast() {
    let mut client = cluster().fresh("many_series");
    client.batch_execute(MANY).unwrap();
    let forecast = |client: &mut Client, order: &str| {
        rows_as_text(
            client,
            &format!("SELECT * FROM rs_forecast('SELECT * FROM many ORDER BY {order}', 7)"),
        )
    };
    let found = forecast(&mut client, "unique_id COLLATE \"C\"");
    client
        .batch_execute("CREATE TEMP TABLE found AS SELECT * FROM rs_forecast('TABLE many', 7)")
        .unwrap();
    let kept = rows_as_text(&mut client, "TABLE found");
    for other in [
        &kept,
        &forecast(&mut client, "md5(unique_id || ds || y), y"),
    ] {
        assert_eq!(other.len(), found.len());
        assert_eq!(*other, found);
    }
    assert_eq!(
        one_row(
            &mut client,
            "SELECT count(DISTINCT coalesce(unique_id, '')), count(*) FROM found"
        ),
        format!("300 {}", 297 * 7 + 3)
    );
    assert_eq!(
        one_row(
            &mut client,
            "SELECT count(*), bool_and(note IS NULL), bool_and(lower <= forecast AND forecast <= upper AND forecast BETWEEN 20 AND 100),
                    min(ds), max(ds) FROM found WHERE unique_id LIKE 's%'"
        ),
        "2023 t t 2024-03-21 00:00:00 2024-03-27 00:00:00"
    );
    // What cannot be forecast has one row that says why.
    assert_eq!(
        rows_as_text(
            &mut client,
            "SELECT unique_id, note FROM found WHERE forecast IS NULL AND ds IS NULL AND model IS NULL ORDER BY 1"
        )
        .concat()
        .into_iter()
        .flatten()
        .collect::<Vec<_>>(),
        [
            "huge",
            "a value of the series is infinite or larger than 1e15",
            "infinite",
            "a value of the series is infinite or larger than 1e15",
            "nothing",
            "the series has no values",
        ]
    );
    // All of these go on as they were, and say what was done to them.
    let odd = rows_as_text(
        &mut client,
        "SELECT coalesce(unique_id, '(null)'), min(round(forecast::numeric, 6)::float8), max(round(forecast::numeric, 6)::float8), max(note)
         FROM found WHERE unique_id NOT LIKE 's%' AND forecast IS NOT NULL OR unique_id IS NULL GROUP BY 1 ORDER BY 1",
    );
    let odd: Vec<String> = odd
        .iter()
        .map(|row| {
            let values = row.iter().map(|v| v.as_deref().unwrap_or("-"));
            values.collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        odd,
        [
            "(null) 5 5 -",
            "constant 5 5 -",
            "double 10 10 80 values of steps that have one were added to it",
            "gaps 5 5 -",
            "nan 5 5 -",
            "one 7 7 too short for anything but its last value",
            "undated 5 5 3 rows without a ds were left out",
            "zeros 0 0 -",
        ]
    );
}
