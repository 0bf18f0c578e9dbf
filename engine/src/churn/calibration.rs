//! From a raw score to a probability that can be taken at its word.

use serde::{Deserialize, Serialize};

use super::FitError;
use super::ranking::Ranking;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "calibrating probabilities";

/// No probability is nearer to 0 or 1. Isotonic regression gives blocks of exactly 0 or 1 whenever the calibration rows of a
/// block agree; no sample says that much, one exception would cost an infinite logarithmic loss, and log odds must be finite.
const CERTAIN: f64 = 1e-6;

/// Elements that are worked off between two looks at the control.
const CHUNK: usize = 1 << 18;

/// Newton steps at most.
const ITERATIONS: u32 = 100;

/// A monotone map from raw scores (margins: log odds before calibration) to probabilities within 1e-6 of 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Calibration {
    /// The logistic function of the score.
    None,
    /// The logistic function of `a` score + `b`, with `a` >= 0: calibration never turns the ranking round.
    Platt {
        /// The slope.
        a: f64,
        /// The intercept.
        b: f64,
    },
    /// Linear interpolation between points, constant outside of them.
    Isotonic {
        /// Scores, strictly ascending.
        x: Vec<f64>,
        /// Probabilities, ascending.
        y: Vec<f64>,
    },
}

/// The logistic function.
#[must_use]
pub fn sigmoid(margin: f64) -> f64 {
    let small = (-margin.abs()).exp();
    if margin >= 0.0 {
        1.0 / (1.0 + small)
    } else {
        small / (1.0 + small)
    }
}

/// The raw score of a model that gives probabilities: its log odds, the probability kept 1e-6 away from 0 and 1.
#[must_use]
pub fn log_odds(probability: f64) -> f64 {
    let p = inside(probability);
    (p / (1.0 - p)).ln()
}

fn inside(probability: f64) -> f64 {
    probability.clamp(CERTAIN, 1.0 - CERTAIN)
}

impl Calibration {
    /// Platt's scaling (Platt 1999): a logistic regression of the labels on the score, towards targets that are drawn in a
    /// little from 0 and 1; by Newton's method on the standardised score (Lin, Lin and Weng 2007).
    ///
    /// # Errors
    /// [`FitError::Data`] for no rows, lengths that differ, scores that are not finite; [`FitError::Stopped`].
    pub fn platt(
        scores: &[f64],
        labels: &[bool],
        control: &dyn Control,
    ) -> Result<Calibration, FitError> {
        usable(scores, labels)?;
        let count = scores.len() as f64;
        let positives = labels.iter().filter(|&&label| label).count() as f64;
        let (low, high) = (
            1.0 / (count - positives + 2.0),
            (positives + 1.0) / (positives + 2.0),
        );
        let prior = (positives * high + (count - positives) * low) / count;
        let flat = Calibration::Platt {
            a: 0.0,
            b: log_odds(prior),
        };
        let mean = scores.iter().map(|s| s / count).sum::<f64>();
        let spread = scores
            .iter()
            .map(|s| (s - mean).powi(2) / count)
            .sum::<f64>()
            .sqrt();
        if !(spread > mean.abs() * 1e-12 && spread.is_finite()) {
            return Ok(flat);
        }
        let logistic = Smoothed {
            scores,
            labels,
            mean,
            spread,
            targets: (low, high),
        };
        let (mut a, mut b) = (0.0, log_odds(prior));
        let mut now = logistic.evaluate(a, b, control)?;
        for _ in 0..ITERATIONS {
            let [ga, gb] = now.gradient;
            let [haa, hab, hbb] = now.hessian;
            let determinant = haa * hbb - hab * hab;
            if ga.abs().max(gb.abs()) <= 1e-11 * count || determinant <= 0.0 {
                break;
            }
            let step = (
                (hab * gb - hbb * ga) / determinant,
                (hab * ga - haa * gb) / determinant,
            );
            let descent = ga * step.0 + gb * step.1;
            let mut length = 1.0;
            let next = loop {
                let at = (a + length * step.0, b + length * step.1);
                let next = logistic.evaluate(at.0, at.1, control)?;
                if next.loss <= now.loss + 1e-4 * length * descent + 1e-14 * now.loss.abs() {
                    break Some((at, next));
                }
                length /= 2.0;
                if length < 1e-10 {
                    break None;
                }
            };
            let Some((at, next)) = next else { break };
            ((a, b), now) = (at, next);
        }
        Ok(if a > 0.0 {
            Calibration::Platt {
                a: a / spread,
                b: b - a * mean / spread,
            }
        } else {
            flat
        })
    }

    /// Isotonic regression of the labels on the score by pooling adjacent violators, equal scores pooled first, with linear
    /// interpolation between the blocks: scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.
    ///
    /// # Errors
    /// [`FitError::Data`] for no rows, lengths that differ, scores that are not finite; [`FitError::Stopped`].
    pub fn isotonic(
        scores: &[f64],
        labels: &[bool],
        control: &dyn Control,
    ) -> Result<Calibration, FitError> {
        usable(scores, labels)?;
        let ranking = Ranking::new(scores, labels, control)?;
        let bytes = (scores.len() as u64).saturating_mul(size_of::<Block>() as u64);
        let _charge = Charge::new(bytes, PHASE, control)?;
        // From the highest score down, so the shares must fall.
        let mut blocks: Vec<Block> = Vec::new();
        reserve(&mut blocks, scores.len(), PHASE)?;
        for (i, tied) in ranking.tied().enumerate() {
            if i % CHUNK == 0 {
                control.check()?;
            }
            let mut block = Block {
                highest: tied.score,
                lowest: tied.score,
                count: tied.count,
                positives: tied.positives,
            };
            while let Some(last) = blocks.pop_if(|last| !last.above(&block)) {
                block = Block {
                    highest: last.highest,
                    lowest: block.lowest,
                    count: last.count + block.count,
                    positives: last.positives + block.positives,
                };
            }
            blocks.push(block);
        }
        let points = blocks
            .iter()
            .rev()
            .map(|b| 1 + usize::from(b.lowest < b.highest))
            .sum();
        let (mut x, mut y) = (Vec::new(), Vec::new());
        reserve(&mut x, points, PHASE)?;
        reserve(&mut y, points, PHASE)?;
        for block in blocks.iter().rev() {
            let share = block.positives as f64 / block.count as f64;
            x.push(block.lowest);
            y.push(share);
            if block.lowest < block.highest {
                x.push(block.highest);
                y.push(share);
            }
        }
        Ok(Calibration::Isotonic { x, y })
    }

    /// Verifies a calibration that was read from bytes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        let fits = match self {
            Calibration::None => true,
            Calibration::Platt { a, b } => *a >= 0.0 && a.is_finite() && b.is_finite(),
            Calibration::Isotonic { x, y } => {
                !x.is_empty()
                    && x.len() == y.len()
                    && x.iter().all(|x| x.is_finite())
                    && x.is_sorted_by(|a, b| a < b)
                    && y.iter().all(|y| (0.0..=1.0).contains(y))
                    && y.is_sorted()
            }
        };
        fits.then_some(())
            .ok_or("a calibration is no ascending map to probabilities")
    }

    /// The probability for a raw score, at least 1e-6 and at most 1 - 1e-6.
    #[must_use]
    pub fn apply(&self, score: f64) -> f64 {
        inside(match self {
            Calibration::None => sigmoid(score),
            Calibration::Platt { a, b } => sigmoid(a * score + b),
            Calibration::Isotonic { x, y } => interpolate(x, y, score),
        })
    }
}

fn usable(scores: &[f64], labels: &[bool]) -> Result<(), FitError> {
    if scores.is_empty() || scores.len() != labels.len() {
        return Err(FitError::data(
            "a calibration needs rows, each with a score and a label",
        ));
    }
    if !scores.iter().all(|s| s.is_finite()) {
        return Err(FitError::data("a calibration needs finite scores"));
    }
    Ok(())
}

fn interpolate(x: &[f64], y: &[f64], score: f64) -> f64 {
    let after = x.partition_point(|x| *x <= score);
    let point = |i: usize| Some((*x.get(i)?, *y.get(i)?));
    match (after.checked_sub(1).and_then(point), point(after)) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * ((score - x0) / (x1 - x0)),
        (Some((_, y)), None) | (None, Some((_, y))) => y,
        (None, None) => 0.5,
    }
}

/// Adjacent scores that share one probability.
#[derive(Debug, Clone, Copy)]
struct Block {
    highest: f64,
    lowest: f64,
    count: u64,
    positives: u64,
}

impl Block {
    /// True when its share is above that of `other`, in whole numbers.
    fn above(&self, other: &Block) -> bool {
        u128::from(self.positives) * u128::from(other.count)
            > u128::from(other.positives) * u128::from(self.count)
    }
}

/// The logistic regression of smoothed targets on the standardised score.
struct Smoothed<'a> {
    scores: &'a [f64],
    labels: &'a [bool],
    mean: f64,
    spread: f64,
    targets: (f64, f64),
}

#[derive(Default)]
struct Slopes {
    loss: f64,
    gradient: [f64; 2],
    hessian: [f64; 3],
}

impl Smoothed<'_> {
    fn evaluate(&self, a: f64, b: f64, control: &dyn Control) -> Result<Slopes, Stop> {
        let mut sum = Slopes::default();
        for (scores, labels) in self.scores.chunks(CHUNK).zip(self.labels.chunks(CHUNK)) {
            control.check()?;
            for (score, &label) in scores.iter().zip(labels) {
                let s = (score - self.mean) / self.spread;
                let margin = a * s + b;
                let target = if label {
                    self.targets.1
                } else {
                    self.targets.0
                };
                let p = sigmoid(margin);
                sum.loss += (-margin.abs()).exp().ln_1p() + margin.max(0.0) - target * margin;
                let (miss, curvature) = (p - target, p * (1.0 - p));
                sum.gradient[0] += miss * s;
                sum.gradient[1] += miss;
                sum.hessian[0] += curvature * s * s;
                sum.hessian[1] += curvature * s;
                sum.hessian[2] += curvature;
            }
        }
        Ok(sum)
    }
}
