//! How far off forecasts were. Errors are forecast minus actual, percentages are in percent.
//!
//! The measures are those of Hyndman and Koehler (International Journal of Forecasting 22, 2006: MASE), the M4 and M5 competitions
//! (sMAPE, RMSSE) and Gneiting and Raftery (JASA 102, 2007: pinball loss and interval score).

use serde::{Deserialize, Serialize};

use super::Path;

/// What errors of a series are measured by: those of the seasonal naive forecast one step ahead within the training values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Mean absolute difference of values a season apart; 0 when there are no two such values, or all are equal.
    pub mae: f64,
    /// Mean squared difference of them.
    pub mse: f64,
    /// Steps of the season; 1 scales by the plain naive forecast, which is what R's `accuracy()` does for a plain vector.
    pub season: usize,
}

impl Scale {
    /// The scale of the training values (NaN: missing, its pairs are left out).
    #[must_use]
    pub fn of(train: &[f64], season: usize) -> Scale {
        let season = season.max(1);
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
        for (then, now) in train.iter().zip(train.iter().skip(season)) {
            let change = now - then;
            if !change.is_nan() {
                sum += change.abs();
                squares += change * change;
                n += 1.0;
            }
        }
        let mean = |sum: f64| if n > 0.0 { sum / n } else { 0.0 };
        Scale {
            mae: mean(sum),
            mse: mean(squares),
            season,
        }
    }
}

/// What a set of forecasts has scored. Never over nothing: where no actual value was there, there are no scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Forecasts whose actual value is known: all scores are over these.
    pub n: usize,
    /// Forecasts left out because the actual value is missing.
    pub missing: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean of forecast minus actual: above 0 where too much was forecast. (R's ME has the other sign.)
    pub bias: f64,
    /// Mean absolute error in percent of the actual value, over those that are not 0; none when all are 0.
    pub mape: Option<f64>,
    /// Actual values of 0, which `mape` leaves out.
    pub zeros: usize,
    /// Mean of 200 |forecast - actual| / (|forecast| + |actual|), where 0 / 0 is 0 (M4).
    pub smape: f64,
    /// Sum of absolute errors in percent of the sum of absolute actual values; none when that is 0.
    pub wape: Option<f64>,
    /// Mean absolute error over [`Scale::mae`]; none when that is 0. Over several folds each error is scaled by its own fold.
    pub mase: Option<f64>,
    /// Root of the mean squared error over [`Scale::mse`]; none when that is 0.
    pub rmsse: Option<f64>,
    /// The season that `mase` and `rmsse` are scaled by; none when they are.
    pub season: Option<usize>,
    /// What the intervals are judged to have done; none where no forecast had one.
    pub intervals: Option<IntervalScores>,
}

/// What a set of intervals has scored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IntervalScores {
    /// Forecasts with an interval whose actual value is known.
    pub n: usize,
    /// What they were to cover, over 0 and below 1.
    pub level: f64,
    /// The share of actual values within, bounds included.
    pub coverage: f64,
    /// Mean of upper minus lower bound.
    pub width: f64,
    /// Mean pinball loss of both bounds, as quantiles (1 - level) / 2 and (1 + level) / 2.
    pub pinball: f64,
    /// Mean interval score (Winkler): the width, and 2 / (1 - level) times how far the actual value is outside.
    pub winkler: f64,
}

/// Adds up errors. Sums of folds are the sums of all their forecasts, so that pooled scores are exact and no mean of means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accumulator {
    level: f64,
    season: Option<usize>,
    n: usize,
    missing: usize,
    zeros: usize,
    error: f64,
    absolute: f64,
    squared: f64,
    percent: f64,
    symmetric: f64,
    actual: f64,
    /// Forecasts in the scaled sums.
    scaled: usize,
    scaled_absolute: f64,
    scaled_squared: f64,
    bounded: usize,
    covered: usize,
    width: f64,
    /// Sums of how far actual values are below the lower and above the upper bound.
    outside: f64,
}

impl Accumulator {
    /// Nothing yet; `level` is what the intervals are to cover, over 0 and below 1.
    #[must_use]
    pub fn new(level: f64) -> Accumulator {
        Accumulator {
            level,
            season: None,
            n: 0,
            missing: 0,
            zeros: 0,
            error: 0.0,
            absolute: 0.0,
            squared: 0.0,
            percent: 0.0,
            symmetric: 0.0,
            actual: 0.0,
            scaled: 0,
            scaled_absolute: 0.0,
            scaled_squared: 0.0,
            bounded: 0,
            covered: 0,
            width: 0.0,
            outside: 0.0,
        }
    }

    /// Adds a forecast. A missing actual value (NaN) is counted and left out; a forecast that is NaN makes the scores NaN, so
    /// that a method cannot gain by it. Bounds that are not finite count as none.
    pub fn push(&mut self, actual: f64, forecast: f64, bounds: Option<(f64, f64)>, scale: Scale) {
        if actual.is_nan() {
            self.missing += 1;
            return;
        }
        let error = forecast - actual;
        let size = error.abs();
        self.n += 1;
        self.error += error;
        self.absolute += size;
        self.squared += error * error;
        self.actual += actual.abs();
        if actual == 0.0 {
            self.zeros += 1;
        } else {
            self.percent += size / actual.abs();
        }
        if size != 0.0 {
            self.symmetric += size / (forecast.abs() + actual.abs());
        }
        if scale.mae > 0.0 && scale.mse > 0.0 {
            self.scaled += 1;
            self.scaled_absolute += size / scale.mae;
            self.scaled_squared += error * error / scale.mse;
            self.season = Some(scale.season);
        }
        if let Some((lower, upper)) = bounds
            && lower.is_finite()
            && upper.is_finite()
        {
            let outside = (lower - actual).max(actual - upper).max(0.0);
            self.bounded += 1;
            self.covered += usize::from(outside == 0.0);
            self.width += upper - lower;
            self.outside += outside;
        }
    }

    /// Adds what another has added up.
    pub fn merge(&mut self, other: &Accumulator) {
        self.season = other.season.or(self.season);
        self.n += other.n;
        self.missing += other.missing;
        self.zeros += other.zeros;
        self.error += other.error;
        self.absolute += other.absolute;
        self.squared += other.squared;
        self.percent += other.percent;
        self.symmetric += other.symmetric;
        self.actual += other.actual;
        self.scaled += other.scaled;
        self.scaled_absolute += other.scaled_absolute;
        self.scaled_squared += other.scaled_squared;
        self.bounded += other.bounded;
        self.covered += other.covered;
        self.width += other.width;
        self.outside += other.outside;
    }

    /// The scores of all that was added; none where no actual value was there.
    #[must_use]
    pub fn scores(&self) -> Option<Scores> {
        if self.n == 0 {
            return None;
        }
        let mean = |sum: f64| sum / self.n as f64;
        let not_zero = self.n - self.zeros;
        let scaled = |sum: f64| (self.scaled > 0).then(|| sum / self.scaled as f64);
        Some(Scores {
            n: self.n,
            missing: self.missing,
            mae: mean(self.absolute),
            rmse: mean(self.squared).sqrt(),
            bias: mean(self.error),
            mape: (not_zero > 0).then(|| 100.0 * self.percent / not_zero as f64),
            zeros: self.zeros,
            smape: 200.0 * mean(self.symmetric),
            wape: (self.actual > 0.0).then(|| 100.0 * self.absolute / self.actual),
            mase: scaled(self.scaled_absolute),
            rmsse: scaled(self.scaled_squared).map(f64::sqrt),
            season: self.season,
            intervals: self.intervals(),
        })
    }

    fn intervals(&self) -> Option<IntervalScores> {
        let n = self.bounded as f64;
        let tail = (1.0 - self.level) / 2.0;
        // Below the lower bound the loss is (1 - tail) times the distance to it and tail times that to the upper one, which is
        // further by the width; within, and above, likewise: both losses add up to tail x width + distance outside.
        let losses = (tail * self.width + self.outside) / n;
        (self.bounded > 0).then(|| IntervalScores {
            n: self.bounded,
            level: self.level,
            coverage: self.covered as f64 / n,
            width: self.width / n,
            pinball: losses / 2.0,
            winkler: losses / tail,
        })
    }
}

/// Scores of a walk forward: of each step ahead over all folds, and of everything.
#[derive(Debug, Clone)]
pub struct Tally {
    steps: Vec<Accumulator>,
    pooled: Accumulator,
    level: f64,
}

impl Tally {
    /// Nothing yet, for so many steps ahead and intervals of this level.
    #[must_use]
    pub fn new(horizon: usize, level: f64) -> Tally {
        Tally {
            steps: vec![Accumulator::new(level); horizon],
            pooled: Accumulator::new(level),
            level,
        }
    }

    /// Adds a fold: its actual values, what was forecast for them, and the scale of its training values. Gives the scores of the
    /// fold. Steps beyond the horizon, and steps that one of both lacks, are left out.
    pub fn fold(&mut self, actual: &[f64], path: &Path, scale: Scale) -> Option<Scores> {
        let mut fold = Accumulator::new(self.level);
        for (at, ((actual, forecast), step)) in actual
            .iter()
            .zip(&path.mean)
            .zip(&mut self.steps)
            .enumerate()
        {
            let bounds = path
                .bounds
                .as_ref()
                .and_then(|(lower, upper)| Some((*lower.get(at)?, *upper.get(at)?)));
            step.push(*actual, *forecast, bounds, scale);
            fold.push(*actual, *forecast, bounds, scale);
        }
        self.pooled.merge(&fold);
        fold.scores()
    }

    /// The scores of each step ahead, over all folds.
    #[must_use]
    pub fn steps(&self) -> Vec<Option<Scores>> {
        self.steps.iter().map(Accumulator::scores).collect()
    }

    /// The scores over all folds and steps.
    #[must_use]
    pub fn pooled(&self) -> Option<Scores> {
        self.pooled.scores()
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
