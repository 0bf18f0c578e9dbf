//! Forecasts at the boundary: series are read, models trained, stored, kept up with new days and asked; any query's series are
//! forecast, many at once.

mod backtest;
mod batch;
mod explain;
mod groups;
mod holidays;
mod products;
mod query;
mod reconciled;
mod series;
mod serve;
mod splits;
mod train;

use crate::pg::error::{Failure, Outcome};
use crate::pg::json::Document;
use crate::pg::rowset::Cell;
use pgrx::prelude::*;
use retailscope_engine::forecasts::{MOST_HORIZON, Point};
use serde_json::{Value, json};

/// Microseconds of a day.
const DAY: i64 = crate::pg::datum::DAY_MICROS;

/// Steps ahead: `horizon`, by default 30.
fn steps_ahead(horizon: Option<i32>) -> Outcome<usize> {
    let given = horizon.unwrap_or(30);
    usize::try_from(given)
        .ok()
        .filter(|steps| (1..=MOST_HORIZON).contains(steps))
        .ok_or_else(|| {
            Failure::invalid(format!(
                "horizon must be from 1 to {MOST_HORIZON}, not {given}"
            ))
            .hint("It is a number of steps: of days, for the series of the warehouse.")
        })
}

/// What intervals are to cover: `level`, by default `otherwise`.
fn coverage(level: Option<f64>, otherwise: f64) -> Outcome<f64> {
    let level = level.unwrap_or(otherwise);
    if level > 0.0 && level < 1.0 {
        return Ok(level);
    }
    Err(
        Failure::invalid(format!("level must be above 0 and below 1, not {level}"))
            .hint("0.95 asks for intervals that hold 95 of 100 values."),
    )
}

fn json_of(params: Option<Document>) -> Outcome<Value> {
    match params {
        Some(document) => document.value("params"),
        None => Ok(json!({})),
    }
}

/// The day of a moment, in days since 1970.
fn day_of(stamp: i64) -> i32 {
    i32::try_from(stamp.div_euclid(DAY)).unwrap_or(i32::MAX)
}

/// The forecast and its bounds.
fn figures(point: &Point) -> [Cell<'static>; 3] {
    let bound = |b: Option<f64>| b.map_or(Cell::Null, Cell::Float);
    [
        Cell::Float(point.forecast),
        bound(point.bounds.map(|b| b.0)),
        bound(point.bounds.map(|b| b.1)),
    ]
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, Cell::Text)
}

extension_sql_file!(
    "../../sql/forecasts.sql",
    name = "forecasts",
    requires = [
        "models",
        train::rs_train_forecast,
        serve::rs_forecast_revenue,
        serve::rs_forecast_demand,
        serve::rs_forecast_series,
        backtest::rs_backtest,
        explain::rs_explain_forecast,
        query::rs_forecast,
        products::rs_forecast_products,
        reconciled::rs_forecast_reconciled,
        holidays::rs_generate_holidays,
        splits::rs_time_series_split
    ]
);
