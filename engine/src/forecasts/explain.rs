//! What a forecast is made of: parts that add up to it, for any method.
//!
//! A method is asked what it would forecast without holidays, and without what is special in the regressors: the differences are theirs.
//! What is left is a path of level, trend and season. The season is what a moving mean over a whole season (a centred one, as in the classical
//! decomposition: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, section 3.4) takes away; trend is how far the
//! rest moves from the level at which the series ended. For a path with a straight trend and a season that repeats, as additive
//! exponential smoothing gives, these are exactly its parts.

use super::{Ahead, Fitted, ForecastError};
use crate::control::Control;

/// What is left to the remainder is rounding below this share of the largest part.
const ROUNDING: f64 = 1e-12;

/// The parts of the forecast of a step. They add up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Explanation {
    /// Where the series ended: the mean of its last season. The same for all steps.
    pub level: f64,
    /// How far the forecast without its season is from there. Movements that are longer than a season are part of it.
    pub trend: f64,
    /// The place within the season.
    pub season: f64,
    /// Holidays and the days around them.
    pub holidays: f64,
    /// Regressors, against their usual values.
    pub regressors: f64,
    /// What else was done to the forecast, such as keeping it from falling below 0.
    pub remainder: f64,
}

impl Explanation {
    /// The forecast: the sum of the parts.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.level + self.trend + self.season + self.holidays + self.regressors + self.remainder
    }

    /// The parts of what became of the forecast: the remainder takes the difference.
    #[must_use]
    pub fn of(self, forecast: f64) -> Explanation {
        let parts = Explanation {
            remainder: 0.0,
            ..self
        };
        let rest = forecast - parts.sum();
        let sizes = [
            forecast,
            self.level,
            self.trend,
            self.season,
            self.holidays,
            self.regressors,
        ];
        let largest = sizes.iter().fold(0.0f64, |most, part| most.max(part.abs()));
        let remainder = if rest.abs() <= ROUNDING * largest {
            0.0
        } else {
            rest
        };
        Explanation { remainder, ..self }
    }
}

/// What a forecast is explained by.
#[derive(Debug, Clone, Copy)]
pub struct Background<'a> {
    /// The newest values of the series, two seasons of them or more where there are as many (NaN: missing).
    pub recent: &'a [f64],
    /// Steps of the season; 1 when there is none.
    pub season: usize,
    /// The usual values of the user's regressors ([`usual_values`]), which come first; the columns after them tell holidays, usually 0.
    pub usual: &'a [f64],
}

/// The value of each column that half of its values are not above: 0 of a flag that is seldom set, the price of most days.
#[must_use]
pub fn usual_values(regressors: &[Vec<f64>]) -> Vec<f64> {
    let median = |column: &Vec<f64>| {
        let mut sorted: Vec<f64> = column.iter().copied().filter(|v| !v.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = sorted.len().saturating_sub(1) / 2;
        sorted.get(middle).copied().unwrap_or(0.0)
    };
    regressors.iter().map(median).collect()
}

/// The parts of the forecast of each step ahead. Takes up to three forecasts of the method.
///
/// # Errors
/// What the method gives; [`ForecastError::NoFit`] when it forecasts no number.
pub fn explain(
    fit: &dyn Fitted,
    ahead: &Ahead<'_>,
    background: &Background<'_>,
    control: &dyn Control,
) -> Result<Vec<Explanation>, ForecastError> {
    let path = mean(fit, ahead, control)?;
    let own = background.usual.len().min(ahead.regressors.len());
    // The columns with what is usual in some of them, or nothing when that is what they have.
    let without = |columns: &[Vec<f64>], which: &dyn Fn(usize) -> Option<f64>| {
        let mut changed = columns.to_vec();
        for (at, column) in changed.iter_mut().enumerate() {
            if let Some(usual) = which(at) {
                column.fill(usual);
            }
        }
        (changed != *columns).then_some(changed)
    };
    let no_holidays = without(ahead.regressors, &|at| (at >= own).then_some(0.0));
    let regressors = no_holidays.as_deref().unwrap_or(ahead.regressors);
    let no_special = without(regressors, &|at| background.usual.get(at).copied());
    let asked = |columns: &Option<Vec<Vec<f64>>>, otherwise: &[f64]| match columns {
        Some(columns) => {
            let ahead = Ahead {
                regressors: columns,
                ..*ahead
            };
            mean(fit, &ahead, control)
        }
        None => Ok(otherwise.to_vec()),
    };
    let plain_days = asked(&no_holidays, &path)?;
    let base = asked(&no_special, &plain_days)?;
    let (level, smooth) = smoothed(&base, background);
    let steps = path.iter().zip(&plain_days).zip(base.iter().zip(smooth));
    Ok(steps
        .map(|((forecast, plain_day), (base, smooth))| {
            let parts = Explanation {
                level,
                trend: smooth - level,
                season: base - smooth,
                holidays: forecast - plain_day,
                regressors: plain_day - base,
                remainder: 0.0,
            };
            parts.of(*forecast)
        })
        .collect())
}

fn mean(
    fit: &dyn Fitted,
    ahead: &Ahead<'_>,
    control: &dyn Control,
) -> Result<Vec<f64>, ForecastError> {
    let mean = fit.forecast(ahead, control)?.mean;
    if mean.iter().any(|v| !v.is_finite()) {
        return Err(ForecastError::NoFit {
            method: "the model to be explained",
        });
    }
    Ok(mean)
}

/// The level at which the series ended, and the path without its season.
fn smoothed(path: &[f64], background: &Background<'_>) -> (f64, Vec<f64>) {
    let season = background.season.max(1);
    let recent = background.recent;
    let last = recent.get(recent.len().saturating_sub(season)..);
    let level = average(last.unwrap_or_default())
        .or_else(|| average(recent))
        .or_else(|| path.first().copied())
        .unwrap_or(0.0);
    if season == 1 {
        return (level, path.to_vec());
    }
    // A path of less than two seasons is continued into the past by what was there, as far as nothing is missing.
    let wanted = season.saturating_mul(2).saturating_sub(path.len());
    let known = recent.iter().rev().take(wanted);
    let mut line: Vec<f64> = known.copied().take_while(|v| !v.is_nan()).collect();
    line.reverse();
    let before = line.len();
    line.extend(path);
    let smooth = match centred(&line, season) {
        Some(smooth) => smooth.get(before..).unwrap_or_default().to_vec(),
        None => vec![average(path).unwrap_or(0.0); path.len()],
    };
    (level, smooth)
}

/// The mean of what is not missing.
fn average(values: &[f64]) -> Option<f64> {
    let known = values.iter().filter(|v| !v.is_nan());
    let (sum, n) = known.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    (n > 0.0).then(|| sum / n)
}

/// Centred moving means over a season, at both ends continued by their mean change over the last season; nothing when the line is
/// no longer than a season.
fn centred(line: &[f64], season: usize) -> Option<Vec<f64>> {
    // Over an even season one more value counts, the outer ones by half.
    let half = season / 2;
    let mut middle: Vec<f64> = if season % 2 == 1 {
        line.windows(season)
            .map(|w| w.iter().sum::<f64>() / season as f64)
            .collect()
    } else {
        let means: Vec<f64> = line
            .windows(season)
            .map(|w| w.iter().sum::<f64>() / season as f64)
            .collect();
        means
            .iter()
            .zip(means.iter().skip(1))
            .map(|(a, b)| f64::midpoint(*a, *b))
            .collect()
    };
    if middle.len() < 2 {
        return None;
    }
    let span = season.min(middle.len() - 1);
    let change = |from: usize, to: usize| match (middle.get(from), middle.get(to)) {
        (Some(a), Some(b)) => (b - a) / span as f64,
        _ => 0.0,
    };
    let first = (middle.first().copied()?, change(0, span));
    let last = (
        middle.last().copied()?,
        change(middle.len() - 1 - span, middle.len() - 1),
    );
    let mut smooth: Vec<f64> = (1..=half)
        .rev()
        .map(|k| first.0 - first.1 * k as f64)
        .collect();
    smooth.append(&mut middle);
    smooth.extend((1..=half).map(|k| last.0 + last.1 * k as f64));
    Some(smooth)
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
