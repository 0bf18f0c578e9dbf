//! Which split of a node is best, from its histograms.

use super::histogram::{Histogram, Sums};

/// When a split is allowed and what it is worth, after Chen and Guestrin (2016), section 2.2.
///
/// With `lambda` and `alpha` 0, gradients `w y` and hessians `w`, the gain is the decrease of the weighted variance, which for
/// y in {0, 1} is half of the decrease of the Gini impurity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) lambda: f64,
    pub(super) alpha: f64,
    /// The least sum of hessians of a child.
    pub(super) min_weight: f64,
    /// A split must gain more than this.
    pub(super) min_gain: f64,
}

/// A split and what it parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    pub(super) feature: usize,
    /// Codes up to this one go left.
    pub(super) bin: u8,
    pub(super) missing_left: bool,
    pub(super) gain: f64,
    pub(super) left: Sums,
    pub(super) right: Sums,
}

/// What subtraction leaves of an empty bin, relative to the node.
const NOISE: f64 = 1e-12;

impl Rule {
    /// `g^2 / (h + lambda)` of a node, `g` drawn towards 0 by `alpha`.
    pub(super) fn score(&self, sums: Sums) -> f64 {
        let g = self.shrunk(sums[0]);
        g * g / (sums[1] + self.lambda)
    }

    /// The size of a sum of gradients, less `alpha`.
    pub(super) fn shrunk(&self, g: f64) -> f64 {
        (g.abs() - self.alpha).max(0.0)
    }

    /// The scores of two children together; one division instead of two.
    fn scores(&self, left: Sums, right: Sums) -> f64 {
        let (gl, gr) = (self.shrunk(left[0]), self.shrunk(right[0]));
        let (hl, hr) = (left[1] + self.lambda, right[1] + self.lambda);
        (gl * gl * hr + gr * gr * hl) / (hl * hr)
    }

    /// The best split of a node with `total` sums, among features with so many bins of values; the first of equals.
    pub(super) fn best(
        &self,
        histogram: &Histogram,
        values: &[usize],
        total: Sums,
    ) -> Option<Split> {
        let own = self.score(total);
        let noise = total[1] * NOISE;
        let least = self.min_weight.max(noise);
        let mut best_scores = own + self.min_gain;
        let mut best = None;
        for (feature, (&values, sums)) in values.iter().zip(histogram.features()).enumerate() {
            let (known, missing) = sums.split_at(values.min(255));
            let missing = missing[0];
            let some_missing = missing[1] > noise;
            for missing_left in [false, true] {
                // Without missing values both ways are one, and the last bin parts nothing.
                if missing_left && !some_missing {
                    break;
                }
                let mut left = if missing_left { missing } else { [0.0; 2] };
                let candidates = known.len() - usize::from(missing_left || !some_missing);
                for (bin, sums) in known[..candidates].iter().enumerate() {
                    left = [left[0] + sums[0], left[1] + sums[1]];
                    let right = [total[0] - left[0], total[1] - left[1]];
                    if left[1] < least || right[1] < least {
                        continue;
                    }
                    let scores = self.scores(left, right);
                    if scores > best_scores {
                        best_scores = scores;
                        best = Some(Split {
                            feature,
                            bin: bin as u8,
                            missing_left: if some_missing {
                                missing_left
                            } else {
                                left[1] >= right[1]
                            },
                            gain: scores - own,
                            left,
                            right,
                        });
                    }
                }
            }
        }
        best
    }
}
