//! Backtests: how models would have done in the past.

use crate::forecasts::series::Series;
use crate::forecasts::{day_of, holidays, json_of, steps_ahead};
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::with_crew;
use crate::pg::json::Document;
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::forecasts::{
    BacktestParams, BacktestRequest, FoldRow, ForecastParams, backtest,
};
use retailscope_engine::names::{did_you_mean, shown};
use std::time::Instant;

/// What is asked for, beside the series.
struct Request {
    params: BacktestParams,
    horizon: usize,
    folds: usize,
    step: Option<usize>,
    sliding: bool,
}

/// Forecasts from several days in the past by each model, and measures how far off it was.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_backtest(series text DEFAULT 'revenue', models text[] DEFAULT NULL, horizon integer DEFAULT 30,
                                        folds integer DEFAULT 5, step integer DEFAULT NULL, window_type text DEFAULT 'expanding',
                                        params jsonb DEFAULT '{}')
RETURNS TABLE(model text, fold integer, cutoff date, n integer, mae float8, rmse float8, mape float8, smape float8, wape float8, mase float8,
              coverage float8, seconds float8, note text, season integer, rmsse float8, bias float8, width float8, pinball float8,
              zeros integer)
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
#[allow(clippy::too_many_arguments)]
pub fn rs_backtest(
    call: Call,
    series: Option<&str>,
    models: Option<pgrx::Array<'_, &str>>,
    horizon: Option<i32>,
    folds: Option<i32>,
    step: Option<i32>,
    window_type: Option<&str>,
    params: Option<Document>,
) -> Result<(), ErrorReport> {
    let models: Option<Vec<String>> = models.map(|names| {
        let given = |name: Option<&str>| name.unwrap_or("NULL").to_owned();
        names.iter().map(given).collect()
    });
    let sliding = match window_type.unwrap_or("expanding") {
        "expanding" => false,
        "sliding" => true,
        other => return Err(unknown_window(other).into()),
    };
    let request = Request {
        params: BacktestParams::parse(models.as_deref(), &json_of(params)?)
            .map_err(Failure::from)?,
        horizon: steps_ahead(horizon)?,
        folds: count("folds", folds.unwrap_or(5))?,
        step: step.map(|given| count("step", given)).transpose()?,
        sliding,
    };
    let series = Series::parse(series.unwrap_or("revenue"))?;
    run(RowSet::begin(&call)?, series, request)?;
    Ok(())
}

fn count(name: &str, given: i32) -> Outcome<usize> {
    usize::try_from(given)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| Failure::invalid(format!("{name} must be 1 or more, not {given}")))
}

fn unknown_window(given: &str) -> Failure {
    let known = ["expanding", "sliding"];
    Failure::invalid(format!(
        "unknown window_type {}{}",
        shown(given),
        did_you_mean(given, &known)
    ))
    .hint("The windows are expanding (all earlier days) and sliding (as many days at each origin).")
}

fn run(mut out: RowSet, series: Series, request: Request) -> Outcome<()> {
    let models = &request.params.models;
    let mut observed = series.known()?.read(same(models, "as_of", |p| p.as_of)?)?;
    if let Some(region) = same(models, "holidays", |p| p.holidays.as_ref())? {
        holidays::add(region, &mut observed)?;
    }
    let rows = with_crew(|crew| {
        let watch = crew.watch();
        let worker = crew.spawn("backtest", move || {
            watch.in_parallel(|| {
                let began = Instant::now();
                let request = BacktestRequest {
                    observed: &observed,
                    params: &request.params,
                    horizon: request.horizon,
                    folds: request.folds,
                    step: request.step,
                    sliding: request.sliding,
                };
                Ok(backtest(
                    &request,
                    &|| began.elapsed().as_secs_f64(),
                    watch,
                )?)
            })
        })?;
        crew.join(worker)
    })?;
    rows.iter().try_for_each(|row| put(&mut out, row))
}

/// What all models are told; of one series there is one reading.
fn same<'a, T: PartialEq>(
    models: &'a [ForecastParams],
    key: &str,
    of: impl Fn(&'a ForecastParams) -> Option<T>,
) -> Outcome<Option<T>> {
    let mut given = models.iter().map(&of);
    let first = given.next().flatten();
    if given.any(|other| other != first) {
        return Err(
            Failure::invalid(format!("params: \"{key}\" must be the same for all models"))
                .hint("Give it beside the names of models, not below one of them."),
        );
    }
    Ok(first)
}

fn put(out: &mut RowSet, row: &FoldRow) -> Outcome<()> {
    let whole = |n: usize| Cell::Int(i32::try_from(n).unwrap_or(i32::MAX));
    let float = |v: Option<f64>| v.map_or(Cell::Null, Cell::Float);
    let scores = row.scores.as_ref();
    let intervals = scores.and_then(|s| s.intervals);
    out.put(&[
        Cell::Text(row.model),
        row.fold.map_or(Cell::Null, whole),
        row.cutoff
            .map_or(Cell::Null, |stamp| Cell::Date(day_of(stamp))),
        whole(scores.map_or(0, |s| s.n)),
        float(scores.map(|s| s.mae)),
        float(scores.map(|s| s.rmse)),
        float(scores.and_then(|s| s.mape)),
        float(scores.map(|s| s.smape)),
        float(scores.and_then(|s| s.wape)),
        float(scores.and_then(|s| s.mase)),
        float(intervals.map(|i| i.coverage)),
        Cell::Float(row.seconds),
        row.note.as_deref().map_or(Cell::Null, Cell::Text),
        scores.and_then(|s| s.season).map_or(Cell::Null, whole),
        float(scores.and_then(|s| s.rmsse)),
        float(scores.map(|s| s.bias)),
        float(intervals.map(|i| i.width)),
        float(intervals.map(|i| i.pinball)),
        scores.map_or(Cell::Null, |s| whole(s.zeros)),
    ])
}
