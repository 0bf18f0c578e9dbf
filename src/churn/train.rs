//! Training: frames are read in one snapshot, the engine trains on worker threads, the registry stores what comes out.

use crate::churn::plan::Days;
use crate::churn::serving::{self, Serving};
use crate::churn::{TASK, frames};
use crate::models::{self, NewModel, serving as serving_model};
use crate::pg::cursor::in_fresh_snapshot;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Crew, Watch, with_crew};
use crate::pg::json::Document;
use crate::pg::privilege::all_rows;
use ndarray::ArrayView2;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::churn::frame::Frames;
use retailscope_engine::churn::options::{ValidChurnParams, algorithms};
use retailscope_engine::churn::promotion::{Champion, Verdict, verdict};
use retailscope_engine::churn::train::{Trained, train};
use retailscope_engine::churn::{ChurnModel, Feature, FrameDigest};
use retailscope_engine::models::{Kind, Schema, seal};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The model that serves, and the customers of the holdout as it reads them.
struct Incumbent {
    model_id: i64,
    model: ChurnModel,
    matrix: Vec<f64>,
    holdout: FrameDigest,
}

/// What the registry's transaction has to write.
struct Outcomes {
    new: NewModel,
    bytes: Vec<u8>,
    verdict: Verdict,
}

/// Trains a model of churn, evaluates it on the holdout, stores it, and lets it serve if it is the first or better than the one that serves.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_train_churn(
    algorithm: default!(&str, "'auto'"),
    horizon_days: default!(i32, 90),
    params: default!(Document, "'{}'"),
    seed: default!(i64, 42),
) -> Result<
    TableIterator<
        'static,
        (
            name!(model_id, i64),
            name!(algorithm, &'static str),
            name!(roc_auc, Option<f64>),
            name!(pr_auc, Option<f64>),
            name!(log_loss, Option<f64>),
            name!(brier, Option<f64>),
            name!(promoted, bool),
            name!(seconds, f64),
            name!(verdict, String),
        ),
    >,
    ErrorReport,
> {
    let began = Instant::now();
    let outcome = run(algorithm, horizon_days, params, seed, began)?;
    let metric = |name: &str| {
        let metrics = &outcome.new.metrics;
        metrics
            .iter()
            .find(|m| m.0 == "holdout" && m.1 == name)
            .map(|m| m.2)
    };
    let model_id = models::store(&outcome.new, &outcome.bytes)?;
    if outcome.verdict.promote {
        models::promote(model_id, &outcome.verdict.reason)?;
    }
    Ok(TableIterator::once((
        model_id,
        outcome.new.algorithm,
        metric("roc_auc"),
        metric("pr_auc"),
        metric("log_loss"),
        metric("brier"),
        outcome.verdict.promote,
        began.elapsed().as_secs_f64(),
        outcome.verdict.reason,
    )))
}

fn run(
    algorithm: &str,
    horizon: i32,
    params: Document,
    seed: i64,
    began: Instant,
) -> Outcome<Outcomes> {
    let candidates = algorithms(algorithm)?;
    let params = ValidChurnParams::parse(&candidates, &params.value("params")?)?;
    if !(1..=3650).contains(&horizon) {
        return Err(Failure::invalid(format!(
            "horizon_days is {horizon}: it must be from 1 to 3650"
        ))
        .hint("Leave it out for 90 days."));
    }
    let features = frames::features_named(params.features.as_deref())?;
    models::lock(TASK, params.nowait)?;
    // A model of the customers that one role may see would serve everybody. Another session may have stored a model, or
    // loaded sales, while this one waited.
    all_rows(|| in_fresh_snapshot(|| read_and_train(features, params, horizon, seed, began)))
}

fn read_and_train(
    features: Vec<Feature>,
    params: ValidChurnParams,
    horizon: i32,
    seed: i64,
    began: Instant,
) -> Outcome<Outcomes> {
    let days = Days::choose(&params, horizon)?;
    let (champion, unusable) = match champion()? {
        Ok(champion) => (champion, None),
        Err(why) => (None, Some(why)),
    };
    let mut outcome = with_crew(|crew| {
        let frames = frames::read(features, &days.all(), horizon, crew)?;
        let incumbent = match &champion {
            Some((model_id, serving)) => Some(incumbent(*model_id, serving, &days, horizon, crew)?),
            None => None,
        };
        let watch = crew.watch();
        let worker = crew.spawn("training", move || {
            watch.in_parallel(|| {
                compute(
                    &frames,
                    &params,
                    &days,
                    horizon,
                    seed,
                    incumbent.as_ref(),
                    began,
                    watch,
                )
            })
        })?;
        crew.join(worker)
    })?;
    if let Some(why) = unusable
        && outcome.verdict.promote
    {
        outcome.verdict.reason = format!("the model that served cannot be asked: {why}");
        outcome.new.verdict.clone_from(&outcome.verdict.reason);
    }
    Ok(outcome)
}

/// The model that serves and its number, or why it cannot be asked: a training is the way out of that, and must not need it.
fn champion() -> Outcome<Result<Option<(i64, Rc<Serving>)>, String>> {
    let found = serving_model(TASK).and_then(|stored| match stored {
        Some(stored) => Ok(Some((stored.model_id, serving::load(&stored)?))),
        None => Ok(None),
    });
    match found {
        Err(failure) if failure.is_unusable() => Ok(Err(failure.message().to_owned())),
        found => found.map(Ok),
    }
}

/// The model that serves, with its own features of the holdout's customers.
fn incumbent(
    model_id: i64,
    serving: &Serving,
    days: &Days,
    horizon: i32,
    crew: &Crew<'_, '_>,
) -> Outcome<Incumbent> {
    // For another horizon there is nothing to compare; the verdict says so.
    let (matrix, holdout) = if serving.model.horizon_days == horizon {
        frames::read_encoded(serving, days.holdout, horizon, crew)?
    } else {
        (Vec::new(), serving.model.holdout.clone())
    };
    Ok(Incumbent {
        model_id,
        model: serving.model.clone(),
        matrix,
        holdout,
    })
}

fn judge(
    trained: &Trained,
    frames: &Frames,
    incumbent: Option<&Incumbent>,
    wanted: bool,
    watch: &Watch,
) -> Outcome<Verdict> {
    let holdout = frames.part(frames.len().saturating_sub(1), frames.len());
    let Some(old) = incumbent else {
        return Ok(verdict(trained, holdout, None, wanted, watch)?);
    };
    let width = old.model.columns.len();
    let x = ArrayView2::from_shape((old.matrix.len() / width.max(1), width), &old.matrix)
        .map_err(|e| Failure::internal(e.to_string()))?;
    let probabilities = old.model.probabilities(x, watch)?;
    let champion = Champion {
        model_id: old.model_id,
        model: &old.model,
        probabilities: &probabilities,
        holdout: &old.holdout,
    };
    Ok(verdict(trained, holdout, Some(&champion), wanted, watch)?)
}

#[allow(clippy::too_many_arguments)]
fn compute(
    frames: &Frames,
    params: &ValidChurnParams,
    days: &Days,
    horizon: i32,
    seed: i64,
    incumbent: Option<&Incumbent>,
    began: Instant,
    watch: &Watch,
) -> Outcome<Outcomes> {
    let budget = params.time_budget_ms.map(Duration::from_millis);
    let expired = || budget.is_some_and(|b| began.elapsed() >= b);
    let trained = train(frames, params, horizon, seed, &expired, watch)?;
    let verdict = judge(&trained, frames, incumbent, params.promote, watch)?;
    let schema = Schema {
        features: trained
            .model
            .features
            .iter()
            .map(|f| f.name().to_owned())
            .collect(),
        types: trained
            .model
            .features
            .iter()
            .map(|f| match f {
                Feature::Number(_) => "number".to_owned(),
                Feature::Text(_) => "text".to_owned(),
            })
            .collect(),
    };
    let bytes = seal(Kind::Churn, &schema, &trained.model, watch)?;
    let new = NewModel {
        task: TASK.into(),
        algorithm: trained.learner.algorithm().name(),
        params: params.to_json(
            &trained.learner,
            trained.calibration,
            horizon,
            (&days.cutoffs, days.holdout),
        ),
        seed,
        as_of: days.cutoffs.last().map_or(days.holdout, |c| c + horizon),
        training_rows: trained.training_rows,
        data_hash: frames.hash(days.cutoffs.len()),
        features: schema.features,
        seconds: began.elapsed().as_secs_f64(),
        verdict: verdict.reason.clone(),
        metrics: trained.evaluation.metrics,
        importance: trained.evaluation.importance,
        curves: trained.evaluation.curves,
    };
    Ok(Outcomes {
        new,
        bytes,
        verdict,
    })
}
