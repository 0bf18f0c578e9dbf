//! R14, R49: each refusal of the functions for forecasts has its SQLSTATE and says what to do. Those of params and of backtests
//! are in `refusals_of_params`, those of queries in `refusals_of_queries`.

use crate::models::TRAINED;
use crate::refusals::{Refusal, check};
use crate::support::{run, shared, table};

/// A shop with a model.
pub const FORECAST: &str = "
    SELECT rs_generate_sales(60, 300); SELECT rs_refresh_marts(); SELECT rs_train_forecast(model => 'naive')";

/// In a warehouse without sales.
const EMPTY: &[Refusal] = &[
    (
        "rs_train_forecast()",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_train_forecast('units', 'naive')",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    ("rs_backtest()", "55000", "mart_daily_kpis has no days yet"),
    (
        "rs_forecast_products()",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_forecast_reconciled()",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_train_forecast('sku:85123A')",
        "22023",
        "no product \"85123A\"",
    ),
    (
        "rs_train_forecast('country:France')",
        "22023",
        "no country \"France\"",
    ),
    (
        "rs_backtest('sku:85123A')",
        "22023",
        "no product \"85123A\"",
    ),
    (
        "rs_backtest('country:France')",
        "22023",
        "no country \"France\"",
    ),
    (
        "rs_forecast_revenue()",
        "55000",
        "no model for forecast:revenue yet",
    ),
    (
        "rs_forecast_series('units')",
        "55000",
        "no model for forecast:units yet",
    ),
    (
        "rs_forecast_series('country:France')",
        "22023",
        "no country \"France\"",
    ),
    (
        "rs_forecast_demand('85123A')",
        "22023",
        "no product \"85123A\"",
    ),
    (
        "rs_rollback('forecast:revenue')",
        "55000",
        "no model serves 'forecast:revenue'",
    ),
];

/// With sales that the marts do not know yet.
const UNREFRESHED: &[Refusal] = &[
    (
        "rs_train_forecast()",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_train_forecast('units', 'naive')",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    ("rs_backtest()", "55000", "mart_daily_kpis has no days yet"),
    (
        "rs_forecast_products()",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_forecast_reconciled()",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_train_forecast('country:United Kingdom', 'naive')",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_train_forecast('sku:oak photo frame', 'naive')",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_backtest('country:United Kingdom', '{naive}')",
        "55000",
        "mart_daily_kpis has no days yet",
    ),
    (
        "rs_forecast_series('country:United Kingdom')",
        "55000",
        "no model for forecast:country:United Kingdom yet",
    ),
];

/// With ten months of sales, the models of [`TRAINED`], and a forecast of revenue, which is model 5.
const FULL: &[Refusal] = &[
    // Which series.
    (
        "rs_train_forecast('revenues')",
        "22023",
        "unknown series \"revenues\", did you mean \"revenue\"?",
    ),
    ("rs_train_forecast('')", "22023", "unknown series \"\""),
    (
        "rs_train_forecast('sku:')",
        "22023",
        "unknown series \"sku:\"",
    ),
    (
        "rs_train_forecast('product:21441')",
        "22023",
        "unknown series \"product:21441\"",
    ),
    (
        "rs_train_forecast(repeat('x', 1000000))",
        "22023",
        "unknown series \"xxx",
    ),
    (
        "rs_train_forecast('sku:' || repeat('x', 1000000))",
        "22023",
        "no product \"XXX",
    ),
    (
        "rs_train_forecast('country:' || repeat('x', 1000000))",
        "22023",
        "no country \"xxx",
    ),
    (
        "rs_train_forecast('sku:oak foto frame')",
        "22023",
        "did you mean \"OAK PHOTO FRAME\"?",
    ),
    (
        "rs_train_forecast('country:Frence')",
        "22023",
        "no country \"Frence\", did you mean \"France\"?",
    ),
    (
        "rs_forecast_series('unit')",
        "22023",
        "did you mean \"units\"?",
    ),
    (
        "rs_forecast_series('orders')",
        "55000",
        "no model for forecast:orders yet",
    ),
    (
        "rs_forecast_series('country:france')",
        "55000",
        "no model for forecast:country:France yet",
    ),
    (
        "rs_forecast_demand('oak photo frame')",
        "55000",
        "no model for forecast:sku:",
    ),
    ("rs_forecast_demand('')", "22023", "no product \"\""),
    (
        "rs_forecast_demand(NULL)",
        "22023",
        "stock_code must not be NULL",
    ),
    (
        "rs_backtest('custommers')",
        "22023",
        "did you mean \"customers\"?",
    ),
    // How far, and how sure.
    (
        "rs_train_forecast(horizon => 0)",
        "22023",
        "horizon must be from 1 to 1000, not 0",
    ),
    (
        "rs_train_forecast(horizon => 1001)",
        "22023",
        "horizon must be from 1 to 1000, not 1001",
    ),
    (
        "rs_train_forecast(horizon => -2147483648)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast_revenue(0)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast_revenue(1001)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast_series('revenue', 2147483647)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast_demand('21441', -1)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_backtest(horizon => 0)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_backtest(horizon => 1001)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast_products(0)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast_reconciled(1001)",
        "22023",
        "horizon must be from 1 to 1000",
    ),
    (
        "rs_forecast_revenue(3, 0)",
        "22023",
        "level must be above 0 and below 1, not 0",
    ),
    (
        "rs_forecast_revenue(3, 1)",
        "22023",
        "level must be above 0 and below 1, not 1",
    ),
    (
        "rs_forecast_revenue(3, 'NaN')",
        "22023",
        "level must be above 0 and below 1, not NaN",
    ),
    (
        "rs_forecast_series('revenue', 3, 'infinity')",
        "22023",
        "level must be above 0 and below 1",
    ),
    (
        "rs_forecast_demand('21441', 3, -0.5)",
        "22023",
        "level must be above 0 and below 1",
    ),
    (
        "rs_forecast_products(3, level => 95)",
        "22023",
        "level must be above 0 and below 1",
    ),
    (
        "rs_forecast_reconciled(3, level => 'NaN')",
        "22023",
        "level must be above 0 and below 1",
    ),
    // Models of the other kind.
    (
        "rs_drop_model(5)",
        "55006",
        "model 5 serves 'forecast:revenue'",
    ),
    (
        "rs_rollback('forecast:revenue')",
        "55000",
        "no model served 'forecast:revenue' before model 5",
    ),
    (
        "rs_rollback('forecast:units')",
        "55000",
        "no model serves 'forecast:units'",
    ),
    ("rs_model_to_sql(5)", "55000", ", not of churn"),
    ("rs_model_rules(5)", "55000", ", not of baskets"),
    ("rs_verify_no_leak(5)", "55000", ", not of churn"),
];

#[test]
fn without_sales_or_marts_forecasts_say_what_is_missing() {
    let mut db = shared().fresh("refused_forecasts_empty");
    check(&mut db, EMPTY);
    // A query without rows has no series, and there is nothing wrong with that.
    let none =
        "SELECT * FROM rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 3)";
    assert_eq!(table(&mut db, none), "");
    run(&mut db, "SELECT rs_generate_sales(60, 300)");
    check(&mut db, UNREFRESHED);
    run(
        &mut db,
        "SELECT rs_refresh_marts(); TRUNCATE retailscope.mart_daily_kpis",
    );
    check(&mut db, UNREFRESHED);
    let models = "SELECT count(*) FROM retailscope.model";
    assert_eq!(table(&mut db, models), "0\n");
}

#[test]
fn every_refusal_of_forecasts_has_its_code_and_says_what_to_do() {
    let mut db = shared().fresh("refused_forecasts");
    run(&mut db, TRAINED);
    run(&mut db, "SELECT rs_train_forecast(model => 'naive')");
    check(&mut db, FULL);
    // Nothing of it all has stayed.
    assert_eq!(
        table(
            &mut db,
            "SELECT count(*), (SELECT DISTINCT model_id FROM rs_forecast_revenue()) FROM retailscope.model"
        ),
        "5 | 5\n"
    );
}
