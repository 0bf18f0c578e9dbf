//! How good scores and probabilities are, as curves and tables that can be drawn.

use serde::{Deserialize, Serialize};

use super::FitError;
use super::ranking::Ranking;
use crate::control::{Control, Stop, reserve};

/// Most points of a curve.
const POINTS: usize = 200;

/// Bins of the reliability curve.
const BINS: usize = 10;

/// A point of a ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// The score from which on customers count as predicted; `None` at the start, where nobody does.
    pub threshold: Option<f64>,
    /// The share of those who stayed that are predicted.
    pub false_positive_rate: f64,
    /// The share of those who churned that are predicted.
    pub true_positive_rate: f64,
}

/// A point of a precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrPoint {
    /// The score from which on customers count as predicted; `None` at the start, where nobody does.
    pub threshold: Option<f64>,
    /// The share of those who churned that are predicted.
    pub recall: f64,
    /// The share of those predicted who churned; 1 at the start by convention.
    pub precision: f64,
}

/// The ROC curve from (0, 0) to (1, 1), at most 200 points, evenly chosen among the thresholds. Empty for one class only.
///
/// # Errors
/// [`Stop::NoMemory`].
pub fn roc_curve(ranking: &Ranking) -> Result<Vec<RocPoint>, Stop> {
    let (positives, negatives) = (ranking.positives(), ranking.negatives());
    if positives == 0 || negatives == 0 {
        return Ok(Vec::new());
    }
    thinned(ranking, |threshold, found, count| RocPoint {
        threshold,
        false_positive_rate: (count - found) as f64 / negatives as f64,
        true_positive_rate: found as f64 / positives as f64,
    })
}

/// The precision-recall curve from recall 0 to recall 1, at most 200 points, evenly chosen among the thresholds. Empty when
/// nobody churned.
///
/// # Errors
/// [`Stop::NoMemory`].
pub fn pr_curve(ranking: &Ranking) -> Result<Vec<PrPoint>, Stop> {
    let positives = ranking.positives();
    if positives == 0 {
        return Ok(Vec::new());
    }
    thinned(ranking, |threshold, found, count| PrPoint {
        threshold,
        recall: found as f64 / positives as f64,
        precision: if count == 0 {
            1.0
        } else {
            found as f64 / count as f64
        },
    })
}

/// The points at the start and after groups of ties; where there are too many groups, evenly many are left out.
fn thinned<P>(
    ranking: &Ranking,
    point: impl Fn(Option<f64>, u64, u64) -> P,
) -> Result<Vec<P>, Stop> {
    let groups = ranking.tied().count();
    let mut points = Vec::new();
    reserve(&mut points, POINTS, "drawing curves")?;
    points.push(point(None, 0, 0));
    let kept = groups.min(POINTS - 1);
    let (mut found, mut count) = (0, 0);
    for (group, tied) in ranking.tied().enumerate() {
        found += tied.positives;
        count += tied.count;
        // The k-th kept point of n groups is group ceil(k groups / kept); the last is the last.
        if (group + 1) * kept / groups > group * kept / groups {
            points.push(point(Some(tied.score), found, count));
        }
    }
    Ok(points)
}

/// One bin of a reliability curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// The least probability of the bin.
    pub lower: f64,
    /// The end of the bin, which belongs to the next one.
    pub upper: f64,
    /// Customers in the bin.
    pub customers: u64,
    /// Their mean probability; `None` for an empty bin.
    pub mean_probability: Option<f64>,
    /// The share of them that churned; `None` for an empty bin.
    pub churned: Option<f64>,
}

/// The reliability curve in ten bins of equal width, and the expected calibration error: the mean over customers of the
/// distance between a bin's mean probability and its share of churn (Naeini, Cooper and Hauskrecht 2015). The error is `None`
/// without rows.
#[must_use]
pub fn reliability(probabilities: &[f64], labels: &[bool]) -> (Vec<Reliability>, Option<f64>) {
    let mut sums = [(0u64, 0u64, 0.0f64); BINS];
    for (&p, &label) in probabilities.iter().zip(labels) {
        // The cast takes what is below 0 to 0.
        let bin = ((p * BINS as f64) as usize).min(BINS - 1);
        if let Some((customers, churned, sum)) = sums.get_mut(bin) {
            *customers += 1;
            *churned += u64::from(label);
            *sum += p;
        }
    }
    let total: u64 = sums.iter().map(|(customers, ..)| customers).sum();
    let mut error = 0.0;
    let bins = sums
        .iter()
        .enumerate()
        .map(|(bin, &(customers, churned, sum))| {
            let mean = |sum: f64| (customers > 0).then(|| sum / customers as f64);
            error += (sum - churned as f64).abs();
            Reliability {
                lower: bin as f64 / BINS as f64,
                upper: (bin + 1) as f64 / BINS as f64,
                customers,
                mean_probability: mean(sum),
                churned: mean(churned as f64),
            }
        });
    let bins = bins.collect();
    (bins, (total > 0).then(|| error / total as f64))
}

/// One tenth of the customers, the first with the highest scores. A group of equal scores that lies on the border is shared
/// in proportion, so counts may be fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Decile {
    /// 1 to 10.
    pub decile: u32,
    /// Customers in it: a tenth of all.
    pub customers: f64,
    /// How many of them churned.
    pub churned: f64,
    /// Their share of churn relative to that of all customers; `None` when nobody churned.
    pub lift: Option<f64>,
    /// The share of all who churned in this decile and those before; `None` when nobody churned.
    pub gain: Option<f64>,
    /// The value of the customers in it, in money.
    pub value: f64,
    /// The value of those of them that churned.
    pub value_lost: f64,
    /// The share of value that was lost relative to that of all customers; `None` when nothing was lost or is there.
    pub value_lift: Option<f64>,
    /// The share of all lost value in this decile and those before; `None` when nothing was lost.
    pub value_gain: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    customers: f64,
    churned: f64,
    value: f64,
    lost: f64,
}

impl Share {
    fn add(&mut self, of: Share, part: f64) {
        self.customers += of.customers * part;
        self.churned += of.churned * part;
        self.value += of.value * part;
        self.lost += of.lost * part;
    }
}

/// Lift and cumulative gain by decile, in customers and in money: `values` are what each customer is worth, in the order of
/// the rows that were ranked; a negative value counts as 0. No deciles without rows.
///
/// # Errors
/// [`FitError::Data`] when lengths differ or a value is not finite; [`FitError::Stopped`].
pub fn deciles(
    ranking: &Ranking,
    values: &[f64],
    control: &dyn Control,
) -> Result<Vec<Decile>, FitError> {
    if values.len() != ranking.len() || !values.iter().all(|v| v.is_finite()) {
        return Err(FitError::data(
            "each customer needs a value that is a finite number",
        ));
    }
    let tenth = ranking.len() as f64 / 10.0;
    let mut shares = [Share::default(); 10];
    let mut total = Share::default();
    let mut before = 0u64;
    let mut worth: Vec<(bool, f64)> = Vec::new();
    for (_, labels, rows) in ranking.groups() {
        control.check()?;
        worth.clear();
        reserve(&mut worth, rows.len(), "computing lift")?;
        let value = |row: &u32| values.get(*row as usize).map_or(0.0, |v| v.max(0.0));
        worth.extend(labels.iter().copied().zip(rows.iter().map(value)));
        // The sum of a group of ties must not depend on the order of the rows, not even in its last bits.
        worth.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let count = worth.len() as u64;
        let mut group = Share {
            customers: count as f64,
            ..Share::default()
        };
        for &(churned, value) in &worth {
            group.churned += f64::from(churned);
            group.value += value;
            group.lost += if churned { value } else { 0.0 };
        }
        total.add(group, 1.0);
        let (from, to) = (before as f64, (before + count) as f64);
        for (decile, share) in shares.iter_mut().enumerate() {
            let (start, end) = (decile as f64 * tenth, (decile + 1) as f64 * tenth);
            let inside = to.min(end) - from.max(start);
            if inside > 0.0 {
                share.add(group, inside / count as f64);
            }
        }
        before += count;
    }
    let ratio = |a: f64, b: f64| Some(a / b).filter(|r| r.is_finite());
    let mut so_far = Share::default();
    let deciles = (1u32..).zip(&shares).map(|(decile, share)| {
        so_far.add(*share, 1.0);
        let rate = |part: f64, whole: f64| ratio(part, whole).unwrap_or(0.0);
        Decile {
            decile,
            customers: share.customers,
            churned: share.churned,
            lift: ratio(
                rate(share.churned, share.customers),
                rate(total.churned, total.customers),
            ),
            gain: ratio(so_far.churned, total.churned),
            value: share.value,
            value_lost: share.lost,
            value_lift: ratio(rate(share.lost, share.value), rate(total.lost, total.value)),
            value_gain: ratio(so_far.lost, total.lost),
        }
    });
    Ok(if ranking.is_empty() {
        Vec::new()
    } else {
        deciles.collect()
    })
}
