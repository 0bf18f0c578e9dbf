//! The simple methods: what every other one must beat.
//!
//! Intervals are those of R's package forecast 8.20 (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, section
//! 5.5): the errors within the series, as if they were normal and independent.

use serde::{Deserialize, Serialize};

use super::numeric::{normal_quantile, student_t_quantile};
use super::{Ahead, Fitted, ForecastError, Input, Path};
use crate::control::Control;

/// Weeks, or seasons, whose mean a weekday has.
const WEEKS: usize = 8;

/// Which simple method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SimpleKind {
    /// The last value.
    Naive,
    /// The value a season before.
    SeasonalNaive,
    /// The last value, and for each step the mean change of the past.
    Drift,
    /// The mean of all values.
    Mean,
    /// The mean of the same phase of the last eight seasons: in a daily series of the same weekday.
    WeekdayMean,
}

/// A fitted simple method. Lags go by steps: a missing value is passed over by that of a season before it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Simple {
    kind: SimpleKind,
    season: usize,
    /// The newest steps, as many as coming ones are made of; NaN where one is missing.
    tail: Vec<f64>,
    /// Sums over the errors within the series, or over the values for a mean: number, sum, sum of squares about the first.
    count: f64,
    sum: f64,
    squares: f64,
    first: f64,
}

/// Fits.
///
/// # Errors
/// [`ForecastError::Empty`] without values.
pub fn fit(
    input: &Input<'_>,
    kind: SimpleKind,
    control: &dyn Control,
) -> Result<Simple, ForecastError> {
    let season = match kind {
        SimpleKind::SeasonalNaive | SimpleKind::WeekdayMean => input.season.max(1),
        _ => 1,
    };
    let mut fitted = Simple {
        kind,
        season,
        tail: Vec::new(),
        count: 0.0,
        sum: 0.0,
        squares: 0.0,
        first: input
            .y
            .iter()
            .copied()
            .find(|v| !v.is_nan())
            .unwrap_or(f64::NAN),
    };
    if fitted.first.is_nan() {
        return Err(ForecastError::Empty);
    }
    fitted.append(input, control)?;
    Ok(fitted)
}

impl Simple {
    /// What was fitted.
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

    /// Steps that the tail keeps.
    fn kept(&self) -> usize {
        self.season * WEEKS
    }

    /// What the step `ahead` (from 1) after the tail is expected to be by the values of the same phase.
    fn same_phase(&self, ahead: usize) -> f64 {
        let phase = (ahead - 1) % self.season;
        // The tail ends with a whole season before the next step.
        let back = self.season - phase;
        let places = (0..).map_while(|k| self.tail.len().checked_sub(back + k * self.season));
        let mut values = places
            .filter_map(|at| self.tail.get(at).copied())
            .filter(|v| !v.is_nan());
        let found = match self.kind {
            SimpleKind::WeekdayMean => {
                let (mut sum, mut n) = (0.0, 0);
                for value in values.take(WEEKS) {
                    sum += value;
                    n += 1;
                }
                (n > 0).then(|| sum / f64::from(n))
            }
            _ => values.next(),
        };
        // No value of this phase is there: the newest of any.
        let newest = || self.tail.iter().rev().copied().find(|v| !v.is_nan());
        found.or_else(newest).unwrap_or(self.first)
    }

    /// The mean change of a step, its standard error, and the standard deviation of the errors.
    fn spread(&self) -> (f64, f64, f64) {
        let mean = self.sum / self.count.max(1.0);
        let about_mean = (self.squares - self.sum * mean).max(0.0);
        match self.kind {
            SimpleKind::Drift => {
                let sigma = (about_mean / (self.count - 1.0).max(1.0)).sqrt();
                (mean, sigma / self.count.max(1.0).sqrt(), sigma)
            }
            SimpleKind::Mean => (0.0, 0.0, (about_mean / (self.count - 1.0).max(1.0)).sqrt()),
            _ => (0.0, 0.0, (self.squares / self.count.max(1.0)).sqrt()),
        }
    }
}

impl Fitted for Simple {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        control.check()?;
        let (drift, drift_error, sigma) = self.spread();
        let z = normal_quantile(0.5 + ahead.level / 2.0);
        let mut path = Path {
            mean: Vec::with_capacity(ahead.horizon),
            bounds: None,
        };
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        for step in 1..=ahead.horizon {
            let seasons = ((step - 1) / self.season + 1) as f64;
            let (mean, half) = match self.kind {
                SimpleKind::Mean => {
                    let t =
                        student_t_quantile(0.5 + ahead.level / 2.0, (self.count - 1.0).max(1.0));
                    let mean = self.first + self.sum / self.count.max(1.0);
                    (mean, t * sigma * (1.0 + 1.0 / self.count.max(1.0)).sqrt())
                }
                SimpleKind::WeekdayMean => (self.same_phase(step), z * sigma),
                _ => {
                    let variance = sigma * sigma * seasons + (seasons * drift_error).powi(2);
                    (self.same_phase(step) + seasons * drift, z * variance.sqrt())
                }
            };
            path.mean.push(mean);
            lower.push(mean - half);
            upper.push(mean + half);
        }
        // One error, or none, tells no spread.
        if self.count > 1.0 {
            path.bounds = Some((lower, upper));
        }
        Ok(path)
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        for (at, value) in newer.y.iter().copied().enumerate() {
            if at % 4096 == 0 {
                control.check()?;
            }
            if !value.is_nan() {
                let known = self.tail.iter().any(|v| !v.is_nan());
                let error = match self.kind {
                    SimpleKind::Mean => Some(value - self.first),
                    // The first season has nothing before it.
                    _ => (known && self.tail.len() >= self.season)
                        .then(|| value - self.same_phase(1)),
                };
                if let Some(error) = error {
                    self.count += 1.0;
                    self.sum += error;
                    self.squares += error * error;
                }
            }
            self.tail.push(value);
            if self.tail.len() >= 2 * self.kept() {
                self.tail.drain(..self.tail.len() - self.kept());
            }
        }
        let old = self.tail.len().saturating_sub(self.kept());
        self.tail.drain(..old);
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.season == 0 || self.tail.len() > self.kept() {
            return Err("a simple method has an impossible season");
        }
        let sums = [self.count, self.sum, self.squares, self.first];
        if self.tail.iter().any(|v| v.is_infinite())
            || sums.iter().any(|v| !v.is_finite())
            || self.count < 0.0
        {
            return Err("a simple method has impossible values");
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "simple_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
