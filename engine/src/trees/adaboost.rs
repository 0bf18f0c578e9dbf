//! AdaBoost of stumps: SAMME for two classes (Zhu, Zou, Rosset and Hastie, 2009), which is Freund and Schapire's discrete AdaBoost.

use rayon::prelude::*;

use super::bins::Binned;
use super::ensemble::{Ensemble, Grown, Tree};
use super::histogram::Histogram;
use super::partition::{Sides, sides};
use super::split::Rule;
use crate::control::{Charge, Control, Stop, reserve};
use crate::params::{ParamError, wrong};

/// Rows of one task that is done row by row.
const CHUNK: usize = 1 << 14;

/// How much better than one half an error must be: less is rounding, and a vote of nothing but rounding would be the only one.
const CHANCE: f64 = 1e-9;

/// Parameters of [`fit`]; names and defaults are scikit-learn's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaBoostParams {
    /// The most stumps, 1 to 10,000.
    pub n_estimators: usize,
    /// What each stump's vote is multiplied with, over 0 and at most 10.
    pub learning_rate: f64,
}

impl Default for AdaBoostParams {
    fn default() -> Self {
        AdaBoostParams {
            n_estimators: 50,
            learning_rate: 1.0,
        }
    }
}

impl AdaBoostParams {
    /// Verifies the ranges.
    ///
    /// # Errors
    /// [`ParamError::Value`] for the first parameter that is out of its range.
    pub fn check(&self) -> Result<(), ParamError> {
        if !(1..=10_000).contains(&self.n_estimators) {
            return Err(wrong("n_estimators", "must be between 1 and 10000"));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate <= 10.0) {
            return Err(wrong("learning_rate", "must be over 0 and at most 10"));
        }
        Ok(())
    }
}

/// Trains on labels `y` with positive `weights` (1 when there are none).
///
/// Each stump is the split with the least Gini impurity under the present weights, and votes for the heavier class on each
/// side. It ends early after a stump without an error, which then counts as one with the vote 1, and before one that is no better
/// than chance. The raw score is scikit-learn's decision function, twice the weighted mean vote, in `[-2, 2]`: its
/// `predict_proba` is the logistic function of that. The cover of a node is its weight at that stump.
/// `params` must pass [`AdaBoostParams::check`].
///
/// # Errors
/// [`Stop`] when cancelled or short of memory.
///
/// # Panics
/// When there is not a label and a weight for each row.
pub fn fit(
    binned: &Binned,
    y: &[bool],
    weights: Option<&[f64]>,
    params: &AdaBoostParams,
    control: &dyn Control,
) -> Result<Ensemble, Stop> {
    let rows = binned.rows();
    assert_eq!(y.len(), rows, "a label for each row");
    assert!(
        weights.is_none_or(|w| w.len() == rows),
        "a weight for each row"
    );
    let features = binned.bins().features();
    let bytes = rows * (size_of::<[f64; 2]>() + size_of::<u32>());
    let _charge = Charge::new(bytes as u64, "adaboost", control)?;
    // The weight where the label is true, and the weight.
    let mut pairs: Vec<[f64; 2]> = Vec::new();
    reserve(&mut pairs, rows, "adaboost")?;
    pairs.extend(y.iter().enumerate().map(|(row, &y)| {
        let weight = weights.map_or(1.0, |w| w[row]);
        [if y { weight } else { 0.0 }, weight]
    }));
    normalise(&mut pairs);
    let mut list = Vec::new();
    reserve(&mut list, rows, "adaboost")?;
    list.extend(0..rows as u32);
    let values: Vec<usize> = (0..features).map(|f| binned.bins().values(f)).collect();
    let mut stumps: Vec<(Tree, f64)> = Vec::new();
    for round in 0..params.n_estimators {
        control.progress("adaboost", round as u64, params.n_estimators as u64);
        let stump = stump(binned, &values, &pairs, &list, control)?;
        let votes = Votes::of(&stump, binned);
        let error = votes.error(&pairs, control)?;
        if error <= 0.0 {
            stumps.push((stump, 1.0));
            break;
        }
        if error >= 0.5 - CHANCE {
            break;
        }
        let vote = params.learning_rate * ((1.0 - error) / error).ln();
        votes.reweigh(vote.exp(), &mut pairs, control)?;
        stumps.push((stump, vote));
        if !normalise(&mut pairs) {
            break;
        }
    }
    let mut ensemble = Ensemble::new(features, 0.0);
    let votes: f64 = stumps.iter().map(|s| s.1).sum();
    for (mut stump, vote) in stumps {
        for node in &mut stump.nodes {
            if node.left == 0 {
                node.value *= 2.0 * vote / votes;
            }
        }
        ensemble.push(&stump);
    }
    Ok(ensemble)
}

/// Makes the weights add up to 1; false when their sum is no positive number.
fn normalise(pairs: &mut [[f64; 2]]) -> bool {
    let sums: Vec<f64> = pairs
        .par_chunks(CHUNK)
        .map(|pairs| pairs.iter().map(|p| p[1]).sum())
        .collect();
    let sum: f64 = sums.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return false;
    }
    pairs
        .par_chunks_mut(CHUNK)
        .for_each(|pairs| pairs.iter_mut().for_each(|p| *p = p.map(|v| v / sum)));
    true
}

/// The best stump; a leaf when nothing can be split. Its leaves vote 1 or -1.
fn stump(
    binned: &Binned,
    values: &[usize],
    pairs: &[[f64; 2]],
    list: &[u32],
    control: &dyn Control,
) -> Result<Tree, Stop> {
    // Any split will do, also one that does not gain: both sides then vote alike.
    let rule = Rule {
        lambda: 0.0,
        alpha: 0.0,
        min_weight: f64::MIN_POSITIVE,
        min_gain: 0.0,
    };
    let histogram = Histogram::of(binned.codes(), values.len(), pairs, list, control)?;
    let total = match histogram.features().next() {
        Some(bins) => bins
            .iter()
            .fold([0.0; 2], |s, b| [s[0] + b[0], s[1] + b[1]]),
        None => pairs
            .iter()
            .fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]),
    };
    // An even side votes for the negative class, as the first one.
    let vote = |sums: [f64; 2]| if 2.0 * sums[0] > sums[1] { 1.0 } else { -1.0 };
    let cover = |sums: [f64; 2]| sums[1].max(f64::MIN_POSITIVE);
    let mut tree = Tree::default();
    tree.leaf(vote(total), cover(total));
    if let Some(split) = rule.best(&histogram, values, total) {
        let left = tree.leaf(vote(split.left), cover(split.left));
        let right = tree.leaf(vote(split.right), cover(split.right));
        tree.nodes[0] = Grown {
            feature: split.feature as u32,
            threshold: binned.bins().threshold(split.feature, split.bin),
            bin: split.bin,
            missing_left: split.missing_left,
            gain: split.gain,
            left,
            right,
            value: 0.0,
            ..tree.nodes[0]
        };
    }
    Ok(tree)
}

/// What a stump votes, by the codes of its feature.
struct Votes<'a> {
    /// Empty when it is a leaf: all codes vote alike.
    column: &'a [u8],
    positive: Sides,
}

impl Votes<'_> {
    fn of<'a>(tree: &Tree, binned: &'a Binned) -> Votes<'a> {
        let root = &tree.nodes[0];
        if root.left == 0 {
            return Votes {
                column: &[],
                positive: [root.value > 0.0; 256],
            };
        }
        let feature = root.feature as usize;
        let missing = binned.bins().values(feature);
        let votes = [root.left, root.right].map(|leaf| tree.nodes[leaf as usize].value > 0.0);
        let sides = sides(root.bin, missing, root.missing_left);
        Votes {
            column: binned.column(feature),
            positive: sides.map(|left| if left { votes[0] } else { votes[1] }),
        }
    }

    /// 1 where the vote for a row is not its label, else 0.
    fn wrong(&self, row: usize, pair: &[f64; 2]) -> usize {
        let code = self.column.get(row).copied().unwrap_or(0);
        usize::from(self.positive[usize::from(code)] != (pair[0] > 0.0))
    }

    /// The weight of the rows that the votes get wrong, as a share of all.
    fn error(&self, pairs: &[[f64; 2]], control: &dyn Control) -> Result<f64, Stop> {
        let sums = pairs
            .par_chunks(CHUNK)
            .enumerate()
            .map(|(chunk, pairs)| {
                control.check()?;
                let (mut wrong, mut all) = (0.0, 0.0);
                for (row, pair) in (chunk * CHUNK..).zip(pairs) {
                    wrong += pair[1] * [0.0, 1.0][self.wrong(row, pair)];
                    all += pair[1];
                }
                Ok([wrong, all])
            })
            .collect::<Result<Vec<_>, Stop>>()?;
        let [wrong, all] = sums
            .iter()
            .fold([0.0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
        Ok(if all > 0.0 { wrong / all } else { 1.0 })
    }

    /// Multiplies the weights of the rows that the votes get wrong.
    fn reweigh(
        &self,
        factor: f64,
        pairs: &mut [[f64; 2]],
        control: &dyn Control,
    ) -> Result<(), Stop> {
        pairs
            .par_chunks_mut(CHUNK)
            .enumerate()
            .try_for_each(|(chunk, pairs)| {
                control.check()?;
                for (row, pair) in (chunk * CHUNK..).zip(pairs) {
                    let factor = [1.0, factor][self.wrong(row, pair)];
                    *pair = pair.map(|weight| weight * factor);
                }
                Ok(())
            })
    }
}

#[cfg(test)]
#[path = "adaboost_tests.rs"]
mod tests;
