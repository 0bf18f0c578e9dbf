//! Intervals from past errors: split conformal prediction over rolling origins.
//!
//! A forecast whose method knows no distribution gets the interval that held so far: the quantile of the absolute errors that it made
//! from earlier origins (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Papadopoulos et al., ECML 2002,
//! for errors relative to what is usual). Ten or twenty origins cannot tell a 95 % quantile of each step, so
//! all steps are pooled: errors are divided by what is usual at their step, and where it fits better by a power of the level at
//! their origin. Errors of one origin resemble each other, and so may those of origins that overlap. The pool therefore counts as
//! the number of independent errors that would tell as much, and the quantile is that of Student's t where it would be the normal
//! distribution's with endless errors.

use serde::{Deserialize, Serialize};

use super::ForecastError;
use super::conformal_pool::{Pool, effective_number};
use super::numeric::{normal_cdf, normal_quantile, student_t_quantile};

/// Scores that are kept: more do not move a quantile.
const MOST_SCORES: usize = 1000;
/// Steps that are kept.
const MOST_STEPS: usize = 100_000;
/// The least number of errors that the pool counts as: intervals of fewer would be endless.
const LEAST_EFFECTIVE: f64 = 4.0;
/// The least share of the usual level that errors are taken relative to.
const LEAST_LEVEL: f64 = 0.2;
/// Levels for [`local_level`] are means of so many values at least.
const LEVEL_VALUES: usize = 20;

/// How the usual error grows with the steps ahead (h = 1, 2, ...). The forms are those of the models that series come from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Shape {
    /// Root of (1 - p^2h) / (1 - p^2): an autoregression, which settles.
    Settling(f64),
    /// Root of 1 + p (h - 1): a level that wanders under noise; the random walk for 1.
    Wandering(f64),
    /// h^p: a trend that may be wrong.
    Power(f64),
}

impl Shape {
    /// What is tried, the simplest first.
    pub(super) const ALL: [Shape; 21] = [
        Shape::Wandering(0.0),
        Shape::Settling(0.3),
        Shape::Settling(0.5),
        Shape::Settling(0.65),
        Shape::Settling(0.75),
        Shape::Settling(0.82),
        Shape::Settling(0.88),
        Shape::Settling(0.92),
        Shape::Settling(0.95),
        Shape::Settling(0.97),
        Shape::Wandering(0.01),
        Shape::Wandering(0.03),
        Shape::Wandering(0.06),
        Shape::Wandering(0.1),
        Shape::Wandering(0.2),
        Shape::Wandering(0.4),
        Shape::Wandering(1.0),
        Shape::Power(0.7),
        Shape::Power(0.85),
        Shape::Power(1.0),
        Shape::Power(1.25),
    ];

    /// The error `step` steps after the first one ahead, relative to that one's.
    pub(super) fn at(self, step: usize) -> f64 {
        let h = step as f64 + 1.0;
        match self {
            Shape::Settling(p) => ((1.0 - p.powf(2.0 * h)) / (1.0 - p * p)).sqrt(),
            Shape::Wandering(p) => (1.0 + p * (h - 1.0)).sqrt(),
            Shape::Power(p) => h.powf(p),
        }
    }

    fn is_sound(self) -> bool {
        match self {
            Shape::Settling(p) => (0.0..0.999).contains(&p),
            Shape::Wandering(p) | Shape::Power(p) => (0.0..=2.0).contains(&p),
        }
    }
}

/// What past errors say of coming ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// Errors are taken relative to this power of the level (0: to none).
    power: f64,
    /// The mean level at the origins; 0 when `power` is.
    usual_level: f64,
    shape: Shape,
    /// The usual error at the first step, at the usual level.
    scale: f64,
    /// By how much the usual error of each step differs from the shape; empty when no step does.
    steps: Vec<f64>,
    /// Errors over what is usual, ascending.
    scores: Vec<f64>,
    /// Independent errors that would tell as much.
    effective: f64,
    /// The least value that a bound may take.
    floor: Option<f64>,
}

/// The level of a series at its end: the mean absolute value of its last whole seasons, of 20 values at least. NaN
/// when all of them are missing.
#[must_use]
pub fn local_level(train: &[f64], season: usize) -> f64 {
    let season = season.max(1);
    let window = LEVEL_VALUES.div_ceil(season).saturating_mul(season);
    let last = train.iter().rev().take(window).filter(|v| !v.is_nan());
    let (sum, n) = last.fold((0.0, 0.0), |(sum, n), v| (sum + v.abs(), n + 1.0));
    sum / n
}

impl Conformal {
    /// Learns from the errors of earlier forecasts: for each step ahead, the errors from each origin, the oldest first (the sign
    /// does not matter, NaN: missing). `levels` are those of the series at the origins ([`local_level`]); without them, or where the series
    /// comes near 0, errors are absolute. No bound is to be below `floor` (0 for a series that was never negative).
    ///
    /// # Errors
    /// [`ForecastError::TooShort`] without any error, [`ForecastError::NoFit`] when one is infinite, [`ForecastError::Shape`] when there are
    /// fewer levels than origins.
    pub fn fit(
        errors_by_step: &[Vec<f64>],
        levels: &[f64],
        floor: Option<f64>,
    ) -> Result<Conformal, ForecastError> {
        let origins = errors_by_step.iter().map(Vec::len).max().unwrap_or(0);
        if !levels.is_empty() && levels.len() < origins {
            return Err(ForecastError::Shape {
                what: "levels of the origins",
                found: levels.len(),
                wanted: origins,
            });
        }
        if errors_by_step.len() > MOST_STEPS {
            return Err(ForecastError::Range {
                what: "horizon",
                least: 1.0,
                most: MOST_STEPS as f64,
                given: errors_by_step.len() as f64,
            });
        }
        if errors_by_step.iter().flatten().any(|e| e.is_infinite()) {
            return Err(ForecastError::NoFit { method: "interval" });
        }
        let levels = levels.get(..origins).unwrap_or_default();
        let usual_level = usable(levels).unwrap_or(0.0);
        let powers: &[f64] = if usual_level > 0.0 {
            &[0.0, 0.5, 1.0]
        } else {
            &[0.0]
        };
        let mut best: Option<Pool> = None;
        for power in powers {
            let unit = |origin: usize| {
                let level = levels.get(origin).copied().unwrap_or(usual_level);
                if *power == 0.0 {
                    1.0
                } else {
                    (level / usual_level).powf(*power)
                }
            };
            let pool = Pool::new(errors_by_step, origins, *power, unit);
            // The first of equals: absolute errors where levels tell nothing.
            if best.as_ref().is_none_or(|b| pool.cost < b.cost) {
                best = Some(pool);
            }
        }
        let pool = best
            .filter(|p| p.count > 0)
            .ok_or(ForecastError::TooShort {
                method: "an interval from past errors",
                needed: 1,
                found: 0,
            })?;
        let steps = pool.deviations();
        let scores = pool.scores(&steps);
        let effective = effective_number(&scores).max(LEAST_EFFECTIVE);
        let mut sorted: Vec<f64> = scores
            .into_iter()
            .flatten()
            .filter(|s| !s.is_nan())
            .collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Conformal {
            power: pool.power,
            usual_level: if pool.power == 0.0 { 0.0 } else { usual_level },
            shape: pool.shape,
            scale: pool.scale,
            steps,
            scores: thinned(sorted),
            effective,
            floor,
        })
    }

    /// Lower and upper bounds around the forecasts of the steps from the first one ahead, which cover `level` (over 0 and below 1) of
    /// the values. `local` is the level of the series at its end ([`local_level`]). Steps beyond those learnt from
    /// go on growing in the same way.
    #[must_use]
    pub fn bounds(&self, mean: &[f64], local: f64, level: f64) -> (Vec<f64>, Vec<f64>) {
        let unit = if self.power == 0.0 {
            1.0
        } else {
            (local / self.usual_level).max(LEAST_LEVEL).powf(self.power)
        };
        let width = self.quantile(level) * self.scale * unit;
        let floor = self.floor.unwrap_or(f64::NEG_INFINITY);
        mean.iter()
            .enumerate()
            .map(|(step, forecast)| {
                let deviation = self.steps.get(step).copied().unwrap_or(1.0);
                let half = width * self.shape.at(step) * deviation;
                ((forecast - half).max(floor), (forecast + half).max(floor))
            })
            .unzip()
    }

    /// The score that `level` of coming ones are not above.
    fn quantile(&self, level: f64) -> f64 {
        let level = level.clamp(0.0, 0.999_9);
        // What a normal number has to be within for t to be within what it should.
        let t = student_t_quantile((1.0 + level) / 2.0, self.effective);
        let share = 2.0 * normal_cdf(t) - 1.0;
        let n = self.scores.len();
        let place = share * (n as f64 + 1.0);
        let below = place.floor();
        let score = |at: f64| self.scores.get(at as usize).copied();
        if place < n as f64 {
            let low = if below < 1.0 {
                Some(0.0)
            } else {
                score(below - 1.0)
            };
            let (low, high) = low.zip(score(below)).unwrap_or_default();
            return low + (high - low) * (place - below);
        }
        // Beyond the largest score, as the normal distribution goes on.
        let largest = self.scores.last().copied().unwrap_or(0.0);
        let top = n as f64 / (n as f64 + 1.0);
        largest * t / normal_quantile((1.0 + top) / 2.0)
    }

    /// Independent errors that would tell as much as the ones learnt from.
    #[must_use]
    pub fn effective(&self) -> f64 {
        self.effective
    }

    /// True when errors are taken relative to the level of the series.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        self.power > 0.0
    }

    /// Verifies intervals that were read from bytes.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), &'static str> {
        let finite = |v: f64| v.is_finite() && v >= 0.0;
        if !(0.0..=1.0).contains(&self.power)
            || !finite(self.usual_level)
            || (self.power > 0.0) != (self.usual_level > 0.0)
        {
            return Err("the level that errors are relative to");
        }
        if !self.shape.is_sound() || !finite(self.scale) {
            return Err("how errors grow");
        }
        if self.steps.len() > MOST_STEPS || !self.steps.iter().all(|s| finite(*s) && *s > 0.0) {
            return Err("the usual errors of the steps");
        }
        if !(1..=MOST_SCORES).contains(&self.scores.len())
            || !self.scores.iter().all(|s| finite(*s))
            || !self.scores.is_sorted()
        {
            return Err("the scores of past errors");
        }
        if !(self.effective.is_finite() && self.effective >= LEAST_EFFECTIVE) {
            return Err("the number of past errors");
        }
        if self.floor.is_some_and(|f| !f.is_finite()) {
            return Err("the least bound");
        }
        Ok(())
    }
}

/// The mean of levels that errors can be taken relative to: all well above 0.
fn usable(levels: &[f64]) -> Option<f64> {
    let mean = levels.iter().sum::<f64>() / levels.len() as f64;
    let least = LEAST_LEVEL * mean;
    (mean.is_finite() && mean > 0.0 && levels.iter().all(|l| *l > least)).then_some(mean)
}

/// At most [`MOST_SCORES`] of the scores, evenly spaced, with the largest.
fn thinned(sorted: Vec<f64>) -> Vec<f64> {
    let n = sorted.len();
    if n <= MOST_SCORES {
        return sorted;
    }
    (1..=MOST_SCORES)
        .filter_map(|i| sorted.get(i * n / MOST_SCORES - 1).copied())
        .collect()
}

#[cfg(test)]
#[path = "conformal_tests.rs"]
mod tests;
