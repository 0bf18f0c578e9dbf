//! Backtests: how methods would have done at several origins in the past.

use serde_json::{Map, Value};

use super::calibrate::{Calibration, calibrate};
use super::metrics::Scores;
use super::observed::Observed;
use super::options::{self, ForecastParams};
use super::plan::{least_known, origins};
use super::select::{choose, measure};
use super::timeline::{MOST_HORIZON, Timeline, check_horizon};
use super::walk::{Run, Walk};
use super::{ForecastError, Method};
use crate::control::Control;
use crate::params::{Params, wrong};

/// The most origins of a backtest.
pub const MOST_FOLDS: usize = 1000;

/// The methods that are tried when none are named.
const USUAL: [Method; 11] = [
    Method::SeasonalNaive,
    Method::Naive,
    Method::Drift,
    Method::WeekdayMean,
    Method::YearOverYear,
    Method::Theta,
    Method::Ets,
    Method::Mstl,
    Method::Sarima,
    Method::Xgboost,
    Method::Auto,
];

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct BacktestRequest<'a> {
    /// The series.
    pub observed: &'a Observed,
    /// The models.
    pub params: &'a BacktestParams,
    /// Steps to forecast from each origin.
    pub horizon: usize,
    /// Origins.
    pub folds: usize,
    /// Steps between origins; the horizon where it is not given.
    pub step: Option<usize>,
    /// True for a window that slides: as many steps are known at each origin as at the first.
    pub sliding: bool,
}

/// What a model did at an origin, or at all of them.
#[derive(Debug, Clone)]
pub struct FoldRow {
    /// The model.
    pub model: &'static str,
    /// The origin, from 1; `None` for all together.
    pub fold: Option<usize>,
    /// The moment of the first step that was not known.
    pub cutoff: Option<i64>,
    /// Its errors; `None` when it could not be fitted.
    pub scores: Option<Scores>,
    /// What it was at this origin, or why it could not be fitted.
    pub note: Option<String>,
    /// What it took.
    pub seconds: f64,
}

/// What a backtest's `params` say.
#[derive(Debug, Clone)]
pub struct BacktestParams {
    /// For each model its parameters.
    pub models: Vec<ForecastParams>,
    /// Steps between the last known one and the first that counts.
    pub gap: usize,
    /// What random draws come from.
    pub seed: i64,
}

impl BacktestParams {
    /// Reads parameters for the models of these names, or for the usual ones. They are those of the model `auto`, and `gap` and
    /// `seed`: what is said under the name of a method holds for that method, all else for all of them.
    ///
    /// # Errors
    /// What [`ForecastParams::parse`] gives; [`ForecastError::Params`] for a list without a model, or with one twice.
    pub fn parse(models: Option<&[String]>, json: &Value) -> Result<BacktestParams, ForecastError> {
        let mut keys = options::keys(Method::Auto);
        keys.extend(["gap", "seed"]);
        let params = Params::parse(json, &keys)?;
        let gap = params.integer("gap", 0..=MOST_HORIZON as u64)?;
        let seed = params.integer("seed", 0..=i64::MAX as u64)?;
        let methods: Vec<Method> = match models {
            None => USUAL.to_vec(),
            Some(names) => names
                .iter()
                .map(|n| Method::parse(n))
                .collect::<Result<_, _>>()?,
        };
        let twice = |(at, method)| methods.iter().take(at).any(|m| m == method);
        if methods.is_empty() || methods.iter().enumerate().any(twice) {
            return Err(wrong("models", "must name at least one model, and none twice").into());
        }
        let models = methods.iter().map(|method| {
            let known = options::keys(*method);
            let mut own = Map::new();
            if let Value::Object(all) = json {
                let mine = all.get(method.name()).and_then(Value::as_object);
                let common = all.iter().filter(|(key, _)| known.contains(&key.as_str()));
                let common =
                    common.filter(|(key, _)| !options::is_of_one(key) || method.is_choice());
                own.extend(
                    common
                        .chain(mine.into_iter().flatten())
                        .map(|(k, v)| (k.clone(), v.clone())),
                );
            }
            ForecastParams::parse(method.name(), &Value::Object(own))
        });
        Ok(BacktestParams {
            models: models.collect::<Result<_, _>>()?,
            gap: gap.and_then(|g| usize::try_from(g).ok()).unwrap_or(0),
            seed: seed.and_then(|s| i64::try_from(s).ok()).unwrap_or(42),
        })
    }
}

/// Forecasts from each origin by each model, from what was known there. `clock` gives seconds: the engine has none.
///
/// # Errors
/// [`ForecastError::Range`] for arguments out of range, [`ForecastError::TooShort`] for a series without any origin;
/// [`ForecastError::Stopped`]. A model that cannot be fitted has a note.
pub fn backtest(
    request: &BacktestRequest<'_>,
    clock: &dyn Fn() -> f64,
    control: &dyn Control,
) -> Result<Vec<FoldRow>, ForecastError> {
    let BacktestRequest {
        observed, horizon, ..
    } = *request;
    check_horizon(horizon)?;
    let (models, gap) = (&request.params.models, request.params.gap);
    check_horizon(horizon.saturating_add(gap))?;
    let within = |what, most: usize, given: usize| {
        if (1..=most).contains(&given) {
            return Ok(());
        }
        Err(ForecastError::Range {
            what,
            least: 1.0,
            most: most as f64,
            given: given as f64,
        })
    };
    let step = request.step.unwrap_or(horizon);
    within("folds", MOST_FOLDS, request.folds)?;
    within("step", observed.len().max(1), step)?;
    let ahead = horizon + gap;
    let mut rows = Vec::new();
    for (at, params) in models.iter().enumerate() {
        control.progress("backtest", at as u64, models.len() as u64);
        let (timeline, _) = Timeline::learn(observed, params.timeline())?;
        let least = least_known(timeline.season);
        let cutoffs = origins(observed.len(), ahead, request.folds, step, least);
        let Some(first) = cutoffs.first().copied() else {
            return Err(ForecastError::TooShort {
                method: "backtest",
                needed: least + ahead,
                found: observed.len(),
            });
        };
        let walk = Walk {
            observed,
            options: params.timeline(),
            cutoffs: &cutoffs,
            horizon,
            gap,
            window: request.sliding.then_some(first),
            level: params.level,
            refit: true,
            seed: request.params.seed,
        };
        model_rows(&walk, params, least, clock, control, &mut rows)?;
    }
    Ok(rows)
}

fn model_rows(
    walk: &Walk<'_>,
    params: &ForecastParams,
    least: usize,
    clock: &dyn Fn() -> f64,
    control: &dyn Control,
    rows: &mut Vec<FoldRow>,
) -> Result<(), ForecastError> {
    let model = params.method.name();
    let (mut runs, mut seconds, mut notes) = (Vec::new(), 0.0, 0);
    for (fold, cutoff) in walk.cutoffs.iter().enumerate() {
        let begun = clock();
        let outcome = one_origin(walk, *cutoff, params, least, control);
        let took = clock() - begun;
        seconds += took;
        let mut row = FoldRow {
            model,
            fold: Some(fold + 1),
            cutoff: walk.observed.stamp(*cutoff),
            scores: None,
            note: None,
            seconds: took,
        };
        match outcome {
            Ok((run, label)) => {
                row.scores = measure(std::slice::from_ref(&run), params.level).1;
                row.note = Some(label);
                runs.push(run);
            }
            Err(ForecastError::Stopped(stop)) => return Err(stop.into()),
            Err(why) => {
                notes += 1;
                row.note = Some(why.to_string());
            }
        }
        rows.push(row);
    }
    rows.push(FoldRow {
        model,
        fold: None,
        cutoff: None,
        scores: measure(&runs, params.level).1,
        note: (notes > 0).then(|| format!("{notes} origins without a forecast")),
        seconds,
    });
    Ok(())
}

/// Chooses, fits and calibrates by what was known at the origin, and forecasts.
fn one_origin(
    walk: &Walk<'_>,
    cutoff: usize,
    params: &ForecastParams,
    least: usize,
    control: &dyn Control,
) -> Result<(Run, String), ForecastError> {
    let known = walk.known(cutoff);
    let ahead = walk.horizon + walk.gap;
    let recipe = if params.method.is_choice() {
        // All that is known serves the choice: what is judged lies after it.
        let cutoffs = origins(known.len(), ahead, params.folds, ahead, least);
        let inner = Walk {
            observed: &known,
            cutoffs: &cutoffs,
            window: None,
            ..*walk
        };
        if cutoffs.is_empty() {
            params.recipe(Method::Ets, ahead)
        } else {
            choose(&inner, params, true, control)?.recipe(params, ahead)
        }
    } else {
        params.recipe(params.method, ahead)
    };
    let mut forecaster = walk.fit(cutoff, &recipe, control)?;
    if !params.wants_analytic(recipe.method) {
        let calibration = Calibration {
            options: walk.options,
            horizon: ahead,
            least,
            seed: walk.seed,
        };
        forecaster.conformal = calibrate(&known, &recipe, &calibration, control)?;
    }
    let label = forecaster.fit.label();
    Ok((walk.look(&forecaster, cutoff, control)?, label))
}
