//! Errors of all steps and origins as one pool.

use super::conformal::Shape;

/// Steps from which on their differences from the shape are looked at.
const LEAST_STEPS: usize = 4;
/// The largest difference of a step from the shape, as a logarithm.
const MOST_DEVIATION: f64 = 2.0;
/// The most that origins are taken to resemble the ones before.
const MOST_RESEMBLANCE: f64 = 0.9;

/// Absolute errors over their units, and the shape that fits them best.
pub(super) struct Pool {
    pub(super) power: f64,
    pub(super) shape: Shape,
    /// The mean error at the first step, by the shape.
    pub(super) scale: f64,
    /// Errors in the pool.
    pub(super) count: usize,
    /// Minus the mean log-likelihood, errors being Laplacian: what shapes and powers are compared by.
    pub(super) cost: f64,
    /// By step and origin; NaN where missing.
    errors: Vec<Vec<f64>>,
}

impl Pool {
    pub(super) fn new(
        errors_by_step: &[Vec<f64>],
        origins: usize,
        power: f64,
        unit: impl Fn(usize) -> f64,
    ) -> Pool {
        let units: Vec<f64> = (0..origins).map(unit).collect();
        let errors: Vec<Vec<f64>> = errors_by_step
            .iter()
            .map(|step| {
                step.iter()
                    .zip(&units)
                    .map(|(e, unit)| e.abs() / unit)
                    .collect()
            })
            .collect();
        let sums: Vec<(f64, usize)> = errors.iter().map(|step| sum(step)).collect();
        let count: usize = sums.iter().map(|(_, n)| n).sum();
        let log_units: f64 = errors
            .iter()
            .flat_map(|step| step.iter().zip(&units))
            .filter(|(error, _)| !error.is_nan())
            .map(|(_, unit)| unit.ln())
            .sum();
        let total = count.max(1) as f64;
        let mut pool = Pool {
            power,
            shape: Shape::ALL[0],
            scale: 0.0,
            count,
            cost: f64::INFINITY,
            errors,
        };
        for shape in Shape::ALL {
            let (mut scale, mut logs) = (0.0, log_units);
            for (step, (sum, n)) in sums.iter().enumerate() {
                let usual = shape.at(step);
                scale += sum / usual;
                logs += usual.ln() * *n as f64;
            }
            scale /= total;
            let cost = scale.ln() + logs / total;
            if cost < pool.cost {
                pool = Pool {
                    shape,
                    scale,
                    cost,
                    ..pool
                };
            }
        }
        pool
    }

    /// By how much the mean error of each step differs from the shape, shrunk by what chance alone would do (empirical Bayes);
    /// empty when that is all.
    pub(super) fn deviations(&self) -> Vec<f64> {
        if self.errors.len() < LEAST_STEPS || self.scale <= 0.0 {
            return Vec::new();
        }
        let scores = self.scores(&[]);
        let spread = mean(scores.iter().flatten().map(|s| (s - 1.0) * (s - 1.0)));
        let logs: Vec<(f64, f64)> = scores
            .iter()
            .map(|step| match sum(step) {
                (_, 0) => (0.0, 0.0),
                (sum, n) => (
                    (sum / n as f64).ln().clamp(-MOST_DEVIATION, MOST_DEVIATION),
                    1.0 / n as f64,
                ),
            })
            .collect();
        let chance = spread * mean(logs.iter().map(|(_, share)| *share));
        let seen = mean(logs.iter().map(|(log, _)| log * log));
        // Twice, since the shape has been fitted to the same errors, and those of one origin are alike.
        let weight = 1.0 - 2.0 * chance / seen;
        if weight.is_nan() || weight <= 0.0 {
            return Vec::new();
        }
        logs.iter().map(|(log, _)| (weight * log).exp()).collect()
    }

    /// The errors over what is usual at their step, by step and origin.
    pub(super) fn scores(&self, deviations: &[f64]) -> Vec<Vec<f64>> {
        let by_step = |(step, errors): (usize, &Vec<f64>)| {
            let usual =
                self.scale * self.shape.at(step) * deviations.get(step).copied().unwrap_or(1.0);
            let score = |e: &f64| if *e == 0.0 { 0.0 } else { e / usual };
            errors.iter().map(score).collect()
        };
        self.errors.iter().enumerate().map(by_step).collect()
    }
}

/// The sum of what is not missing, and how many that are.
fn sum(values: &[f64]) -> (f64, usize) {
    let known = values.iter().filter(|v| !v.is_nan());
    known.fold((0.0, 0), |(sum, n), v| (sum + v, n + 1))
}

/// The mean of what is not missing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values
        .filter(|v| !v.is_nan())
        .fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / n
}

/// How many independent scores would tell as much as these (by step and origin). Scores of one origin are alike by their intraclass
/// correlation (analysis of variance), origins are like the ones before by their autocorrelation at lag 1, with what its bias hides in a
/// short series (Kendall, Biometrika 41, 1954) added.
pub(super) fn effective_number(scores: &[Vec<f64>]) -> f64 {
    let origins = scores.iter().map(Vec::len).max().unwrap_or(0);
    let mut sums = vec![(0.0, 0.0); origins];
    for step in scores {
        for (sum, score) in sums.iter_mut().zip(step).filter(|(_, s)| !s.is_nan()) {
            *sum = (sum.0 + score, sum.1 + 1.0);
        }
    }
    let total: f64 = sums.iter().map(|s| s.1).sum();
    let overall = sums.iter().map(|s| s.0).sum::<f64>() / total;
    let used = sums.iter().filter(|s| s.1 > 0.0).count() as f64;
    let means: Vec<f64> = sums.iter().map(|(sum, n)| sum / n).collect();
    if used < 2.0 {
        return 1.0;
    }
    let mut between = 0.0;
    for (mean, (_, n)) in means.iter().zip(&sums).filter(|(m, _)| !m.is_nan()) {
        between += n * (mean - overall) * (mean - overall);
    }
    let mut within = 0.0;
    for step in scores {
        for (score, mean) in step.iter().zip(&means).filter(|(s, _)| !s.is_nan()) {
            within += (score - mean) * (score - mean);
        }
    }
    let between = between / (used - 1.0);
    let size = (total - sums.iter().map(|s| s.1 * s.1).sum::<f64>() / total) / (used - 1.0);
    let alike = if total > used {
        let within = within / (total - used);
        let both = between + (size - 1.0) * within;
        if both > 0.0 {
            ((between - within) / both).clamp(0.0, 1.0)
        } else {
            0.0
        }
    } else {
        0.0
    };
    total / (1.0 + (size - 1.0) * alike) * independence(&means, overall)
}

/// The share of origins that tell something new.
fn independence(means: &[f64], overall: f64) -> f64 {
    let from_mean: Vec<f64> = means
        .iter()
        .map(|m| m - overall)
        .filter(|m| !m.is_nan())
        .collect();
    let n = from_mean.len() as f64;
    let variance: f64 = from_mean.iter().map(|m| m * m).sum();
    if n < 5.0 || variance <= 0.0 {
        return 1.0;
    }
    let pairs = from_mean.iter().zip(from_mean.iter().skip(1));
    let resemblance = pairs.map(|(a, b)| a * b).sum::<f64>() / variance;
    let resemblance = resemblance + (1.0 + 3.0 * resemblance.max(0.0)) / n;
    let resemblance = resemblance.clamp(0.0, MOST_RESEMBLANCE);
    (1.0 - resemblance) / (1.0 + resemblance)
}
