//! Forecasts: what is refused, and with which words; and the table of holidays.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{caught, number, text, trained, week_shop};

    #[pg_test]
    fn refusals_say_what_to_do() {
        let empty = caught("SELECT rs_train_forecast()");
        assert_eq!(
            (empty.state.as_str(), empty.message.as_str()),
            ("55000", "mart_daily_kpis has no days yet")
        );
        assert!(empty.hint.contains("rs_refresh_marts"));
        week_shop();
        for (sql, state, message, hint) in [
            (
                "rs_forecast_revenue()",
                "55000",
                "there is no model for forecast:revenue yet",
                "SELECT * FROM rs_train_forecast();",
            ),
            (
                "rs_forecast_demand('mug')",
                "55000",
                "there is no model for forecast:sku:22222 yet",
                "SELECT * FROM rs_train_forecast('sku:22222');",
            ),
            (
                "rs_forecast_demand(NULL)",
                "22023",
                "stock_code must not be NULL",
                "rs_forecast_products",
            ),
            (
                "rs_forecast_demand('1111')",
                "22023",
                "there is no product \"1111\", did you mean \"11111\"?",
                "dim_product",
            ),
            (
                "rs_forecast_series('revenues')",
                "22023",
                "unknown series \"revenues\", did you mean \"revenue\"?",
                "country:<name>",
            ),
            (
                "rs_forecast_series('product:1')",
                "22023",
                "unknown series \"product:1\"",
                "sku:<stock_code>",
            ),
            (
                "rs_forecast_series('skus:11111')",
                "22023",
                "unknown series \"skus:11111\", did you mean \"sku:\"?",
                "sku:<stock_code>",
            ),
            (
                "rs_forecast_series('sku:')",
                "22023",
                "unknown series \"sku:\"",
                "sku:<stock_code>",
            ),
            (
                "rs_forecast_series('')",
                "22023",
                "unknown series \"\"",
                "sku:<stock_code>",
            ),
            (
                "rs_forecast_series('country:Frence')",
                "22023",
                "there is no country \"Frence\", did you mean \"France\"?",
                "The countries are \"France\", \"United Kingdom\".",
            ),
            (
                "rs_forecast_revenue(0)",
                "22023",
                "horizon must be from 1 to 1000, not 0",
                "days",
            ),
            (
                "rs_forecast_revenue(5, 1)",
                "22023",
                "level must be above 0 and below 1, not 1",
                "0.95",
            ),
            (
                "rs_forecast_revenue(5, 'NaN')",
                "22023",
                "level must be above 0 and below 1, not NaN",
                "0.95",
            ),
            (
                "rs_train_forecast('sku:POST')",
                "55000",
                "sku:POST has no sales",
                "Merchandise",
            ),
            (
                "rs_train_forecast(params => '{\"as_of\": \"2020-01-06\"}')",
                "55000",
                "revenue has no sales before 2020-01-06",
                "rs_refresh_marts",
            ),
            (
                "rs_train_forecast(model => 'prophet')",
                "22023",
                "unknown model \"prophet\"",
                "\"ets\"",
            ),
            (
                "rs_train_forecast(params => '{\"holidays\": \"GBR\"}')",
                "22023",
                "there are no holidays of the region \"GBR\"",
                "\"GB\"",
            ),
            (
                "rs_train_forecast(horizon => -1)",
                "22023",
                "horizon must be",
                "days",
            ),
            (
                "rs_forecast_products(n => -1)",
                "22023",
                "n must be 0 or more, not -1",
                "NULL",
            ),
            (
                "rs_forecast_products(params => '{\"holidays\": \"XX\"}')",
                "22023",
                "there are no holidays of the region \"XX\"",
                "retailscope.holiday",
            ),
        ] {
            let failed = caught(&format!("SELECT * FROM {sql}"));
            assert_eq!(failed.state, state, "{sql}: {failed:?}");
            assert!(failed.message.contains(message), "{sql}: {failed:?}");
            assert!(failed.hint.contains(hint), "{sql}: {failed:?}");
        }
        // All arguments may be NULL: then they have their defaults.
        let id = trained("NULL, 'naive', NULL, NULL, NULL");
        assert_eq!(
            text(&format!(
                "SELECT concat_ws(' ', task_name, seed, params ->> 'horizon') FROM rs_models() WHERE model_id = {id}"
            )),
            "forecast:revenue 42 30"
        );
        assert_eq!(
            number("SELECT count(*) FROM rs_forecast_revenue(NULL, NULL)"),
            30
        );
        assert_eq!(
            number("SELECT count(*) FROM rs_forecast_series(NULL, 1000)"),
            1000
        );
    }

    #[pg_test]
    fn holidays_are_added_once_and_counted_from_both_sides() {
        Spi::run("INSERT INTO retailscope.holiday (date, name, region) VALUES ('2020-05-09', 'Our sale', 'shop'), ('2020-05-08', 'Our own name', 'GB')").unwrap();
        assert_eq!(number("SELECT rs_generate_holidays('gb', 2020, 2020)"), 9);
        assert_eq!(number("SELECT rs_generate_holidays('GB', 2020, 2020)"), 0);
        assert_eq!(
            text(
                "SELECT string_agg(to_char(date, 'MMDD'), ' ' ORDER BY date) FROM retailscope.holiday WHERE region = 'GB'"
            ),
            "0101 0410 0413 0508 0508 0525 0831 1225 1226 1228"
        );
        week_shop();
        let days = |call: &str| {
            text(&format!(
                "SELECT string_agg(concat_ws(' ', to_char(date, 'MMDD'), is_holiday, coalesce(days_to_holiday::text, '-'), coalesce(days_from_holiday::text, '-')), '|' ORDER BY date)
                 FROM {call} WHERE date BETWEEN '2020-05-07' AND '2020-05-10'"
            ))
        };
        assert_eq!(
            days("rs_daily_features()"),
            "0507 f 1 24|0508 t 0 0|0509 t 0 0|0510 f 15 1"
        );
        assert_eq!(
            days("rs_daily_features(region => 'GB')"),
            "0507 f 1 24|0508 t 0 0|0509 f 16 1|0510 f 15 2"
        );
        assert_eq!(
            days("rs_daily_features('2020-05-10', 'shop')"),
            "0507 f 2 -|0508 f 1 -|0509 t 0 0"
        );
        assert_eq!(
            days("rs_daily_features(NULL, 'none')"),
            "0507 f - -|0508 f - -|0509 f - -|0510 f - -"
        );
        // The calendar's years and five more: 2020 is there already.
        assert_eq!(
            text(
                "SELECT concat_ws(' ', rs_generate_holidays('FR') > 60, min(date), max(date)) FROM retailscope.holiday WHERE region = 'FR'"
            ),
            "t"
        );
        assert_eq!(
            text(
                "SELECT concat_ws(' ', min(date), max(date)) FROM retailscope.holiday WHERE region = 'FR'"
            ),
            "2020-01-01 2025-12-25"
        );
        for (call, message) in [
            ("NULL", "region must not be NULL"),
            ("'UK'", "\"UK\""),
            ("'GB', 1000, 2000", "1000"),
            ("'GB', 2020, 2019", "2019"),
        ] {
            let failed = caught(&format!("SELECT rs_generate_holidays({call})"));
            assert_eq!(failed.state, "22023", "{call}: {failed:?}");
            assert!(failed.message.contains(message), "{call}: {failed:?}");
        }
        // Of a region that has no rows the ones by rule, and of one with rows these.
        for region in ["DE", "shop", "GB"] {
            trained(&format!(
                "'revenue', 'naive', 7, '{{\"holidays\": \"{region}\"}}'"
            ));
        }
    }
}
