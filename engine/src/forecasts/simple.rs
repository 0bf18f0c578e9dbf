//! The simple methods: what others must beat.
//!
//! Formulas and intervals: Hyndman and Athanasopoulos, Forecasting: principles and practice, 3rd edition, sections 5.2 and 5.5
//! (table 5.2), as R's `naive()`, `snaive()`, `rwf(drift = TRUE)` and `meanf()` compute them. A missing value is a step that a walk
//! goes unseen: the next change is spread over the steps that it took.

use serde::{Deserialize, Serialize};

use super::numeric::{normal_quantile, student_t_quantile};
use super::{Ahead, Fitted, ForecastError, Input, Path};
use crate::control::Control;

/// Values of a weekday whose mean is taken.
const WEEKS: usize = 6;

/// Steps between two looks at the control.
const BETWEEN_LOOKS: usize = 1 << 16;

/// A simple method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SimpleKind {
    /// The last value.
    Naive,
    /// The last value of the same phase of the season.
    SeasonalNaive,
    /// The last value, and the mean change for each step.
    Drift,
    /// The mean of all values.
    Mean,
    /// The mean of the last six values of the same phase of the season.
    WeekdayMean,
}

/// A fitted simple method.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Simple {
    kind: SimpleKind,
    /// Each phase of the season; one where the method has none.
    phases: Vec<Phase>,
    /// The phase of the next step.
    next: usize,
    /// All values.
    values: Moments,
    /// Errors of one step: changes of a walk by step, or deviations from a phase's mean.
    errors: Moments,
}

/// What is known of a phase.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Phase {
    /// Its last values, the oldest first.
    values: Vec<f64>,
    /// Times that it has passed since without a value.
    missed: u64,
}

impl Phase {
    fn mean(&self) -> Option<f64> {
        let n = self.values.len();
        (n > 0).then(|| self.values.iter().sum::<f64>() / n as f64)
    }

    /// What the error of a mean of so many adds to the variance of a value.
    fn inflation(&self) -> f64 {
        1.0 + 1.0 / self.values.len().max(1) as f64
    }
}

/// Mean and squares of numbers that come one by one, each with a weight (Welford's recursion).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Moments {
    n: u64,
    weight: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64, weight: f64) {
        self.n += 1;
        self.weight += weight;
        let off = value - self.mean;
        self.mean += off * weight / self.weight;
        self.squares += weight * off * (value - self.mean);
    }

    /// The mean square around `centre`, of so many degrees of freedom.
    fn mean_square(&self, centre: f64, freedom: f64) -> f64 {
        let off = self.mean - centre;
        (self.squares + self.weight * off * off) / freedom
    }

    fn check(&self) -> bool {
        self.weight >= 0.0
            && self.squares >= 0.0
            && (self.weight + self.squares + self.mean).is_finite()
    }
}

/// Fits a simple method. A series that is shorter than its season, or lacks a phase, gets the mean of all values for the
/// phases that it lacks.
///
/// # Errors
/// [`ForecastError::Empty`] without any value, [`ForecastError::Infinite`], [`ForecastError::Stopped`].
pub fn fit(
    input: &Input<'_>,
    kind: SimpleKind,
    control: &dyn Control,
) -> Result<Simple, ForecastError> {
    let period = match kind {
        SimpleKind::SeasonalNaive | SimpleKind::WeekdayMean => input.season.max(1),
        _ => 1,
    };
    let bytes = period.saturating_mul(size_of::<Phase>() + WEEKS * 8);
    control.budget("simple", bytes as u64)?;
    let mut simple = Simple {
        kind,
        phases: vec![Phase::default(); period],
        next: 0,
        values: Moments::default(),
        errors: Moments::default(),
    };
    simple.append(input, control)?;
    if simple.values.n == 0 {
        return Err(ForecastError::Empty);
    }
    Ok(simple)
}

impl Simple {
    /// The method's name.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.kind {
            SimpleKind::Naive => "naive",
            SimpleKind::SeasonalNaive => "seasonal_naive",
            SimpleKind::Drift => "drift",
            SimpleKind::Mean => "mean",
            SimpleKind::WeekdayMean => "weekday_mean",
        }
    }

    /// Takes in the next step's value.
    fn step(&mut self, value: f64) {
        let period = self.phases.len();
        let Some(phase) = self.phases.get_mut(self.next) else {
            return;
        };
        self.next = (self.next + 1) % period;
        if value.is_nan() {
            phase.missed = phase.missed.saturating_add(1);
            return;
        }
        let keep = if self.kind == SimpleKind::WeekdayMean {
            WEEKS
        } else {
            1
        };
        if let Some(mean) = phase.mean() {
            match self.kind {
                SimpleKind::WeekdayMean => self
                    .errors
                    .add((value - mean) / phase.inflation().sqrt(), 1.0),
                _ => {
                    let steps = phase.missed as f64 + 1.0;
                    self.errors.add((value - mean) / steps, steps);
                }
            }
        }
        if phase.values.len() >= keep {
            phase.values.remove(0);
        }
        phase.values.push(value);
        phase.missed = 0;
        self.values.add(value, 1.0);
    }

    /// The forecast `ahead` steps (from 0) after the last one, and its variance where that is known.
    fn at(&self, ahead: usize) -> (f64, Option<f64>) {
        let period = self.phases.len().max(1);
        let n = self.values.n as f64;
        let of_all = || {
            let variance = (n > 1.0).then(|| self.values.mean_square(self.values.mean, n - 1.0));
            (self.values.mean, variance.map(|v| v * (1.0 + 1.0 / n)))
        };
        let phase = self.phases.get((self.next + ahead % period) % period);
        let Some((phase, mean)) = phase.and_then(|p| p.mean().map(|m| (p, m))) else {
            return of_all();
        };
        let steps = phase.missed as f64 + (ahead / period) as f64 + 1.0;
        let changes = self.errors.n as f64;
        let known = |least: f64| self.errors.n as f64 >= least;
        match self.kind {
            SimpleKind::Mean => of_all(),
            SimpleKind::Naive | SimpleKind::SeasonalNaive => {
                let variance = known(1.0).then(|| self.errors.mean_square(0.0, changes) * steps);
                (mean, variance)
            }
            SimpleKind::Drift => {
                let slope = self.errors.mean;
                let variance = known(2.0).then(|| {
                    let of_step = self.errors.mean_square(slope, changes - 1.0);
                    of_step * steps * (1.0 + steps / self.errors.weight)
                });
                (mean + slope * steps, variance)
            }
            SimpleKind::WeekdayMean => {
                let variance =
                    known(1.0).then(|| self.errors.mean_square(0.0, changes) * phase.inflation());
                (mean, variance)
            }
        }
    }
}

impl Fitted for Simple {
    /// Intervals are there as soon as the series has two values (drift: three).
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        let upper = f64::midpoint(1.0, ahead.level);
        let wide = match self.kind {
            SimpleKind::Mean => student_t_quantile(upper, self.values.n as f64 - 1.0),
            _ => normal_quantile(upper),
        };
        let mut path = Path::default();
        let mut bounds = Some((Vec::new(), Vec::new()));
        for step in 0..ahead.horizon {
            if step % BETWEEN_LOOKS == 0 {
                control.check()?;
            }
            let (mean, variance) = self.at(step);
            path.mean.push(mean);
            match (variance, &mut bounds) {
                (Some(variance), Some((low, high))) => {
                    let reach = wide * variance.sqrt();
                    low.push(mean - reach);
                    high.push(mean + reach);
                }
                _ => bounds = None,
            }
        }
        path.bounds = bounds;
        Ok(path)
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        if newer.y.iter().any(|v| v.is_infinite()) {
            return Err(ForecastError::Infinite);
        }
        for some in newer.y.chunks(BETWEEN_LOOKS) {
            control.check()?;
            for value in some {
                self.step(*value);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.next >= self.phases.len() || self.values.n == 0 {
            return Err("a simple method has no season or no values");
        }
        let sound = |phase: &Phase| {
            phase.values.len() <= WEEKS && phase.values.iter().all(|v| v.is_finite())
        };
        if !self.phases.iter().all(sound) || !self.values.check() || !self.errors.check() {
            return Err("a simple method has impossible values");
        }
        if self.errors.n > 0 && self.errors.weight <= 0.0 {
            return Err("a simple method has errors without weight");
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "simple_tests.rs"]
mod tests;
