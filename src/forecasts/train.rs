//! Training: a series is read in one snapshot, the engine chooses, judges and fits on worker threads, the registry stores what
//! comes out.

use crate::forecasts::series::Series;
use crate::forecasts::{day_of, holidays, json_of, serve, steps_ahead};
use crate::models::{self, NewModel, serving};
use crate::pg::cursor::in_fresh_snapshot;
use crate::pg::error::{Failure, Outcome, warn};
use crate::pg::interrupt::{Watch, with_crew};
use crate::pg::json::Document;
use crate::pg::plan::run_kept;
use crate::pg::privilege::all_rows;
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::forecasts::{
    ForecastModel, ForecastParams, Observed, TrainRequest, Trained, train,
};
use retailscope_engine::models::{Kind, Schema, seal};
use std::rc::Rc;
use std::time::Instant;

/// What is asked for.
struct Request {
    series: Series,
    params: ForecastParams,
    horizon: usize,
    seed: i64,
    began: Instant,
}

/// What the registry's transaction has to write, and what the call tells.
struct Outcomes {
    new: NewModel,
    bytes: Vec<u8>,
    promote: bool,
    specification: String,
}

/// Trains a forecast of a series, judges it on its last months, stores it, and lets it serve if it is the first or no worse than the one that serves.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_train_forecast(series text DEFAULT 'revenue', model text DEFAULT 'auto', horizon integer DEFAULT 30,
                                              params jsonb DEFAULT '{}', seed bigint DEFAULT 42)
RETURNS TABLE(model_id bigint, series text, model text, mae float8, rmse float8, mape float8, mase float8, coverage float8, promoted boolean,
              seconds float8, verdict text, specification text)
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_train_forecast(
    call: Call,
    series: Option<&str>,
    model: Option<&str>,
    horizon: Option<i32>,
    params: Option<Document>,
    seed: Option<i64>,
) -> Result<(), ErrorReport> {
    let began = Instant::now();
    let request = Request {
        series: Series::parse(series.unwrap_or("revenue"))?,
        params: ForecastParams::parse(model.unwrap_or("auto"), &json_of(params)?)
            .map_err(Failure::from)?,
        horizon: steps_ahead(horizon)?,
        seed: seed.unwrap_or(42),
        began,
    };
    if stored(RowSet::begin(&call)?, request)? {
        warn(
            "there are newer sales than the marts know: the forecast was trained without them"
                .to_owned(),
            "SELECT * FROM rs_refresh_marts();",
        );
    }
    Ok(())
}

/// Whether the marts are behind the facts.
fn stored(mut out: RowSet, request: Request) -> Outcome<bool> {
    let began = request.began;
    let name = request.series.clone().known()?.name();
    // Products and countries have been looked up before the lock is taken: a misspelt one must not wait.
    let series = Series::parse(&name)?;
    models::lock(&series.task(), false)?;
    // A forecast of the sales that one role may see would serve everybody. Another session may have stored a model, or
    // refreshed the marts, while this one waited.
    let request = Request { series, ..request };
    let (trained, behind) = all_rows(|| in_fresh_snapshot(|| read_and_train(request)))?;
    let model_id = models::store(&trained.new, &trained.bytes)?;
    if trained.promote {
        models::promote(model_id, &trained.new.verdict)?;
    }
    let metric = |name: &str| {
        let metrics = &trained.new.metrics;
        let found = metrics.iter().find(|m| m.0 == "holdout" && m.1 == name);
        found.map_or(Cell::Null, |m| Cell::Float(m.2))
    };
    out.put(&[
        Cell::Big(model_id),
        Cell::Text(&name),
        Cell::Text(trained.new.algorithm),
        metric("mae"),
        metric("rmse"),
        metric("mape"),
        metric("mase"),
        metric("coverage"),
        Cell::Bool(trained.promote),
        Cell::Float(began.elapsed().as_secs_f64()),
        Cell::Text(&trained.new.verdict),
        Cell::Text(&trained.specification),
    ])?;
    Ok(behind)
}

fn read_and_train(request: Request) -> Outcome<(Outcomes, bool)> {
    let mut observed = request.series.read(request.params.as_of)?;
    if let Some(region) = &request.params.holidays {
        holidays::add(region, &mut observed)?;
    }
    let (champion, unusable) = match champion(&request.series.task())? {
        Ok(champion) => (champion.map(|model| ForecastModel::clone(&model)), None),
        Err(why) => (None, Some(why)),
    };
    let behind = is_behind()?;
    let mut outcomes = with_crew(|crew| {
        let watch = crew.watch();
        let worker = crew.spawn("forecast", move || {
            watch.in_parallel(|| compute(&request, &observed, champion.as_ref(), watch))
        })?;
        crew.join(worker)
    })?;
    if let Some(why) = unusable
        && outcomes.promote
    {
        outcomes.new.verdict = format!("the model that served cannot be asked: {why}");
    }
    Ok((outcomes, behind))
}

/// The model that serves, or why it cannot be asked: a training is the way out of that, and must not need it.
fn champion(task: &str) -> Outcome<Result<Option<Rc<ForecastModel>>, String>> {
    let found = serving(task).and_then(|stored| stored.map(|s| serve::load(&s)).transpose());
    match found {
        Err(failure) if failure.is_unusable() => Ok(Err(failure.message().to_owned())),
        found => found.map(Ok),
    }
}

fn is_behind() -> Outcome<bool> {
    run_kept(
        "SELECT (SELECT max(b.batch_id) FROM retailscope.etl_batch AS b)
              > (SELECT s.last_batch_id FROM retailscope.mart_state AS s WHERE s.mart = 'mart_daily_kpis')",
        &[],
        |rows| Ok(rows.and_then(|r| r.bool(0, 0)) == Some(true)),
    )
}

fn compute(
    request: &Request,
    observed: &Observed,
    champion: Option<&ForecastModel>,
    watch: &Watch,
) -> Outcome<Outcomes> {
    let name = request.series.name();
    let trained = train(
        &TrainRequest {
            series: &name,
            observed,
            params: &request.params,
            horizon: request.horizon,
            seed: request.seed,
            champion,
        },
        watch,
    )?;
    let schema = Schema {
        features: Vec::new(),
        types: Vec::new(),
    };
    let bytes = seal(Kind::Forecast, &schema, &trained.model, watch)?;
    Ok(Outcomes {
        bytes,
        promote: trained.promote,
        specification: trained.model.label(),
        new: described(request, observed, trained),
    })
}

fn described(request: &Request, observed: &Observed, trained: Trained) -> NewModel {
    let mut params = request.params.to_json();
    if let Some(all) = params.as_object_mut() {
        all.insert("horizon".to_owned(), request.horizon.into());
    }
    let importance = trained.model.importance().into_iter();
    let mut metrics = trained.metrics;
    metrics.retain(|m| m.2.is_finite());
    NewModel {
        task: request.series.task().into(),
        algorithm: trained.model.method(),
        params,
        seed: request.seed,
        as_of: day_of(trained.model.end()).saturating_add(1),
        training_rows: observed.len(),
        data_hash: trained.data_hash,
        features: Vec::new(),
        seconds: request.began.elapsed().as_secs_f64(),
        verdict: trained.verdict,
        metrics,
        importance: importance
            .map(|(name, gain)| ("gain", name, gain))
            .collect(),
        curves: Vec::new(),
    }
}
