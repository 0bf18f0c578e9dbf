//! Training: choose by time-ordered cross-validation, fit on all training frames, calibrate on customers that were held out
//! from the fit, evaluate once on the holdout.

use std::borrow::Cow;

use ndarray::{Axis, CowArray, Ix2};

use super::FitError;
use super::calibration::Calibration;
use super::evaluate::{Evaluation, evaluate};
use super::frame::{Frames, GROUPS, Part};
use super::learner::{Codes, Learner, Scale};
use super::metrics;
use super::model::{ChurnModel, column_names};
use super::options::{CalibrationMethod, ClassWeight, LearnerParams, ValidChurnParams};
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

/// What a learner scored on rows that it was not fitted on.
struct Validated {
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
    let trees = |l: &LearnerParams| !matches!(l, LearnerParams::Logistic(_));
    let mut folds = time_folds(frames, last);
    if folds.is_empty() {
        folds = customer_folds(training);
    }
    bin(&mut folds, params.learners.iter().any(trees), control)?;
    let chosen = choose(&folds, &names, params, seed, expired, control)?;

    // The scores of fits on a few early frames lie on another scale than those of the fit on all frames. Fits on all frames
    // without a third of the customers tell what its scores mean.
    let mut folds = customer_folds(training);
    bin(&mut folds, trees(&chosen.learner), control)?;
    let validated = validate(
        &chosen.learner,
        &folds,
        &names,
        params,
        seed,
        control,
        |fold| {
            control.progress("calibrating", fold, GROUPS.into());
        },
    )?;
    drop(folds);

    control.progress("fitting the model", 0, 1);
    let learner = Learner::fit(
        &chosen.learner,
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
            Calibration::platt(&validated.scores, &validated.labels, control)?
        }
        CalibrationMethod::Isotonic => {
            Calibration::isotonic(&validated.scores, &validated.labels, control)?
        }
    };
    let mut model = ChurnModel {
        algorithm: chosen.learner.algorithm().name().to_owned(),
        horizon_days,
        features: frames.features.clone(),
        columns: frames.columns.clone(),
        learner,
        calibration,
        threshold: 0.5,
        frames: frames.digests.iter().take(last).cloned().collect(),
        holdout: frames
            .digests
            .get(last)
            .cloned()
            .ok_or_else(|| FitError::Data("there is no holdout".into()))?,
    };
    let probabilities: Vec<f64> = validated
        .scores
        .iter()
        .map(|s| model.probability(*s))
        .collect();
    model.threshold = match &params.costs {
        Some(costs) => costs.threshold,
        None => threshold::by_f1(&Ranking::new(&probabilities, &validated.labels, control)?)
            .unwrap_or(0.5),
    };
    let evaluation = evaluate(
        &model,
        frames,
        (&probabilities, &validated.labels),
        &chosen.scores,
        params.costs.as_ref(),
        seed,
        control,
    )?;
    Ok(Trained {
        holdout: model.probabilities(holdout.x, control)?,
        training_rows: training.len(),
        learner: chosen.learner,
        calibration: method,
        evaluation,
        model,
    })
}

/// A logistic curve for what is no probability by itself: votes, and learners whose classes were weighted.
fn suited(learner: &Learner, params: &ValidChurnParams) -> CalibrationMethod {
    let weighted = params.class_weight != ClassWeight::None;
    if learner.scale() == Scale::Vote || weighted {
        CalibrationMethod::Platt
    } else {
        CalibrationMethod::None
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

/// Each training frame but the first is predicted from the frames before it, whose label windows end before it begins. Empty
/// with one training frame alone.
fn time_folds(frames: &Frames, last: usize) -> Vec<Fold<'_>> {
    (last.saturating_sub(FOLDS).max(1)..last)
        .map(|valid| (frames.part(0, valid), frames.part(valid, valid + 1)))
        .filter(|(train, valid)| !train.has_one_class() && !valid.has_one_class())
        .map(|(train, valid)| Fold {
            x: CowArray::from(train.x),
            labels: Cow::Borrowed(train.labels),
            valid_x: CowArray::from(valid.x),
            valid_labels: Cow::Borrowed(valid.labels),
            codes: None,
        })
        .collect()
}

/// Each group of customers is predicted from the others, over all frames: no customer is on both sides.
fn customer_folds<'a>(part: Part<'_>) -> Vec<Fold<'a>> {
    let pick = |wanted: &dyn Fn(u8) -> bool| {
        let numbered = part.groups.iter().enumerate();
        let rows: Vec<usize> = numbered
            .filter(|(_, g)| wanted(**g))
            .map(|(row, _)| row)
            .collect();
        let labels: Vec<bool> = rows
            .iter()
            .filter_map(|r| part.labels.get(*r).copied())
            .collect();
        (CowArray::from(part.x.select(Axis(0), &rows)), labels)
    };
    (0..GROUPS)
        .filter_map(|group| {
            let (valid_x, valid_labels) = pick(&|g| g == group);
            let (x, labels) = pick(&|g| g != group);
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

/// Bins the rows of each fold, once for all trees.
fn bin(folds: &mut [Fold<'_>], wanted: bool, control: &dyn Control) -> Result<(), FitError> {
    for fold in folds.iter_mut().filter(|_| wanted) {
        fold.codes = Some(Codes::of(fold.x.view(), control)?);
    }
    Ok(())
}

/// The best candidate, and the best mean AUC of each algorithm.
struct Chosen {
    learner: LearnerParams,
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
    let mut best: Option<(f64, LearnerParams)> = None;
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
            let validated = validate(&learner, folds, names, params, seed, control, |fold| {
                control.progress("cross validation", done + fold, total);
            })?;
            let auc = validated.auc;
            done += folds.len() as u64;
            match scores.iter_mut().find(|(n, _)| *n == name) {
                Some((_, best)) => *best = auc.max(*best),
                None => scores.push((name, auc)),
            }
            if best.as_ref().is_none_or(|(b, _)| auc > *b) {
                best = Some((auc, learner));
            }
        }
    }
    let (_, learner) = best.ok_or_else(too_small)?;
    Ok(Chosen { learner, scores })
}

fn validate(
    learner: &LearnerParams,
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
            learner,
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
        return Err(too_small());
    }
    Ok(Validated {
        auc: sum / folds.len() as f64,
        scores,
        labels,
    })
}

fn too_small() -> FitError {
    FitError::Data("the training frames are too small to validate on a part of them".into())
}

fn auc(scores: &[f64], labels: &[bool], control: &dyn Control) -> Result<f64, FitError> {
    Ok(metrics::roc_auc(&Ranking::new(scores, labels, control)?).unwrap_or(0.5))
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
