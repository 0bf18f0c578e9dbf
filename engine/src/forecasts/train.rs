//! Training: a method is chosen on the past, judged on later months, and fitted to all that is known.

use sha2::{Digest, Sha256};

use super::calibrate::{Calibration, calibrate};
use super::compare::diebold_mariano;
use super::conformal::{Conformal, local_level};
use super::forecaster::Forecaster;
use super::metrics::Scores;
use super::observed::Observed;
use super::options::ForecastParams;
use super::plan::{Plan, least_known, origins};
use super::recipe::Recipe;
use super::select::{Choice, choose, measure};
use super::stored::ForecastModel;
use super::timeline::{Timeline, check_horizon};
use super::walk::{Run, Walk};
use super::{ForecastError, Method};
use crate::control::Control;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct TrainRequest<'a> {
    /// The series' name, such as `revenue`.
    pub series: &'a str,
    /// The series.
    pub observed: &'a Observed,
    /// How it is to be forecast.
    pub params: &'a ForecastParams,
    /// Steps to forecast.
    pub horizon: usize,
    /// What random draws come from.
    pub seed: i64,
    /// The model that serves.
    pub champion: Option<&'a ForecastModel>,
}

/// A trained model.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: ForecastModel,
    /// Dataset, metric, value, by the names that the registry stores.
    pub metrics: Vec<(&'static str, String, f64)>,
    /// The errors on the holdout; `None` for a series that is too short for one.
    pub holdout: Option<Scores>,
    /// Whether it is to serve.
    pub promote: bool,
    /// Why, or why not.
    pub verdict: String,
    /// A hash of the series.
    pub data_hash: String,
}

/// The most that the error of chance may be for a challenger to be called better.
const SIGNIFICANT: f64 = 0.05;

/// Trains.
///
/// # Errors
/// [`ForecastError::Range`] for a horizon out of range; what the series, the choice and the method give.
pub fn train(request: &TrainRequest<'_>, control: &dyn Control) -> Result<Trained, ForecastError> {
    check_horizon(request.horizon)?;
    let TrainRequest {
        observed,
        params,
        horizon,
        seed,
        ..
    } = *request;
    let (timeline, _) = Timeline::learn(observed, params.timeline())?;
    let least = least_known(timeline.season);
    let plan = Plan::of(observed.len(), horizon, params.folds, least);
    let end = plan.validation_end(observed.len());
    let past = observed.before(end);
    let walk = Walk {
        observed: &past,
        options: params.timeline(),
        cutoffs: &plan.validation,
        horizon,
        gap: 0,
        window: None,
        level: params.level,
        refit: true,
        seed,
    };
    let choice = chosen(&walk, params, control)?;
    let recipe = choice.recipe(params, horizon);
    let calibration = Calibration {
        options: params.timeline(),
        horizon,
        least,
        seed,
    };
    control.progress("judging the model", 0, 1);
    let judged = Judged {
        walk: Walk {
            observed,
            cutoffs: &plan.holdout,
            ..walk
        },
        past: &past,
        calibration: &calibration,
    };
    let runs = judged.runs(&recipe, params, control)?;
    let (mase, holdout) = measure(&runs, params.level);
    // What is stored is what the same way to choose makes of all that is known. The holdout judges that way.
    let choice = if params.method.is_choice() && !plan.holdout.is_empty() {
        let cutoffs = origins(observed.len(), horizon, params.folds, horizon, least);
        let walk = Walk {
            observed,
            cutoffs: &cutoffs,
            ..walk
        };
        chosen(&walk, params, control)?
    } else {
        choice
    };
    let recipe = choice.recipe(params, horizon);
    control.progress("fitting the model", 0, 1);
    let mut forecaster = Forecaster::fit(observed, &recipe, params.timeline(), seed, control)?;
    if !params.wants_analytic(choice.method) {
        forecaster.conformal = calibrate(observed, &recipe, &calibration, control)?;
    }
    let (promote, verdict) = judged.verdict(request, &runs, mase, control)?;
    let model = ForecastModel {
        series: request.series.to_owned(),
        method: choice.method,
        members: choice.members.clone(),
        asked: params.method,
        params: params.given().to_string(),
        horizon,
        forecaster,
    };
    Ok(Trained {
        metrics: metrics(&choice, mase, holdout.as_ref(), timeline.season),
        model,
        holdout,
        promote,
        verdict,
        data_hash: hash(observed),
    })
}

/// A single method as it was asked for, or the best one.
fn chosen(
    walk: &Walk<'_>,
    params: &ForecastParams,
    control: &dyn Control,
) -> Result<Choice, ForecastError> {
    if params.method.is_choice() && !walk.cutoffs.is_empty() {
        return choose(walk, params, true, control);
    }
    let method = match params.method {
        // Nothing can be tried out: exponential smoothing is the safest of what learns from few values.
        Method::Auto | Method::Ensemble => Method::Ets,
        method => method,
    };
    Ok(Choice {
        method,
        members: Vec::new(),
        tried: Vec::new(),
    })
}

/// The holdout, and what models do on it.
struct Judged<'a> {
    walk: Walk<'a>,
    past: &'a Observed,
    calibration: &'a Calibration,
}

impl Judged<'_> {
    /// The forecasts on the holdout, with intervals from errors before it.
    fn runs(
        &self,
        recipe: &Recipe,
        params: &ForecastParams,
        control: &dyn Control,
    ) -> Result<Vec<Run>, ForecastError> {
        let mut runs = self.walk.run(recipe, control)?;
        if params.wants_analytic(recipe.method) || runs.is_empty() {
            return Ok(runs);
        }
        if let Some(conformal) = calibrate(self.past, recipe, self.calibration, control)? {
            runs.iter_mut()
                .for_each(|run| bound(run, &conformal, params.level));
        }
        Ok(runs)
    }

    /// Whether the challenger is to serve: when nothing does, when it is better on the holdout than what serves (Diebold and Mariano,
    /// with the correction of Harvey, Leybourne and Newbold), or when it is no worse and knows newer days.
    fn verdict(
        &self,
        request: &TrainRequest<'_>,
        runs: &[Run],
        mase: Option<f64>,
        control: &dyn Control,
    ) -> Result<(bool, String), ForecastError> {
        if !request.params.promote {
            return Ok((false, "params say not to promote it".into()));
        }
        let Some(champion) = request.champion else {
            return Ok((true, "the first model of the series".into()));
        };
        if runs.is_empty() {
            return Ok((
                true,
                "the series is too short to compare models; the newer one serves".into(),
            ));
        }
        let theirs = champion.recipe().and_then(|(recipe, params)| {
            let walk = Walk {
                options: params.timeline(),
                ..self.walk
            };
            walk.run(&recipe, control)
        });
        let theirs = match theirs {
            Ok(runs) => runs,
            Err(ForecastError::Stopped(stop)) => return Err(stop.into()),
            Err(why) => {
                return Ok((
                    true,
                    format!("the model that served cannot be fitted any more: {why}"),
                ));
            }
        };
        let (their_mase, _) = measure(&theirs, request.params.level);
        let (ours, theirs) = losses(runs, &theirs);
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        let test = diebold_mariano(&ours, &theirs, request.horizon);
        let figures = match (mase, their_mase) {
            (Some(ours), Some(theirs)) => {
                format!("MASE {ours:.3} against {theirs:.3} on the same holdout")
            }
            _ => format!(
                "mean absolute error {:.4} against {:.4} on the same holdout",
                mean(&ours),
                mean(&theirs)
            ),
        };
        // No test: the losses are the same, or too few.
        let p = test.map_or(1.0, |t| t.better);
        if p < SIGNIFICANT {
            return Ok((
                true,
                format!("better: {figures} (Diebold-Mariano p = {p:.3})"),
            ));
        }
        if mean(&ours) <= mean(&theirs) {
            return Ok((
                true,
                format!("no worse, and it knows all days up to now: {figures}"),
            ));
        }
        Ok((
            false,
            format!("not better: {figures} (Diebold-Mariano p = {p:.3})"),
        ))
    }
}

/// Puts intervals around the forecasts of an origin.
fn bound(run: &mut Run, conformal: &Conformal, level: f64) {
    let steps = run
        .outcomes
        .iter()
        .filter_map(|o| o.step)
        .max()
        .map_or(0, |s| s + 1);
    let mut means = vec![f64::NAN; steps];
    for outcome in &run.outcomes {
        if let Some(mean) = outcome.step.and_then(|step| means.get_mut(step)) {
            *mean = outcome.forecast;
        }
    }
    let (lower, upper) = conformal.bounds(&means, local_level(&run.known, run.season), level);
    let never_negative = run.known.iter().all(|v| v.is_nan() || *v >= 0.0);
    let floor = |v: f64| if never_negative { v.max(0.0) } else { v };
    for outcome in &mut run.outcomes {
        let Some(step) = outcome.step else { continue };
        let bounds = lower.get(step).copied().zip(upper.get(step).copied());
        outcome.bounds = bounds.map(|(lower, upper)| (floor(lower), floor(upper)));
    }
}

/// The absolute errors of two walks at the steps that both have.
fn losses(ours: &[Run], theirs: &[Run]) -> (Vec<f64>, Vec<f64>) {
    let mut pairs = (Vec::new(), Vec::new());
    for (ours, theirs) in ours.iter().zip(theirs) {
        for our in &ours.outcomes {
            let their = theirs.outcomes.iter().find(|o| o.ahead == our.ahead);
            if let Some(their) = their {
                pairs.0.push((our.forecast - our.actual).abs());
                pairs.1.push((their.forecast - their.actual).abs());
            }
        }
    }
    pairs
}

/// What the registry stores.
fn metrics(
    choice: &Choice,
    mase: Option<f64>,
    holdout: Option<&Scores>,
    season: usize,
) -> Vec<(&'static str, String, f64)> {
    let mut all = vec![("train", "season".to_owned(), season as f64)];
    for tried in &choice.tried {
        let name = tried.method.name();
        if let Some(mase) = tried.mase {
            all.push(("validation", format!("mase.{name}"), mase));
        }
        if let Some(scores) = &tried.scores {
            all.push(("validation", format!("mae.{name}"), scores.mae));
        }
    }
    let Some(scores) = holdout else {
        return all;
    };
    let intervals = scores.intervals.as_ref();
    let figures = [
        ("mae", Some(scores.mae)),
        ("rmse", Some(scores.rmse)),
        ("bias", Some(scores.bias)),
        ("mape", scores.mape),
        ("smape", Some(scores.smape)),
        ("wape", scores.wape),
        ("mase", mase.or(scores.mase)),
        ("rmsse", scores.rmsse),
        ("coverage", intervals.map(|i| i.coverage)),
        ("level", intervals.map(|i| i.level)),
        ("width", intervals.map(|i| i.width)),
        ("pinball", intervals.map(|i| i.pinball)),
    ];
    let figures = figures.into_iter();
    all.extend(figures.filter_map(|(name, v)| Some(("holdout", name.to_owned(), v?))));
    all
}

/// A hash of the values, the days on which the shop was open, and what explains them.
fn hash(observed: &Observed) -> String {
    let mut hash = Sha256::new();
    hash.update(observed.first.to_le_bytes());
    for values in std::iter::once(&observed.values).chain(&observed.regressors) {
        hash.update((values.len() as u64).to_le_bytes());
        for value in values {
            hash.update(value.to_bits().to_le_bytes());
        }
    }
    for open in &observed.open {
        hash.update([u8::from(*open)]);
    }
    for day in &observed.holidays {
        hash.update(day.to_le_bytes());
    }
    let bytes = hash.finalize();
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
