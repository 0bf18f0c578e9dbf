//! Gradient boosting with second-order gradients: XGBoost (Chen and Guestrin, 2016).

use rayon::prelude::*;

use super::bins::Binned;
use super::ensemble::{Ensemble, Tree};
use super::grow::{Ground, Landed};
use super::logistic::sigmoid;
use super::split::Rule;
use crate::control::{Charge, Control, Stop, reserve};
use crate::params::{ParamError, wrong};
use crate::random::Stream;

/// The deepest tree that boosting grows.
pub const MAX_DEPTH: u32 = 16;

/// Rows of one task that is done row by row.
const CHUNK: usize = 1 << 13;

/// What is minimised, and so what the raw score is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Log loss; targets are 0 or 1 (or a share between), the raw score is the log-odds.
    Logistic,
    /// Half of the squared error; the raw score is the prediction.
    Squared,
}

/// Parameters of [`fit`]; names, defaults and meaning are XGBoost's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoostingParams {
    /// Trees, 1 to 10,000.
    pub n_estimators: usize,
    /// Depth of each tree, 1 to 16.
    pub max_depth: u32,
    /// What each leaf is multiplied with, over 0 and at most 1.
    pub learning_rate: f64,
    /// Share of the rows that a tree grows on, over 0 and at most 1.
    pub subsample: f64,
    /// Share of the features that a tree grows on, over 0 and at most 1; at least one feature.
    pub colsample_bytree: f64,
    /// L2 penalty on leaves, at least 0.
    pub reg_lambda: f64,
    /// L1 penalty on leaves, at least 0.
    pub reg_alpha: f64,
    /// The least sum of hessians in a leaf, at least 0.
    pub min_child_weight: f64,
    /// A split must gain more than this, at least 0, where the gain is without the factor 1/2 (as in XGBoost's code).
    /// Nodes are not pruned afterwards.
    pub gamma: f64,
    /// What is minimised.
    pub objective: Objective,
}

impl Default for BoostingParams {
    fn default() -> Self {
        BoostingParams {
            n_estimators: 100,
            max_depth: 6,
            learning_rate: 0.3,
            subsample: 1.0,
            colsample_bytree: 1.0,
            reg_lambda: 1.0,
            reg_alpha: 0.0,
            min_child_weight: 1.0,
            gamma: 0.0,
            objective: Objective::Logistic,
        }
    }
}

impl BoostingParams {
    /// Verifies the ranges.
    ///
    /// # Errors
    /// [`ParamError::Value`] for the first parameter that is out of its range.
    pub fn check(&self) -> Result<(), ParamError> {
        if !(1..=10_000).contains(&self.n_estimators) {
            return Err(wrong("n_estimators", "must be between 1 and 10000"));
        }
        if !(1..=MAX_DEPTH).contains(&self.max_depth) {
            return Err(wrong("max_depth", "must be between 1 and 16"));
        }
        for (key, share) in [
            ("learning_rate", self.learning_rate),
            ("subsample", self.subsample),
            ("colsample_bytree", self.colsample_bytree),
        ] {
            if !(share > 0.0 && share <= 1.0) {
                return Err(wrong(key, "must be over 0 and at most 1"));
            }
        }
        for (key, number) in [
            ("reg_lambda", self.reg_lambda),
            ("reg_alpha", self.reg_alpha),
            ("min_child_weight", self.min_child_weight),
            ("gamma", self.gamma),
        ] {
            if !(number >= 0.0 && number.is_finite()) {
                return Err(wrong(key, "must be a number that is not negative"));
            }
        }
        Ok(())
    }
}

/// Trains on targets `y` with positive `weights` (1 when there are none).
///
/// Trees grow on histograms of gradients and hessians to `max_depth`; each split learns where missing values go (where it saw
/// none, to the heavier side). The base score is the weighted mean of the targets, for [`Objective::Logistic`] its log-odds.
/// Gradients are held in single precision, sums in double. The cover of a node is its sum of hessians.
/// `params` must pass [`BoostingParams::check`].
///
/// # Errors
/// [`Stop`] when cancelled or short of memory.
///
/// # Panics
/// When there is not a target and a weight for each row.
pub fn fit(
    binned: &Binned,
    y: &[f64],
    weights: Option<&[f64]>,
    params: &BoostingParams,
    seed: i64,
    control: &dyn Control,
) -> Result<Ensemble, Stop> {
    let rows = binned.rows();
    assert_eq!(y.len(), rows, "a target for each row");
    assert!(
        weights.is_none_or(|w| w.len() == rows),
        "a weight for each row"
    );
    let base = base_score(y, weights, params.objective);
    let mut ensemble = Ensemble::new(binned.bins().features(), base);
    // Scores (and what a tree gives to rows outside of its sample), pairs and two lists of rows.
    let bytes = rows * (2 * size_of::<f64>() + size_of::<[f32; 2]>() + 2 * size_of::<u32>());
    let _charge = Charge::new(bytes as u64, "boosting", control)?;
    let mut scores: Vec<f64> = Vec::new();
    reserve(&mut scores, rows, "boosting")?;
    scores.resize(rows, base);
    let mut pairs: Vec<[f32; 2]> = Vec::new();
    reserve(&mut pairs, rows, "boosting")?;
    pairs.resize(rows, [0.0; 2]);
    let (mut list, mut spare) = (Vec::new(), Vec::new());
    reserve(&mut list, rows, "boosting")?;
    reserve(&mut spare, rows, "boosting")?;
    spare.resize(rows, 0u32);
    let rule = Rule {
        lambda: params.reg_lambda,
        alpha: params.reg_alpha,
        min_weight: params.min_child_weight,
        // XGBoost's kRtEps.
        min_gain: params.gamma.max(1e-6),
    };
    let mut columns = Columns::new(binned, params, seed)?;
    for tree in 0..params.n_estimators {
        control.progress("boosting", tree as u64, params.n_estimators as u64);
        gradients(params.objective, &scores, y, weights, &mut pairs, control)?;
        columns.draw(tree, control)?;
        // The sampled rows first, then the others.
        let sampled = draw_rows(&mut list, &mut spare, params.subsample, seed, tree, control)?;
        let (inside, outside) = list.split_at_mut(sampled);
        let ground = Ground {
            codes: columns.codes(),
            columns: &columns.columns,
            values: &columns.values,
            pairs: &pairs,
            rule,
            max_depth: params.max_depth,
            control,
        };
        let (mut grown, landed) = ground.grow(inside, &mut spare[..sampled])?;
        for node in &mut grown.nodes {
            node.value *= params.learning_rate;
        }
        let outside_values = walk(&grown, &ground, outside, control)?;
        add_leaves(&grown, &landed, inside, &mut scores);
        for (&row, value) in outside.iter().zip(outside_values) {
            scores[row as usize] += value;
        }
        columns.finish(&mut grown);
        ensemble.push(&grown);
    }
    control.progress(
        "boosting",
        params.n_estimators as u64,
        params.n_estimators as u64,
    );
    Ok(ensemble)
}

/// The raw score without trees.
fn base_score(y: &[f64], weights: Option<&[f64]>, objective: Objective) -> f64 {
    // Relative to the largest weight, for no sum to overflow.
    let largest = weights.map_or(1.0, |w| w.iter().copied().fold(f64::MIN_POSITIVE, f64::max));
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, y) in y.iter().enumerate() {
        let weight = weights.map_or(1.0, |w| w[row] / largest);
        sum += weight * y;
        total += weight;
    }
    let mean = if total > 0.0 { sum / total } else { 0.0 };
    match objective {
        Objective::Squared => mean.clamp(f64::MIN, f64::MAX),
        Objective::Logistic => {
            // With one class only the odds have no end.
            let share = mean.clamp(1e-7, 1.0 - 1e-7);
            (share / (1.0 - share)).ln()
        }
    }
}

/// First and second derivatives of the loss by the raw score.
fn gradients(
    objective: Objective,
    scores: &[f64],
    y: &[f64],
    weights: Option<&[f64]>,
    pairs: &mut [[f32; 2]],
    control: &dyn Control,
) -> Result<(), Stop> {
    let narrow = |v: f64| v.clamp(-1e30, 1e30) as f32;
    pairs
        .par_chunks_mut(CHUNK)
        .enumerate()
        .try_for_each(|(chunk, pairs)| {
            control.check()?;
            let begin = chunk * CHUNK;
            let here = begin..begin + pairs.len();
            let rows = scores[here.clone()].iter().zip(&y[here.clone()]);
            match objective {
                Objective::Logistic => {
                    for (pair, (&score, &y)) in pairs.iter_mut().zip(rows) {
                        let p = sigmoid(score);
                        *pair = [(p - y) as f32, (p * (1.0 - p)).max(1e-16) as f32];
                    }
                }
                Objective::Squared => {
                    for (pair, (&score, &y)) in pairs.iter_mut().zip(rows) {
                        *pair = [narrow(score - y), 1.0];
                    }
                }
            }
            if let Some(weights) = weights {
                for (pair, &weight) in pairs.iter_mut().zip(&weights[here]) {
                    *pair = pair.map(|v| narrow(f64::from(v) * weight));
                }
            }
            Ok(())
        })
}

/// Puts the sampled rows first, ascending, then the others; returns the number of the first. `spare` has a place for each row.
fn draw_rows(
    list: &mut Vec<u32>,
    spare: &mut [u32],
    share: f64,
    seed: i64,
    tree: usize,
    control: &dyn Control,
) -> Result<usize, Stop> {
    let rows = spare.len();
    list.clear();
    if share >= 1.0 {
        list.extend(0..rows as u32);
        return Ok(rows);
    }
    let mut others = 0;
    let mut stream = Stream::new(seed, "rows of a boosted tree", tree as u64);
    for row in 0..rows as u32 {
        if row % (1 << 18) == 0 {
            control.check()?;
        }
        if stream.unit() < share {
            list.push(row);
        } else {
            spare[others] = row;
            others += 1;
        }
    }
    list.extend_from_slice(&spare[..others]);
    // Nothing drawn: a tree on all rows instead of none.
    Ok(if others == rows { rows } else { rows - others })
}

/// Adds the leaves to the scores of the rows that the tree has grown on.
fn add_leaves(tree: &Tree, landed: &[Landed], rows: &[u32], scores: &mut [f64]) {
    for leaf in landed {
        let value = tree.nodes[leaf.node as usize].value;
        for &row in &rows[leaf.begin..leaf.end] {
            scores[row as usize] += value;
        }
    }
}

/// The leaf values of rows that the tree has not grown on.
fn walk(
    tree: &Tree,
    ground: &Ground<'_>,
    rows: &[u32],
    control: &dyn Control,
) -> Result<Vec<f64>, Stop> {
    let features = ground.values.len();
    let mut values = Vec::new();
    reserve(&mut values, rows.len(), "boosting")?;
    values.resize(rows.len(), 0.0);
    values
        .par_chunks_mut(CHUNK)
        .zip(rows.par_chunks(CHUNK))
        .try_for_each(|(values, rows)| {
            control.check()?;
            for (value, &row) in values.iter_mut().zip(rows) {
                let codes = &ground.codes[row as usize * features..][..features];
                let mut node = tree.nodes[0];
                while node.left != 0 {
                    let feature = node.feature as usize;
                    let code = codes[feature];
                    let missing = usize::from(code) == ground.values[feature];
                    let left = code <= node.bin || (node.missing_left && missing);
                    let child = if left { node.left } else { node.right };
                    node = tree.nodes[child as usize];
                }
                *value = node.value;
            }
            Ok(())
        })?;
    Ok(values)
}

/// The features that a tree grows on.
struct Columns<'a> {
    binned: &'a Binned,
    count: usize,
    seed: i64,
    /// Ascending.
    chosen: Vec<usize>,
    /// Bins of values of each chosen feature.
    values: Vec<usize>,
    /// Codes of each chosen feature.
    columns: Vec<&'a [u8]>,
    /// The codes of the chosen features, when they are not all.
    copied: Vec<u8>,
    charge: Charge,
}

impl<'a> Columns<'a> {
    fn new(binned: &'a Binned, params: &BoostingParams, seed: i64) -> Result<Self, Stop> {
        let all = binned.bins().features();
        let count = ((params.colsample_bytree * all as f64) as usize).clamp(1, all.max(1));
        Ok(Columns {
            binned,
            count: count.min(all),
            seed,
            chosen: (0..all).collect(),
            values: (0..all).map(|f| binned.bins().values(f)).collect(),
            columns: (0..all).map(|f| binned.column(f)).collect(),
            copied: Vec::new(),
            charge: Charge::default(),
        })
    }

    fn draw(&mut self, tree: usize, control: &dyn Control) -> Result<(), Stop> {
        let bins = self.binned.bins();
        if self.count == bins.features() {
            return Ok(());
        }
        let mut stream = Stream::new(self.seed, "features of a boosted tree", tree as u64);
        self.chosen = stream.sample(bins.features(), self.count);
        self.values = self.chosen.iter().map(|f| bins.values(*f)).collect();
        self.columns = self.chosen.iter().map(|f| self.binned.column(*f)).collect();
        let len = self.binned.rows() * self.count;
        self.charge.set(len as u64, "boosting", control)?;
        let more = len.saturating_sub(self.copied.len());
        reserve(&mut self.copied, more, "boosting")?;
        self.copied.resize(len, 0);
        let (chosen, count) = (&self.chosen, self.count);
        self.copied
            .par_chunks_mut(CHUNK * count)
            .zip(self.binned.codes().par_chunks(CHUNK * bins.features()))
            .try_for_each(|(to, from)| {
                control.check()?;
                let rows = to
                    .chunks_exact_mut(count)
                    .zip(from.chunks_exact(bins.features()));
                for (to, from) in rows {
                    for (to, &feature) in to.iter_mut().zip(chosen) {
                        *to = from[feature];
                    }
                }
                Ok(())
            })
    }

    fn codes(&self) -> &[u8] {
        if self.count == self.binned.bins().features() {
            self.binned.codes()
        } else {
            &self.copied
        }
    }

    /// Gives a tree its thresholds and the numbers of its features among all.
    fn finish(&self, tree: &mut Tree) {
        for node in &mut tree.nodes {
            if node.left != 0 {
                let feature = self.chosen[node.feature as usize];
                node.feature = feature as u32;
                node.threshold = self.binned.bins().threshold(feature, node.bin);
                node.value = 0.0;
            }
        }
    }
}

#[cfg(test)]
#[path = "boosting_tests.rs"]
mod tests;
