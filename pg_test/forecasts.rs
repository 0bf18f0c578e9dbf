//! Forecasts: of a shop whose weeks are all alike, so that what comes next is known.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{caught, number, quoted, text, trained, truth, week_shop};

    /// Seven days, and whether all intervals hold their forecast and closed days have none.
    fn week(call: &str) -> String {
        text(&format!(
            "SELECT min(f.date) || ' ' || string_agg(round(f.forecast::numeric, 2)::float8::text, ' ' ORDER BY f.date)
                    || ' ' || bool_and(CASE WHEN extract(isodow FROM f.date) > 5 THEN f.lower IS NULL AND f.upper IS NULL
                                            ELSE f.lower <= f.forecast AND f.forecast <= f.upper END)
             FROM {call} AS f"
        ))
    }

    #[pg_test]
    fn each_series_goes_on_as_its_weeks_did() {
        week_shop();
        for (series, asked, expected) in [
            ("revenue", "rs_forecast_revenue(7)", "20 20 30 40 50"),
            ("orders", "rs_forecast_series('orders', 7)", "2 1 1 1 1"),
            ("units", "rs_forecast_series(' UNITS', 7)", "3 2 3 4 5"),
            (
                "customers",
                "rs_forecast_series('customers', 7)",
                "2 1 1 1 1",
            ),
            ("sku:11111", "rs_forecast_demand('11111', 7)", "1 2 3 4 5"),
            ("sku: mug", "rs_forecast_demand(' 22222 ', 7)", "2 0 0 0 0"),
            (
                "SKU:Tea set",
                "rs_forecast_demand('tea  set', 7)",
                "1 2 3 4 5",
            ),
            (
                "country:france",
                "rs_forecast_series('country:France', 7)",
                "10 0 0 0 0",
            ),
            (
                "country:United Kingdom",
                "rs_forecast_series('Country: united kingdom', 7)",
                "10 20 30 40 50",
            ),
        ] {
            let row = text(&format!(
                "SELECT concat_ws(' ', model, mae, promoted) FROM rs_train_forecast({}, 'seasonal_naive', 7)",
                quoted(series)
            ));
            assert_eq!(row, "seasonal_naive 0 t", "{series}");
            // Saturday and Sunday come first.
            assert_eq!(
                week(asked),
                format!("2020-06-27 0 0 {expected} true"),
                "{series}"
            );
        }
        assert_eq!(
            text("SELECT string_agg(DISTINCT task_name, ' ' ORDER BY task_name) FROM rs_models()"),
            "forecast:country:France forecast:country:United Kingdom forecast:customers forecast:orders forecast:revenue \
             forecast:sku:11111 forecast:sku:22222 forecast:units"
        );
        assert_eq!(
            text(
                "SELECT concat_ws(' ', as_of, training_rows, algorithm, params ->> 'horizon', params ->> 'method') FROM rs_models('forecast:revenue')"
            ),
            "2020-06-27 173 seasonal_naive 7 seasonal_naive"
        );
        assert!(truth(
            "SELECT bool_and(rs_verify_model(model_id)::text = '') FROM rs_models()"
        ));
    }

    #[pg_test]
    fn new_days_move_the_forecast_and_not_the_model() {
        week_shop();
        let id = trained("'revenue', 'seasonal_naive', 7");
        Spi::run("PREPARE next_week AS SELECT sum(forecast)::bigint * 1000 + min(model_id) FROM rs_forecast_revenue(7)").unwrap();
        let prepared = || number("EXECUTE next_week");
        assert_eq!(prepared(), 160_000 + id);
        // A week that sells twice as much, but for a holiday on its Wednesday.
        Spi::run(
            "INSERT INTO public.week_shop
             SELECT 'N' || invoice_no, stock_code, description, 2 * quantity, sold_at + interval '7 days', unit_price, customer_id, country
             FROM public.week_shop WHERE sold_at >= '2020-06-22' AND sold_at::date <> '2020-06-24';
             SELECT rs_ingest_table('public.week_shop'); SELECT rs_refresh_marts()",
        )
        .unwrap();
        assert_eq!(
            week("rs_forecast_revenue(7)"),
            "2020-07-04 0 0 40 40 30 80 100 true"
        );
        assert_eq!(prepared(), 290_000 + id);
        // Another model follows at once, and back again.
        let other = trained("'revenue', 'naive', 7, '{\"promote\": false}'");
        assert_eq!(prepared(), 290_000 + id);
        Spi::run(&format!("SELECT rs_promote({other})")).unwrap();
        assert_eq!(prepared(), 500_000 + other);
        Spi::run("SELECT rs_rollback('forecast:revenue')").unwrap();
        assert_eq!(prepared(), 290_000 + id);
        assert_eq!(
            caught(&format!("SELECT rs_drop_model({id})")).state,
            "55006"
        );
    }

    #[pg_test]
    fn what_came_later_is_not_known() {
        week_shop();
        let at = "'seasonal_naive', 7, '{\"as_of\": \"2020-05-02\"}'";
        let hash = |id: i64| {
            text(&format!(
                "SELECT concat_ws(' ', m.data_hash, m.as_of, md5(c.data)) FROM retailscope.model AS m JOIN retailscope.model_chunk AS c USING (model_id) WHERE model_id = {id}"
            ))
        };
        let series = ["revenue", "sku:11111", "country:France"];
        let before: Vec<String> = series
            .iter()
            .map(|s| hash(trained(&format!("'{s}', {at}"))))
            .collect();
        assert!(before.iter().all(|h| h.contains(" 2020-05-02 ")));
        let backtest = |series: &str| {
            text(&format!(
                "SELECT string_agg(concat_ws(' ', model, fold, cutoff, n, mae, mase, coverage), '|') FROM rs_backtest('{series}', '{{naive,mean}}', 7, 3, params => '{{\"as_of\": \"2020-05-02\"}}')"
            ))
        };
        let tested: Vec<String> = series.iter().map(|s| backtest(s)).collect();
        assert!(tested[0].contains("naive 3 2020-04-25 5 "), "{}", tested[0]);
        Spi::run(
            "UPDATE retailscope.fact_sales SET quantity = quantity * 7, amount = amount * 7 WHERE date >= '2020-05-02';
             SELECT rs_refresh_marts(incremental => false)",
        )
        .unwrap();
        for ((series, before), tested) in series.iter().zip(&before).zip(&tested) {
            assert_eq!(&hash(trained(&format!("'{series}', {at}"))), before);
            assert_eq!(&backtest(series), tested);
        }
        // The check above can fail.
        Spi::run(
            "UPDATE retailscope.fact_sales SET quantity = quantity * 7, amount = amount * 7 WHERE date = '2020-04-27';
             SELECT rs_refresh_marts(incremental => false)",
        )
        .unwrap();
        for (series, before) in series.iter().zip(&before) {
            assert_ne!(&hash(trained(&format!("'{series}', {at}"))), before);
        }
    }

    #[pg_test]
    fn a_backtest_has_a_row_for_each_fold_and_one_for_all() {
        week_shop();
        let rows = |call: &str| {
            text(&format!(
                "SELECT string_agg(concat_ws(' ', model, coalesce(fold::text, '-'), coalesce(cutoff::text, '-'), n, round(mae::numeric, 4), round(wape::numeric, 4)), E'\\n' ORDER BY place)
                 FROM (SELECT *, row_number() OVER () AS place FROM rs_backtest({call})) AS b"
            ))
        };
        // The last weeks begin on Saturdays. Friday's 50 for all days: errors of 30, 30, 20, 10 and 0.
        assert_eq!(
            rows("models => '{seasonal_naive,naive}', horizon => 7, folds => 2"),
            "seasonal_naive 1 2020-06-13 5 0.0000 0.0000\nseasonal_naive 2 2020-06-20 5 0.0000 0.0000\nseasonal_naive - - 10 0.0000 0.0000\n\
             naive 1 2020-06-13 5 18.0000 56.2500\nnaive 2 2020-06-20 5 18.0000 56.2500\nnaive - - 10 18.0000 56.2500"
        );
        // Two days that do not count in between.
        assert_eq!(
            rows(
                "models => '{naive}', horizon => 7, folds => 2, step => 14, window_type => 'sliding', params => '{\"gap\": 2}'"
            ),
            "naive 1 2020-06-04 5 10.0000 31.2500\nnaive 2 2020-06-18 5 10.0000 31.2500\nnaive - - 10 10.0000 31.2500"
        );
        for (call, message) in [
            (
                "models => '{naiv}'",
                "unknown model \"naiv\", did you mean \"naive\"?",
            ),
            ("models => '{naive,NULL}'", "unknown model \"NULL\""),
            ("models => '{}'", "at least one model"),
            ("folds => 0", "folds must be"),
            ("step => -1", "step must be"),
            ("horizon => 1001", "horizon must be"),
            (
                "window_type => 'slidin'",
                "unknown window_type \"slidin\", did you mean \"sliding\"?",
            ),
            (
                "params => '{\"gaps\": 1}'",
                "unknown key in params: \"gaps\", did you mean \"gap\"?",
            ),
            (
                "params => '{\"ets\": {\"as_of\": \"2020-02-02\"}}'",
                "unknown key in params: \"as_of\"",
            ),
            ("params => '[]'", "must be a JSON object"),
        ] {
            let failed = caught(&format!("SELECT * FROM rs_backtest({call})"));
            assert_eq!(failed.state, "22023", "{call}: {failed:?}");
            assert!(failed.message.contains(message), "{call}: {failed:?}");
        }
    }

    #[pg_test]
    fn a_model_that_cannot_be_asked_is_no_champion() {
        week_shop();
        let id = trained("'revenue', 'naive', 7");
        Spi::run(&format!("UPDATE retailscope.model_chunk SET data = set_byte(data, 30, 255 - get_byte(data, 30)) WHERE model_id = {id}")).unwrap();
        assert_eq!(
            caught(&format!("SELECT rs_verify_model({id})")).state,
            "XX001"
        );
        assert_eq!(caught("SELECT rs_forecast_revenue()").state, "XX001");
        let verdict = text("SELECT verdict FROM rs_train_forecast('revenue', 'naive', 7)");
        assert!(
            verdict.starts_with("the model that served cannot be asked"),
            "{verdict}"
        );
        assert_eq!(number("SELECT count(*) FROM rs_forecast_revenue(5)"), 5);
        // A model of something else under the task's name.
        Spi::run("SELECT rs_mine_rules(0.1, 0.1, 0); UPDATE retailscope.model_deployment SET model_id = (SELECT max(model_id) FROM retailscope.model)").unwrap();
        let failed = caught("SELECT rs_forecast_revenue()");
        assert_eq!(failed.state, "55000", "{failed:?}");
        assert!(
            failed.message.contains("one of baskets, not of forecast"),
            "{failed:?}"
        );
    }

    #[pg_test]
    fn all_products_are_forecast_the_best_sellers_first() {
        week_shop();
        let seen = |call: &str| {
            text(&format!(
                "SELECT string_agg(f.line, E'\\n' ORDER BY f.place) FROM (
                     SELECT p.stock_code || ' ' || min(p.date) || ' ' || string_agg(p.forecast::text, ' ' ORDER BY p.date) AS line, min(p.place) AS place
                     FROM (SELECT *, row_number() OVER () AS place FROM rs_forecast_products({call})) AS p GROUP BY p.stock_code) AS f"
            ))
        };
        let (tea, mug) = (
            "11111 2020-06-27 0 0 1 2 3 4 5",
            "22222 2020-06-27 0 0 2 0 0 0 0",
        );
        assert_eq!(
            seen("7, model => 'seasonal_naive'"),
            format!("{tea}\n{mug}")
        );
        assert_eq!(seen("7, 1, 'seasonal_naive'"), tea);
        assert_eq!(seen("7, 0, 'seasonal_naive'"), "");
        // A year later nobody has bought any.
        assert_eq!(
            seen("7, NULL, 'seasonal_naive', params => '{\"as_of\": \"2020-05-02\"}'")
                .replace("2020-05-02", "2020-06-27"),
            format!("{tea}\n{mug}")
        );
        // A product of one day has a forecast, or a note that says why not.
        Spi::run(
            "INSERT INTO public.week_shop VALUES ('X', '33333', 'Jam', 1000, '2020-06-26 12:00', 1, '10001', 'Spain');
             SELECT rs_ingest_table('public.week_shop'); SELECT rs_refresh_marts()",
        )
        .unwrap();
        for model in ["auto", "seasonal_naive", "sarima"] {
            let jam = text(&format!(
                "SELECT string_agg(concat_ws(' ', stock_code, coalesce(date::text, '-'), forecast IS NULL, model IS NULL, note IS NULL), '|')
                 FROM (SELECT * FROM rs_forecast_products(1, 1, '{model}')) AS p"
            ));
            assert!(
                [
                    "33333 2020-06-27 f f t",
                    "33333 2020-06-27 f f f",
                    "33333 - t t f"
                ]
                .contains(&jam.as_str()),
                "{model}: {jam}"
            );
        }
    }

    #[pg_test]
    fn parts_add_up() {
        week_shop();
        trained("'revenue', 'seasonal_naive', 14");
        assert_eq!(
            text(
                "SELECT string_agg(concat_ws(' ', to_char(e.date, 'Dy'), e.forecast, round((level + trend)::numeric, 9)::float8, round(season::numeric, 9)::float8, holidays, regressors), '|' ORDER BY e.date)
                 FROM rs_explain_forecast(horizon => 4) AS e JOIN rs_forecast_revenue(4) AS f USING (date, forecast, model_id, model)"
            ),
            "Sat 0 0 0 0 0|Sun 0 0 0 0 0|Mon 20 32 -12 0 0|Tue 20 32 -12 0 0"
        );
        assert!(truth(
            "SELECT bool_and(abs(level + trend + season + holidays + regressors + remainder - forecast) < 1e-9) FROM rs_explain_forecast('revenue', 60)"
        ));
        assert_eq!(caught("SELECT rs_explain_forecast('units')").state, "55000");
        // The countries and the total on every day, whatever they were before.
        for method in ["mint_shrink", "mint", "wls", "ols", "bottom_up"] {
            assert_eq!(
                text(&format!(
                    "SELECT string_agg(concat_ws(' ', r.date, r.total, r.parts), '|' ORDER BY r.date) FROM (
                         SELECT date, sum(forecast) FILTER (WHERE series = 'revenue') AS total, sum(forecast) FILTER (WHERE series LIKE 'country:%') AS parts
                         FROM rs_forecast_reconciled(7, '{method}', model => 'seasonal_naive') GROUP BY date) AS r WHERE extract(isodow FROM r.date) < 4"
                )),
                "2020-06-29 20 20|2020-06-30 20 20|2020-07-01 30 30",
                "{method}"
            );
        }
        assert_eq!(
            text(
                "SELECT string_agg(DISTINCT series, ' ') FROM rs_forecast_reconciled(1, model => 'naive')"
            ),
            "country:France country:United Kingdom revenue"
        );
        assert!(truth(
            "SELECT bool_and(abs(t.total - t.parts) < 1e-6) AND count(*) = 30 AND bool_or(abs(base - total) > 1e-6) FROM (
                 SELECT date, sum(forecast) FILTER (WHERE series = 'revenue') AS total, sum(forecast) FILTER (WHERE series <> 'revenue') AS parts,
                        sum(base_forecast) FILTER (WHERE series = 'revenue') AS base
                 FROM rs_forecast_reconciled(model => 'xgboost', params => '{\"as_of\": \"2020-06-10\", \"holidays\": \"GB\"}') GROUP BY date) AS t"
        ));
        let failed = caught("SELECT * FROM rs_forecast_reconciled(method => 'mnt')");
        assert_eq!(failed.state, "22023");
        assert!(
            failed.message.contains("\"mnt\", did you mean \"mint\"?"),
            "{failed:?}"
        );
    }

    #[pg_test]
    fn folds_are_those_of_scikit_learn() {
        let folds = |call: &str| {
            text(&format!(
                "SELECT string_agg(concat_ws(' ', fold, train_start, train_end, test_start, test_end), '|' ORDER BY fold) FROM rs_time_series_split({call})"
            ))
        };
        assert_eq!(folds("12, 3"), "1 0 2 3 5|2 0 5 6 8|3 0 8 9 11");
        assert_eq!(folds("10, 3, 2, 1, 3"), "1 0 2 4 5|2 2 4 6 7|3 4 6 8 9");
        assert_eq!(folds("12, NULL, NULL, NULL, NULL"), folds("12, 5"));
        for call in [
            "NULL",
            "-1",
            "5, 5",
            "5, 1",
            "5, 2, 0",
            "5, 2, -1",
            "5, 2, 1, -1",
            "5, 2, 1, 0, -1",
            "2147483647, 2147483647",
        ] {
            let failed = caught(&format!("SELECT rs_time_series_split({call})"));
            assert_eq!(failed.state, "22023", "{call}: {failed:?}");
        }
    }

    #[pg_test]
    fn roles_get_what_they_need() {
        week_shop();
        trained("'revenue', 'naive', 7");
        Spi::run("CREATE ROLE retailscope_seer; SELECT rs_grant_access('retailscope_seer', 'reader'); SET LOCAL ROLE retailscope_seer").unwrap();
        for (call, state) in [
            ("rs_forecast_revenue()", "00000"),
            ("rs_forecast_products(3, 1, 'naive')", "00000"),
            (
                "rs_backtest(models => '{naive}', horizon => 7, folds => 1)",
                "00000",
            ),
            (
                "rs_forecast('SELECT date, gross_revenue FROM retailscope.mart_daily_kpis', 3, 'naive', params => '{\"holidays\": \"GB\"}')",
                "00000",
            ),
            ("rs_forecast_demand('22222')", "55000"),
            ("rs_forecast_series('country:France')", "55000"),
            ("rs_train_forecast()", "42501"),
            ("rs_generate_holidays('GB')", "42501"),
        ] {
            let seen = caught(&format!("SELECT * FROM {call}"));
            assert_eq!(seen.state, state, "{call}: {seen:?}");
        }
        Spi::run("RESET ROLE").unwrap();
        // A forecast of the sales that one role may see would serve everybody.
        Spi::run(
            "SELECT rs_grant_access('retailscope_seer', 'admin'); ALTER TABLE retailscope.mart_daily_kpis ENABLE ROW LEVEL SECURITY;
             CREATE POLICY june ON retailscope.mart_daily_kpis USING (date >= '2020-06-01'); SET LOCAL ROLE retailscope_seer",
        )
        .unwrap();
        assert_eq!(
            caught("SELECT rs_train_forecast(model => 'naive')").state,
            "42501"
        );
        Spi::run("RESET ROLE").unwrap();
    }
}
