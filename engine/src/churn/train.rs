//! Training: choose by time-ordered cross-validation, fit on all training frames, calibrate, evaluate once on the holdout.

use std::borrow::Cow;

use ndarray::{Axis, CowArray, Ix2};

use super::FitError;
use super::calibration::Calibration;
use super::evaluate::{Evaluation, evaluate};
use super::frame::{Frames, Part};
use super::learner::{Codes, Learner, Scale};
use super::metrics;
use super::model::{ChurnModel, column_names};
use super::options::{CalibrationMethod, LearnerParams, ValidChurnParams};
use super::ranking::Ranking;
use super::search::variant;
use super::threshold;
use crate::control::Control;
use crate::random::Stream;

/// The most frames that are validated on: older ones say less about today.
const FOLDS: usize = 3;

/// A trained model and what is known of it.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: ChurnModel,
    /// The parameters of its learner.
    pub learner: LearnerParams,
    /// How its scores became probabilities.
    pub calibration: CalibrationMethod,
    /// Metrics, importance and curves.
    pub evaluation: Evaluation,
    /// Its predictions for the holdout's rows.
    pub holdout: Vec<f64>,
    /// Rows that it was trained on.
    pub training_rows: usize,
}

/// Rows to fit on and later rows to validate on.
struct Fold<'a> {
    x: CowArray<'a, f64, Ix2>,
    labels: Cow<'a, [bool]>,
    valid_x: CowArray<'a, f64, Ix2>,
    valid_labels: Cow<'a, [bool]>,
    codes: Option<Codes>,
}

/// What a candidate scored on rows that it was not fitted on.
struct Validated {
    learner: LearnerParams,
    /// Mean ROC AUC over the folds.
    auc: f64,
    scores: Vec<f64>,
    labels: Vec<bool>,
}

/// Trains on all frames but the last, which is the holdout, and evaluates on that one. `expired` tells that no further
/// setting is to be tried.
///
/// # Errors
/// [`FitError::Data`] when there is nothing to learn from; what the learners give.
pub fn train(
    frames: &Frames,
    params: &ValidChurnParams,
    horizon_days: i32,
    seed: i64,
    expired: &(dyn Fn() -> bool + Sync),
    control: &dyn Control,
) -> Result<Trained, FitError> {
    let last = frames.len().saturating_sub(1);
    let (training, holdout) = (frames.part(0, last), frames.part(last, frames.len()));
    learnable("the training frames", training)?;
    learnable("the holdout", holdout)?;
    let names = column_names(&frames.features, &frames.columns);
    let folds = folds(frames, last, params, seed, control)?;
    let best = choose(&folds, &names, params, seed, expired, control)?;
    drop(folds);

    control.progress("fitting the model", 0, 1);
    let learner = Learner::fit(
        &best.best.learner,
        training.x,
        None,
        &names,
        training.labels,
        params.class_weight,
        seed,
        control,
    )?;
    let method = params
        .calibration
        .unwrap_or_else(|| suited(&learner, params));
    let calibration = match method {
        CalibrationMethod::None => Calibration::None,
        CalibrationMethod::Platt => {
            Calibration::platt(&best.best.scores, &best.best.labels, control)?
        }
        CalibrationMethod::Isotonic => {
            Calibration::isotonic(&best.best.scores, &best.best.labels, control)?
        }
    };
    let mut model = ChurnModel {
        algorithm: best.best.learner.algorithm().name().to_owned(),
        horizon_days,
        features: frames.features.clone(),
        columns: frames.columns.clone(),
        learner,
        calibration,
        threshold: 0.5,
        frames: frames.digests.iter().take(last).cloned().collect(),
        holdout: frames
            .digests
            .iter()
            .skip(last)
            .cloned()
            .next()
            .ok_or_else(|| FitError::Data("there is no holdout".into()))?,
    };
    let validated: Vec<f64> = best
        .best
        .scores
        .iter()
        .map(|s| model.probability(*s))
        .collect();
    model.threshold = match &params.costs {
        Some(costs) => costs.threshold,
        None => {
            threshold::by_f1(&Ranking::new(&validated, &best.best.labels, control)?).unwrap_or(0.5)
        }
    };
    let evaluation = evaluate(
        &model,
        frames,
        (&validated, &best.best.labels),
        &best.scores,
        params.costs.as_ref(),
        seed,
        control,
    )?;
    Ok(Trained {
        holdout: model.probabilities(holdout.x, control)?,
        training_rows: training.len(),
        learner: best.best.learner,
        calibration: method,
        evaluation,
        model,
    })
}

/// A logistic curve for what is no probability by itself: votes, shares of trees, and learners whose classes were weighted.
fn suited(learner: &Learner, params: &ValidChurnParams) -> CalibrationMethod {
    let weighted = params.class_weight != super::options::ClassWeight::None;
    if learner.scale() == Scale::LogOdds && !weighted {
        CalibrationMethod::None
    } else {
        CalibrationMethod::Platt
    }
}

fn learnable(what: &str, part: Part<'_>) -> Result<(), FitError> {
    if part.is_empty() {
        return Err(FitError::Data(format!("{what} have no customers")));
    }
    if part.has_one_class() {
        let all = if part.labels.first() == Some(&true) {
            "all customers churned"
        } else {
            "no customer churned"
        };
        return Err(FitError::Data(format!(
            "in {what} {all}: there is nothing to tell apart"
        )));
    }
    Ok(())
}

/// Each training frame but the first is predicted from the frames before it, whose label windows end before it begins. With
/// one training frame alone there is no earlier one: then a third of the customers at a time, drawn at random.
fn folds<'a>(
    frames: &'a Frames,
    last: usize,
    params: &ValidChurnParams,
    seed: i64,
    control: &dyn Control,
) -> Result<Vec<Fold<'a>>, FitError> {
    let trees = params
        .learners
        .iter()
        .any(|l| !matches!(l, LearnerParams::Logistic(_)));
    let mut folds = Vec::new();
    for valid in last.saturating_sub(FOLDS).max(1)..last {
        let (train, valid) = (frames.part(0, valid), frames.part(valid, valid + 1));
        if !train.has_one_class() && !valid.has_one_class() {
            folds.push(Fold {
                x: CowArray::from(train.x),
                labels: Cow::Borrowed(train.labels),
                valid_x: CowArray::from(valid.x),
                valid_labels: Cow::Borrowed(valid.labels),
                codes: None,
            });
        }
    }
    if folds.is_empty() {
        folds = random_folds(frames.part(0, last), seed);
    }
    if trees {
        for fold in &mut folds {
            fold.codes = Some(Codes::of(fold.x.view(), control)?);
        }
    }
    Ok(folds)
}

fn random_folds<'a>(part: Part<'_>, seed: i64) -> Vec<Fold<'a>> {
    let mut rows: Vec<usize> = (0..part.len()).collect();
    Stream::new(seed, "churn folds", 0).shuffle(&mut rows);
    let pick = |rows: &[usize]| {
        let labels: Vec<bool> = rows
            .iter()
            .filter_map(|r| part.labels.get(*r).copied())
            .collect();
        (CowArray::from(part.x.select(Axis(0), rows)), labels)
    };
    (0..FOLDS)
        .filter_map(|fold| {
            let of = |inside: bool| -> Vec<usize> {
                let numbered = rows.iter().enumerate();
                let mut own: Vec<usize> = numbered
                    .filter(|(i, _)| (i % FOLDS == fold) == inside)
                    .map(|(_, r)| *r)
                    .collect();
                own.sort_unstable();
                own
            };
            let (valid_x, valid_labels) = pick(&of(true));
            let (x, labels) = pick(&of(false));
            let mixed = |l: &[bool]| l.contains(&true) && l.contains(&false);
            (mixed(&labels) && mixed(&valid_labels)).then_some(Fold {
                x,
                labels: Cow::Owned(labels),
                valid_x,
                valid_labels: Cow::Owned(valid_labels),
                codes: None,
            })
        })
        .collect()
}

/// The best candidate, and the best mean AUC of each algorithm.
struct Chosen {
    best: Validated,
    scores: Vec<(&'static str, f64)>,
}

fn choose(
    folds: &[Fold<'_>],
    names: &[String],
    params: &ValidChurnParams,
    seed: i64,
    expired: &(dyn Fn() -> bool + Sync),
    control: &dyn Control,
) -> Result<Chosen, FitError> {
    let tries = 1 + u64::from(params.search);
    let total = tries * params.learners.len() as u64 * folds.len() as u64;
    let mut done = 0;
    let mut best: Option<Validated> = None;
    let mut scores: Vec<(&'static str, f64)> = Vec::new();
    // The given settings of all algorithms first, so that a time budget never skips an algorithm.
    for attempt in 0..tries {
        for learner in &params.learners {
            if attempt > 0 && expired() {
                continue;
            }
            let name = learner.algorithm().name();
            let learner = match attempt {
                0 => learner.clone(),
                n => variant(learner, &mut Stream::new(seed, name, n)),
            };
            let validated = validate(learner, folds, names, params, seed, control, |fold| {
                control.progress("cross validation", done + fold, total);
            })?;
            done += folds.len() as u64;
            match scores.iter_mut().find(|(n, _)| *n == name) {
                Some((_, auc)) => *auc = auc.max(validated.auc),
                None => scores.push((name, validated.auc)),
            }
            if best.as_ref().is_none_or(|b| validated.auc > b.auc) {
                best = Some(validated);
            }
        }
    }
    let best = best.ok_or_else(|| {
        FitError::Data("the training frames are too small to validate on a part of them".into())
    })?;
    Ok(Chosen { best, scores })
}

fn validate(
    learner: LearnerParams,
    folds: &[Fold<'_>],
    names: &[String],
    params: &ValidChurnParams,
    seed: i64,
    control: &dyn Control,
    progress: impl Fn(u64),
) -> Result<Validated, FitError> {
    let (mut scores, mut labels, mut sum) = (Vec::new(), Vec::new(), 0.0);
    for (at, fold) in (0u64..).zip(folds) {
        progress(at);
        let fitted = Learner::fit(
            &learner,
            fold.x.view(),
            fold.codes.as_ref(),
            names,
            &fold.labels,
            params.class_weight,
            seed,
            control,
        )?;
        let own = fitted.score(fold.valid_x.view(), control)?;
        sum += auc(&own, &fold.valid_labels, control)?;
        scores.extend(own);
        labels.extend_from_slice(&fold.valid_labels);
    }
    if folds.is_empty() {
        return Err(FitError::Data(
            "the training frames are too small to validate on a part of them".into(),
        ));
    }
    Ok(Validated {
        learner,
        auc: sum / folds.len() as f64,
        scores,
        labels,
    })
}

fn auc(scores: &[f64], labels: &[bool], control: &dyn Control) -> Result<f64, FitError> {
    Ok(metrics::roc_auc(&Ranking::new(scores, labels, control)?).unwrap_or(0.5))
}
