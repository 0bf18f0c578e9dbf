//! Forecasts end at once when told to, as all long work does (`cancel.rs`).

use crate::cancel::{Call, Stage, again};
use crate::support::*;
use std::collections::BTreeMap;

#[test]
fn forecasts_end_at_once_when_told_to() {
    let _turn = alone();
    let cluster = cluster();
    let mut db = cluster.fresh("ends_forecasts");
    db.batch_execute(
        "SELECT rs_generate_sales(2000, 700); SELECT rs_refresh_marts(); SELECT rs_train_forecast(model => 'ets');
         CREATE TABLE many AS SELECT s AS unique_id, date '2020-01-01' + d AS ds, 50 + 20 * sin(d * 0.9) + (s * d) % 17 AS y
         FROM generate_series(1, 2000) AS s, generate_series(1, 400) AS d",
    )
    .unwrap();
    let mut stage = Stage::of(
        cluster,
        BTreeMap::from([("ends_forecasts", db)]),
        BTreeMap::new(),
    );
    let calls = [
        "SELECT rs_train_forecast()".to_owned(),
        "SELECT rs_backtest(folds => 5)".to_owned(),
        "SELECT rs_forecast_products(30, 20)".to_owned(),
        "SELECT count(*) FROM rs_forecast_reconciled()".to_owned(),
        "SELECT count(*) FROM rs_forecast('SELECT * FROM many WHERE unique_id <= 40', 30)"
            .to_owned(),
        // Series by series, as they come.
        "SELECT count(*) FROM rs_forecast('SELECT * FROM many ORDER BY unique_id', 30, 'ets')"
            .to_owned(),
        again("rs_forecast_reconciled()", 5),
        again("rs_forecast_revenue(1000)", 2000),
        again("rs_explain_forecast(horizon => 1000)", 2000),
        again("rs_time_series_split(1000000, 900000)", 3),
        again("rs_daily_features(NULL, 'GB')", 3),
    ];
    let slow: Vec<String> = calls
        .into_iter()
        .map(|sql| Call {
            db: "ends_forecasts",
            sql,
            takes_folder: false,
            commits: false,
        })
        .flat_map(|call| stage.end_in_every_way(&call))
        .collect();
    assert!(slow.is_empty(), "{slow:#?}");
}
