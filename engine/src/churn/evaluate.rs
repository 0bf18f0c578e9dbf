//! Evaluation of a model: metrics on training, validation and holdout, curves, importance, and the baseline.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::FitError;
use super::curves::{deciles, pr_curve, reliability, roc_curve};
use super::delong;
use super::frame::{Frames, Part};
use super::metrics::{self, Confusion};
use super::model::ChurnModel;
use super::options::Costs;
use super::ranking::Ranking;
use crate::control::{Charge, Control};
use crate::random::Stream;

/// The feature that the baseline goes by: who has not bought for long has gone.
const BASELINE: &str = "recency_days";

/// Row predictions that permutation importance may take in all, by a linear model or a hundred trees.
const PERMUTATION_ROWS: usize = 1_000_000;

/// The points of a curve: x, y, and the threshold that they belong to.
pub type Curve = Vec<(f64, f64, Option<f64>)>;

/// Metrics, importance and curves, by the names that the registry stores.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// Dataset, metric, value.
    pub metrics: Vec<(&'static str, String, f64)>,
    /// Method, feature, importance.
    pub importance: Vec<(&'static str, String, f64)>,
    /// Curve, and its points: x, y, threshold.
    pub curves: Vec<(&'static str, Curve)>,
}

impl Evaluation {
    /// What is not defined is not stored.
    fn put(&mut self, dataset: &'static str, metric: impl Into<String>, value: Option<f64>) {
        if let Some(value) = value.filter(|v| v.is_finite()) {
            self.metrics.push((dataset, metric.into(), value));
        }
    }

    /// A metric by its name.
    #[must_use]
    pub fn get(&self, dataset: &str, metric: &str) -> Option<f64> {
        let found = self
            .metrics
            .iter()
            .find(|m| m.0 == dataset && m.1 == metric);
        found.map(|m| m.2)
    }
}

/// Evaluates a model that was trained on all frames but the last. `validated` are its probabilities and labels for rows that
/// its learner was not fitted on, `candidates` what each algorithm reached in the cross-validation.
pub(super) fn evaluate(
    model: &ChurnModel,
    frames: &Frames,
    validated: (&[f64], &[bool]),
    candidates: &[(&'static str, f64)],
    costs: Option<&Costs>,
    seed: i64,
    control: &dyn Control,
) -> Result<Evaluation, FitError> {
    let mut out = Evaluation::default();
    let last = frames.len().saturating_sub(1);
    let (training, holdout) = (frames.part(0, last), frames.part(last, frames.len()));
    control.progress("evaluating the model", 0, 3);
    let on_training = model.probabilities(training.x, control)?;
    quality(&mut out, "train", &on_training, training.labels, control)?;
    let ranking = quality(&mut out, "validation", validated.0, validated.1, control)?;
    at_threshold(&mut out, "validation", model.threshold, validated, costs);
    drop(ranking);
    for (algorithm, auc) in candidates {
        out.put(
            "validation",
            format!("mean_roc_auc.{algorithm}"),
            Some(*auc),
        );
    }
    out.put("validation", "threshold", Some(model.threshold));

    control.progress("evaluating the model", 1, 3);
    let on_holdout = model.probabilities(holdout.x, control)?;
    let ranking = quality(&mut out, "holdout", &on_holdout, holdout.labels, control)?;
    at_threshold(
        &mut out,
        "holdout",
        model.threshold,
        (&on_holdout, holdout.labels),
        costs,
    );
    if let Some(interval) = delong::auc_interval(&ranking, holdout.labels, control)? {
        out.put("holdout", "roc_auc_lower", Some(interval.lower));
        out.put("holdout", "roc_auc_upper", Some(interval.upper));
    }
    curves(&mut out, &ranking, &on_holdout, holdout, control)?;
    baseline(&mut out, model, &on_holdout, holdout, control)?;

    control.progress("evaluating the model", 2, 3);
    importance(&mut out, model, holdout, &ranking, seed, control)?;
    Ok(out)
}

fn quality(
    out: &mut Evaluation,
    dataset: &'static str,
    probabilities: &[f64],
    labels: &[bool],
    control: &dyn Control,
) -> Result<Ranking, FitError> {
    let ranking = Ranking::new(probabilities, labels, control)?;
    out.put(dataset, "customers", Some(labels.len() as f64));
    let rate = ranking.positives() as f64 / (labels.len() as f64).max(1.0);
    out.put(dataset, "churn_rate", Some(rate));
    out.put(dataset, "roc_auc", metrics::roc_auc(&ranking));
    out.put(dataset, "pr_auc", metrics::average_precision(&ranking));
    out.put(
        dataset,
        "log_loss",
        metrics::log_loss(probabilities, labels),
    );
    out.put(dataset, "brier", metrics::brier(probabilities, labels));
    out.put(
        dataset,
        "calibration_error",
        reliability(probabilities, labels).1,
    );
    Ok(ranking)
}

fn at_threshold(
    out: &mut Evaluation,
    dataset: &'static str,
    threshold: f64,
    (probabilities, labels): (&[f64], &[bool]),
    costs: Option<&Costs>,
) {
    let counts = Confusion::at(threshold, probabilities, labels);
    out.put(dataset, "accuracy", counts.accuracy());
    out.put(dataset, "precision", counts.precision());
    out.put(dataset, "recall", counts.recall());
    out.put(dataset, "f1", counts.f1());
    for (name, count) in [
        ("true_positives", counts.true_positives),
        ("false_positives", counts.false_positives),
        ("true_negatives", counts.true_negatives),
        ("false_negatives", counts.false_negatives),
    ] {
        out.put(dataset, name, Some(count as f64));
    }
    let profit = costs.map(|c| counts.profit(c.offer_cost, c.saved_margin));
    out.put(dataset, "profit", profit);
}

fn curves(
    out: &mut Evaluation,
    ranking: &Ranking,
    probabilities: &[f64],
    holdout: Part<'_>,
    control: &dyn Control,
) -> Result<(), FitError> {
    let roc = roc_curve(ranking)?;
    let points = roc
        .iter()
        .map(|p| (p.false_positive_rate, p.true_positive_rate, p.threshold));
    out.curves.push(("roc", points.collect()));
    let pr = pr_curve(ranking)?;
    let points = pr.iter().map(|p| (p.recall, p.precision, p.threshold));
    out.curves.push(("pr", points.collect()));
    let (bins, _) = reliability(probabilities, holdout.labels);
    let points = bins
        .iter()
        .filter_map(|b| Some((b.mean_probability?, b.churned?, Some(b.lower))));
    out.curves.push(("calibration", points.collect()));
    let deciles = deciles(ranking, holdout.money, control)?;
    let share = |d: u32| f64::from(d) / 10.0;
    let gain = deciles
        .iter()
        .filter_map(|d| Some((share(d.decile), d.gain?, None)));
    out.curves.push(("gain", gain.collect()));
    let money = deciles
        .iter()
        .filter_map(|d| Some((share(d.decile), d.value_gain?, None)));
    out.curves.push(("money_gain", money.collect()));
    let lift = deciles
        .iter()
        .filter_map(|d| Some((share(d.decile), d.lift?, None)));
    out.curves.push(("lift", lift.collect()));
    let money = deciles
        .iter()
        .filter_map(|d| Some((share(d.decile), d.value_lift?, None)));
    out.curves.push(("money_lift", money.collect()));
    if let Some(first) = deciles.first() {
        out.put("holdout", "lift_top_decile", first.lift);
        out.put("holdout", "money_lift_top_decile", first.value_lift);
    }
    Ok(())
}

/// The same customers ranked by recency alone, and how sure it is that the model does better.
fn baseline(
    out: &mut Evaluation,
    model: &ChurnModel,
    probabilities: &[f64],
    holdout: Part<'_>,
    control: &dyn Control,
) -> Result<(), FitError> {
    let feature = model.features.iter().position(|f| f.name() == BASELINE);
    let column = model
        .columns
        .iter()
        .position(|c| Some(c.feature as usize) == feature);
    let Some(column) = column.filter(|_| feature.is_some()) else {
        return Ok(());
    };
    let recency: Vec<f64> = holdout
        .x
        .column(column)
        .iter()
        .map(|r| if r.is_nan() { f64::MAX } else { *r })
        .collect();
    let ranking = Ranking::new(&recency, holdout.labels, control)?;
    out.put("holdout", "recency_roc_auc", metrics::roc_auc(&ranking));
    out.put(
        "holdout",
        "recency_pr_auc",
        metrics::average_precision(&ranking),
    );
    let compared = delong::compare(probabilities, &recency, holdout.labels, control)?;
    out.put(
        "holdout",
        "better_than_recency_p",
        compared.map(|c| c.p_a_better),
    );
    Ok(())
}

/// The model's own measure, and permutation importance (Breiman 2001): how much ROC AUC on the holdout is lost when a feature's
/// values are dealt out anew among the customers.
fn importance(
    out: &mut Evaluation,
    model: &ChurnModel,
    holdout: Part<'_>,
    ranking: &Ranking,
    seed: i64,
    control: &dyn Control,
) -> Result<(), FitError> {
    let (method, by_column) = model.learner.importance(model.columns.len());
    if method == "coefficient" {
        let named = model.column_names().into_iter().zip(by_column);
        out.importance.extend(named.map(|(n, v)| (method, n, v)));
    } else {
        for (at, feature) in (0u32..).zip(&model.features) {
            let own = model
                .columns
                .iter()
                .zip(&by_column)
                .filter(|(c, _)| c.feature == at);
            let sum = own.map(|(_, gain)| *gain).sum();
            out.importance
                .push((method, feature.name().to_owned(), sum));
        }
    }
    let Some(whole) = metrics::roc_auc(ranking) else {
        return Ok(());
    };
    let budget = PERMUTATION_ROWS / model.learner.cost();
    let features = model.features.len().max(1);
    let rows = (budget / features).max(1000);
    let rows = Stream::new(seed, "permutation rows", 0).sample(holdout.len(), rows);
    let repeats = (budget / (rows.len() * features).max(1)).clamp(1, 5);
    let sampled = rows.len() < holdout.len();
    let x = holdout.x.select(ndarray::Axis(0), &rows);
    let labels: Vec<bool> = rows
        .iter()
        .filter_map(|r| holdout.labels.get(*r).copied())
        .collect();
    let whole = if sampled {
        let own = Ranking::new(&model.probabilities(x.view(), control)?, &labels, control)?;
        metrics::roc_auc(&own).unwrap_or(whole)
    } else {
        whole
    };
    let losses = (0..model.features.len())
        .into_par_iter()
        .map(|feature| {
            let mut sum = 0.0;
            for repeat in 0..repeats {
                let index = (feature * 16 + repeat) as u64;
                let mut stream = Stream::new(seed, "permutation", index);
                sum += permuted_auc(model, x.view(), &labels, feature, &mut stream, control)?;
            }
            Ok(whole - sum / repeats as f64)
        })
        .collect::<Result<Vec<f64>, FitError>>()?;
    for (feature, loss) in model.features.iter().zip(losses) {
        out.importance
            .push(("permutation", feature.name().to_owned(), loss));
    }
    Ok(())
}

fn permuted_auc(
    model: &ChurnModel,
    x: ArrayView2<'_, f64>,
    labels: &[bool],
    feature: usize,
    stream: &mut Stream,
    control: &dyn Control,
) -> Result<f64, FitError> {
    let _charge = Charge::new(x.len() as u64 * 8, "permutation importance", control)?;
    let mut order: Vec<usize> = (0..x.nrows()).collect();
    stream.shuffle(&mut order);
    let mut permuted: Array2<f64> = x.to_owned();
    // All columns of a text move together.
    let columns = model.columns.iter().enumerate();
    for (column, _) in columns.filter(|(_, c)| c.feature as usize == feature) {
        let from = x.column(column);
        for (cell, row) in permuted.column_mut(column).iter_mut().zip(&order) {
            *cell = from.get(*row).copied().unwrap_or(f64::NAN);
        }
    }
    let probabilities = model.probabilities(permuted.view(), control)?;
    let ranking = Ranking::new(&probabilities, labels, control)?;
    Ok(metrics::roc_auc(&ranking).unwrap_or(0.5))
}
