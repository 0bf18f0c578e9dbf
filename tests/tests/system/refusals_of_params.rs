//! R14, R49: what forecasts and backtests may not be told, by SQLSTATE, with what to do.

use crate::refusals::{Refusal, check};
use crate::refusals_of_forecasts::FORECAST;
use crate::support::{run, shared, table};

const REFUSED: &[Refusal] = &[
    // By what model, and how.
    (
        "rs_train_forecast(model => 'sarimas')",
        "22023",
        "unknown model \"sarimas\", did you mean \"sarima\"?",
    ),
    (
        "rs_train_forecast(model => '')",
        "22023",
        "unknown model \"\"",
    ),
    (
        "rs_forecast_products(model => 'prophet')",
        "22023",
        "unknown model \"prophet\"",
    ),
    (
        "rs_forecast_reconciled(model => 'prophet')",
        "22023",
        "unknown model \"prophet\"",
    ),
    (
        "rs_train_forecast(params => '[]')",
        "22023",
        "must be a JSON object",
    ),
    (
        "rs_train_forecast(params => '{\"as_off\": \"2024-06-01\"}')",
        "22023",
        "unknown key in params: \"as_off\", did you mean \"as_of\"?",
    ),
    (
        "rs_train_forecast(params => '{\"as_of\": \"2024-02-30\"}')",
        "22023",
        "\"as_of\" must be a date such as",
    ),
    (
        "rs_train_forecast(params => '{\"as_of\": 20240101}')",
        "22023",
        "\"as_of\" must be a date such as",
    ),
    (
        "rs_train_forecast(params => '{\"as_of\": \"2000-01-01\"}')",
        "55000",
        "revenue has no sales before 2000-01-01",
    ),
    (
        "rs_train_forecast(params => '{\"holidays\": \"GBR\"}')",
        "22023",
        "no holidays of the region \"GBR\", did you mean \"GB\"?",
    ),
    (
        "rs_train_forecast(params => '{\"holidays\": [\"GB\"]}')",
        "22023",
        "\"holidays\" must be",
    ),
    (
        "rs_train_forecast(params => '{\"closed_days\": \"lern\"}')",
        "22023",
        "did you mean \"learn\"?",
    ),
    (
        "rs_train_forecast(params => '{\"interval\": \"conformall\"}')",
        "22023",
        "did you mean \"conformal\"?",
    ),
    (
        "rs_train_forecast(params => '{\"transform\": \"sqrt\"}')",
        "22023",
        "\"transform\" must be",
    ),
    (
        "rs_train_forecast(params => '{\"level\": 0}')",
        "22023",
        "\"level\" must be",
    ),
    (
        "rs_train_forecast(params => '{\"level\": 1}')",
        "22023",
        "\"level\" must be",
    ),
    (
        "rs_train_forecast(params => '{\"level\": 95}')",
        "22023",
        "\"level\" must be",
    ),
    (
        "rs_train_forecast(params => '{\"season\": 0}')",
        "22023",
        "\"season\" must be a whole number from",
    ),
    (
        "rs_train_forecast(params => '{\"season\": 1e300}')",
        "22023",
        "\"season\" must be a whole number from",
    ),
    (
        "rs_train_forecast(params => '{\"promote\": \"yes\"}')",
        "22023",
        "\"promote\" must be true or false",
    ),
    (
        "rs_train_forecast(params => '{\"folds\": 0}')",
        "22023",
        "\"folds\" must be a whole number from",
    ),
    (
        "rs_train_forecast(params => '{\"folds\": 51}')",
        "22023",
        "\"folds\" must be a whole number from",
    ),
    (
        "rs_train_forecast(params => '{\"models\": []}')",
        "22023",
        "\"models\" must",
    ),
    (
        "rs_train_forecast(params => '{\"models\": [\"auto\"]}')",
        "22023",
        "\"models\" must be",
    ),
    (
        "rs_train_forecast(params => '{\"models\": [\"naiv\"]}')",
        "22023",
        "did you mean \"naive\"?",
    ),
    (
        "rs_train_forecast(model => 'naive', params => '{\"order\": [1, 0, 0]}')",
        "22023",
        "unknown key in params: \"order\"",
    ),
    (
        "rs_train_forecast(model => 'ets', params => '{\"model\": \"QQQ\"}')",
        "22023",
        "\"model\"",
    ),
    (
        "rs_train_forecast(model => 'xgboost', params => '{\"max_depth\": 17}')",
        "22023",
        "\"max_depth\" must be a whole number from",
    ),
    (
        "rs_train_forecast(model => 'xgboost', params => '{\"n_estimators\": 0}')",
        "22023",
        "\"n_estimators\" must be a whole number from",
    ),
    (
        "rs_forecast_products(n => -1)",
        "22023",
        "n must be 0 or more, not -1",
    ),
    (
        "rs_forecast_products(params => '{\"holidays\": \"XX\"}')",
        "22023",
        "no holidays of the region \"XX\"",
    ),
    (
        "rs_forecast_products(params => '{\"region\": \"GB\"}')",
        "22023",
        "unknown key",
    ),
    (
        "rs_forecast_reconciled(method => 'mint_shrunk')",
        "22023",
        "did you mean \"mint_shrink\"?",
    ),
    (
        "rs_forecast_reconciled(method => '')",
        "22023",
        "unknown reconciliation \"\"",
    ),
    (
        "rs_forecast_reconciled(params => '{\"holidays\": \"XX\"}')",
        "22023",
        "no holidays of the region \"XX\"",
    ),
    (
        "rs_forecast_reconciled(params => 'null')",
        "22023",
        "must be a JSON object",
    ),
    (
        "rs_generate_holidays(NULL)",
        "22023",
        "region must not be NULL",
    ),
    (
        "rs_generate_holidays('UK')",
        "22023",
        "unknown holiday region \"UK\"",
    ),
    ("rs_generate_holidays('GB', 1000, 2000)", "22023", "1000"),
    (
        "rs_generate_holidays('GB', -2147483648, 2147483647)",
        "22023",
        "-2147483648",
    ),
    // How models did in the past.
    (
        "rs_backtest(models => '{naiv}')",
        "22023",
        "unknown model \"naiv\", did you mean \"naive\"?",
    ),
    ("rs_backtest(models => '{}')", "22023", "at least one model"),
    (
        "rs_backtest(models => '{naive,naive}')",
        "22023",
        "none twice",
    ),
    ("rs_backtest(models => '{NULL}')", "22023", "unknown model"),
    ("rs_backtest(folds => 0)", "22023", "folds must be"),
    (
        "rs_backtest(folds => 1001)",
        "22023",
        "folds must be from 1 to 1000, not 1001",
    ),
    ("rs_backtest(step => 0)", "22023", "step must be"),
    ("rs_backtest(step => 2147483647)", "22023", "step must be"),
    (
        "rs_backtest(window_type => 'slide')",
        "22023",
        "unknown window_type \"slide\", did you mean \"sliding\"?",
    ),
    (
        "rs_backtest(params => '{\"gaps\": 1}')",
        "22023",
        "unknown key in params: \"gaps\", did you mean \"gap\"?",
    ),
    (
        "rs_backtest(params => '{\"gap\": -1}')",
        "22023",
        "\"gap\" must be a whole number from",
    ),
    (
        "rs_backtest(horizon => 1000, params => '{\"gap\": 1}')",
        "22023",
        "horizon must be",
    ),
    (
        "rs_backtest(params => '{\"seed\": -1}')",
        "22023",
        "\"seed\" must be a whole number from",
    ),
    (
        "rs_backtest(params => '{\"ets\": {\"as_of\": \"2024-06-01\"}}')",
        "22023",
        "must be the same for all models",
    ),
    (
        "rs_backtest(params => '{\"as_of\": \"2000-01-01\"}')",
        "55000",
        "no sales before 2000-01-01",
    ),
    (
        "rs_backtest(models => '{naive}', horizon => 1000)",
        "55000",
        "needs at least",
    ),
    ("rs_time_series_split(NULL)", "22023", "n must not be NULL"),
    (
        "rs_time_series_split(-1)",
        "22023",
        "n must not be negative",
    ),
    (
        "rs_time_series_split(5, 1)",
        "22023",
        "n_splits must be from 2",
    ),
    ("rs_time_series_split(5, 5)", "22023", "must be from"),
    (
        "rs_time_series_split(10, 2, 0)",
        "22023",
        "test_size must be from 1",
    ),
    (
        "rs_time_series_split(10, 2, -1)",
        "22023",
        "test_size must not be negative",
    ),
    (
        "rs_time_series_split(10, 2, gap => -1)",
        "22023",
        "gap must not be negative",
    ),
    (
        "rs_time_series_split(10, 2, gap => 2147483647)",
        "22023",
        "must be from",
    ),
    (
        "rs_time_series_split(2147483647, 2147483647)",
        "22023",
        "n_splits must be from 2",
    ),
];

#[test]
fn every_wrong_parameter_of_a_forecast_is_named() {
    let mut db = shared().fresh("refused_params");
    run(&mut db, FORECAST);
    check(&mut db, REFUSED);
    let left = "SELECT count(*), (SELECT count(*) FROM retailscope.holiday) FROM retailscope.model";
    assert_eq!(table(&mut db, left), "1 | 0\n");
}
