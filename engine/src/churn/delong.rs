//! DeLong's test: are two areas under ROC curves, of two models on the same customers, different?
//!
//! DeLong, DeLong and Clarke-Pearson 1988; in O(n log n) as in Sun and Xu 2014, the ranks within ties taken from one sort per
//! model.

use serde::{Deserialize, Serialize};

use super::FitError;
use super::normal::upper_tail;
use super::ranking::Ranking;
use crate::control::{Charge, Control, reserve};

const PHASE: &str = "comparing models";

/// The 97.5 % quantile of the standard normal distribution.
const TWO_SIDED_95: f64 = 1.959963984540054;

/// Two areas compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeLong {
    /// The area of the first model.
    pub auc_a: f64,
    /// The area of the second model.
    pub auc_b: f64,
    /// The variance of auc_a - auc_b.
    pub variance: f64,
    /// (auc_a - auc_b) over its standard deviation; 0 when there is no difference, `None` when a difference has variance 0.
    pub z: Option<f64>,
    /// The probability of so large a difference, in either direction, between models that are equally good.
    pub p_two_sided: f64,
    /// The probability of so large a lead of the first model, if it were no better than the second.
    pub p_a_better: f64,
}

/// An area with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AucInterval {
    /// The area.
    pub auc: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The lower limit, at least 0.
    pub lower: f64,
    /// The upper limit, at most 1.
    pub upper: f64,
}

/// For each customer the share of customers of the other class that the model puts on the right side, a tie counting half.
struct Placements {
    values: Vec<f64>,
    _charge: Charge,
}

fn placements(ranking: &Ranking, control: &dyn Control) -> Result<Placements, FitError> {
    let rows = ranking.len();
    let charge = Charge::new((rows as u64).saturating_mul(8), PHASE, control)?;
    let mut values: Vec<f64> = Vec::new();
    reserve(&mut values, rows, PHASE)?;
    values.resize(rows, 0.0);
    let (positives, negatives) = (ranking.positives(), ranking.negatives());
    let (mut above, mut seen) = (0u64, 0u64);
    for (_, labels, order) in ranking.groups() {
        let tied = labels.iter().filter(|&&label| label).count() as u64;
        let others = labels.len() as u64 - tied;
        let beaten = negatives - seen - others;
        for (&label, &row) in labels.iter().zip(order) {
            if let Some(value) = values.get_mut(row as usize) {
                *value = if label {
                    (beaten as f64 + others as f64 / 2.0) / negatives as f64
                } else {
                    (above as f64 + tied as f64 / 2.0) / positives as f64
                };
            }
        }
        above += tied;
        seen += others;
    }
    Ok(Placements {
        values,
        _charge: charge,
    })
}

/// The variance of the mean of the placements of one class, for a sum over both.
fn variance(values: impl Iterator<Item = (f64, bool)> + Clone) -> f64 {
    [true, false]
        .iter()
        .map(|&class| {
            let of_class = || {
                values
                    .clone()
                    .filter(|(_, label)| *label == class)
                    .map(|(v, _)| v)
            };
            let count = of_class().count() as f64;
            let mean = of_class().sum::<f64>() / count;
            of_class().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0) / count
        })
        .sum()
}

/// Compares the models with scores `a` and `b` for the same customers. `None` when there are fewer than two customers of a
/// class, for which no variance is defined.
///
/// # Errors
/// [`FitError::Data`] when lengths differ or a score is NaN; [`FitError::Stopped`].
pub fn compare(
    a: &[f64],
    b: &[f64],
    labels: &[bool],
    control: &dyn Control,
) -> Result<Option<DeLong>, FitError> {
    let (a, b) = (
        Ranking::new(a, labels, control)?,
        Ranking::new(b, labels, control)?,
    );
    let (Some(auc_a), Some(auc_b)) = (super::metrics::roc_auc(&a), super::metrics::roc_auc(&b))
    else {
        return Ok(None);
    };
    if a.positives() < 2 || a.negatives() < 2 {
        return Ok(None);
    }
    let (left, right) = (placements(&a, control)?, placements(&b, control)?);
    control.check()?;
    let differences = left.values.iter().zip(&right.values).map(|(a, b)| a - b);
    let variance = variance(differences.zip(labels.iter().copied()));
    let difference = auc_a - auc_b;
    let z = if difference == 0.0 {
        Some(0.0)
    } else {
        Some(difference / variance.sqrt()).filter(|z| z.is_finite())
    };
    let extreme = z.unwrap_or(f64::INFINITY.copysign(difference));
    Ok(Some(DeLong {
        auc_a,
        auc_b,
        variance,
        z,
        p_two_sided: 2.0 * upper_tail(extreme.abs()),
        p_a_better: upper_tail(extreme),
    }))
}

/// The area of one model with its 95 % confidence interval (DeLong's variance, normal approximation, cut at 0 and 1). `None`
/// when there are fewer than two customers of a class.
///
/// # Errors
/// [`FitError::Data`] when lengths differ; [`FitError::Stopped`].
pub fn auc_interval(
    ranking: &Ranking,
    labels: &[bool],
    control: &dyn Control,
) -> Result<Option<AucInterval>, FitError> {
    if labels.len() != ranking.len() {
        return Err(FitError::data("scores and labels differ in number"));
    }
    let Some(auc) = super::metrics::roc_auc(ranking) else {
        return Ok(None);
    };
    if ranking.positives() < 2 || ranking.negatives() < 2 {
        return Ok(None);
    }
    let placements = placements(ranking, control)?;
    control.check()?;
    let values = placements
        .values
        .iter()
        .copied()
        .zip(labels.iter().copied());
    let standard_error = variance(values).sqrt();
    Ok(Some(AucInterval {
        auc,
        standard_error,
        lower: (auc - TWO_SIDED_95 * standard_error).max(0.0),
        upper: (auc + TWO_SIDED_95 * standard_error).min(1.0),
    }))
}
