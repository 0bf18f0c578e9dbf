//! What a series is like: its autocorrelations, its seasons, the transform that steadies it.

use super::numeric::{chi_square_above, incomplete_beta};
use super::stl::{StlParams, stl};
use super::{ForecastError, filled};
use crate::control::Control;

/// Seasons that tell what one season is like, when its strength is measured: R's `mstl()`.
const STRENGTH_WINDOW: usize = 11;

/// The least strength of a season that the series holds many times. Of fewer times more is asked: a level that wanders makes
/// something like a long season.
const LEAST_STRENGTH: f64 = 0.2;

/// How probable a season may be by chance.
const CHANCE: f64 = 1e-4;

/// A shorter season that explains this share of what a multiple of it explains comes first.
const SHARE_OF_MULTIPLE: f64 = 0.6;

/// The autocorrelations of lags 0 to `lags`; 0 for lags that the series is too short for, and all but the first for one that does not vary.
/// Over missing values (NaN) as R's `acf(na.action = na.pass)`: the mean of the products that are there.
#[must_use]
pub fn acf(y: &[f64], lags: usize) -> Vec<f64> {
    let known: Vec<f64> = y.iter().copied().filter(|v| !v.is_nan()).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let covariance = |lag: usize| {
        let (mut sum, mut n) = (0.0, 0usize);
        for (a, b) in y.iter().zip(y.iter().skip(lag)) {
            if !a.is_nan() && !b.is_nan() {
                sum += (a - mean) * (b - mean);
                n += 1;
            }
        }
        if n == 0 { 0.0 } else { sum / (n + lag) as f64 }
    };
    let variance = covariance(0);
    let mut out = vec![0.0; lags.saturating_add(1)];
    for (lag, slot) in out.iter_mut().enumerate().take(y.len().max(1)) {
        *slot = match lag {
            0 => 1.0,
            _ if variance > 0.0 => covariance(lag) / variance,
            _ => 0.0,
        };
    }
    out
}

/// The partial autocorrelations of lags 1 to `lags`, by the recursion of Durbin and Levinson.
#[must_use]
pub fn pacf(y: &[f64], lags: usize) -> Vec<f64> {
    let r = acf(y, lags);
    let mut out = Vec::with_capacity(lags);
    let mut phi: Vec<f64> = Vec::with_capacity(lags);
    let mut rest = 1.0;
    for (lag, ahead) in r.iter().enumerate().skip(1) {
        let told: f64 = phi
            .iter()
            .zip(r.iter().take(lag).rev())
            .map(|(p, r)| p * r)
            .sum();
        let last = if rest > 0.0 {
            (ahead - told) / rest
        } else {
            0.0
        };
        let before = phi.clone();
        for (value, mirror) in phi.iter_mut().zip(before.iter().rev()) {
            *value -= last * mirror;
        }
        phi.push(last);
        rest *= 1.0 - last * last;
        out.push(last);
    }
    out
}

/// The test of Ljung and Box: whether autocorrelations are all 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LjungBox {
    /// The statistic, chi-square distributed where they are.
    pub statistic: f64,
    /// Its degrees of freedom.
    pub freedom: usize,
    /// The probability of a statistic as large as this or larger.
    pub p: f64,
}

/// Tests the first `lags` autocorrelations of a model's residuals; `fitted` parameters take their number from the degrees of
/// freedom. `None` when none is left, or the series has not more values than lags.
#[must_use]
pub fn ljung_box(residuals: &[f64], lags: usize, fitted: usize) -> Option<LjungBox> {
    let known = residuals.iter().filter(|v| !v.is_nan()).count();
    let freedom = lags.checked_sub(fitted).filter(|f| *f > 0)?;
    if known <= lags {
        return None;
    }
    let n = known as f64;
    let r = acf(residuals, lags);
    let squares = r
        .iter()
        .enumerate()
        .skip(1)
        .map(|(lag, r)| r * r / (n - lag as f64));
    let statistic = n * (n + 2.0) * squares.sum::<f64>();
    Some(LjungBox {
        statistic,
        freedom,
        p: chi_square_above(statistic, freedom as f64),
    })
}

/// The parameter of Box and Cox's transform from `least` to `most` that makes a season's spread most nearly the same at
/// all levels: Guerrero, Time-series analysis supported by power transformations, Journal of Forecasting 12 (1993). 1 for
/// two seasons or less and where nothing spreads. For values above 0.
#[must_use]
pub fn box_cox_lambda(y: &[f64], season: usize, least: f64, most: f64) -> f64 {
    let period = season.max(2);
    if y.len() <= 2 * season.max(1) || y.len() < 2 * period {
        return 1.0;
    }
    // Whole seasons, the newest ones.
    let moments: Vec<(f64, f64)> = y
        .rchunks_exact(period)
        .rev()
        .filter_map(mean_and_deviation)
        .collect();
    let badness = |lambda: f64| {
        let ratios: Vec<f64> = moments
            .iter()
            .map(|(mean, sd)| sd / mean.powf(1.0 - lambda))
            .collect();
        match mean_and_deviation(&ratios) {
            Some((mean, sd)) if mean > 0.0 && sd.is_finite() => sd / mean,
            _ => f64::INFINITY,
        }
    };
    // A grid first: between its points there is one minimum.
    let steps = 60;
    let place = |step: usize| least + (most - least) * step as f64 / steps as f64;
    let best = (0..=steps)
        .map(|step| (badness(place(step)), step))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, best)) = best.filter(|(badness, _)| badness.is_finite()) else {
        return 1.0;
    };
    golden_section(
        &badness,
        place(best.saturating_sub(1)),
        place((best + 1).min(steps)),
    )
}

/// The mean and the standard deviation of the values that are there, at least two.
fn mean_and_deviation(values: &[f64]) -> Option<(f64, f64)> {
    let known = || values.iter().filter(|v| !v.is_nan());
    let n = known().count();
    if n < 2 {
        return None;
    }
    let mean = known().sum::<f64>() / n as f64;
    let squares = known().map(|v| (v - mean) * (v - mean)).sum::<f64>();
    Some((mean, (squares / (n - 1) as f64).sqrt()))
}

/// The place of the minimum between two places.
fn golden_section(f: &dyn Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let share = (5f64.sqrt() - 1.0) / 2.0;
    let (mut a, mut b) = (high - share * (high - low), low + share * (high - low));
    let (mut at_a, mut at_b) = (f(a), f(b));
    while high - low > 1e-7 {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - share * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + share * (high - low);
            at_b = f(b);
        }
    }
    (low + high) / 2.0
}

/// How strong a season is, from 0 to 1: the share of the variance of season and remainder that the remainder does not have
/// (Wang, Smith, Hyndman, 2006), by an STL decomposition as R's `mstl()` and `nsdiffs(test = "seas")` measure it. A series
/// without any variance has strength 0.
///
/// # Errors
/// Those of [`stl()`].
pub fn seasonal_strength(
    y: &[f64],
    period: usize,
    control: &dyn Control,
) -> Result<f64, ForecastError> {
    let parts = stl(y, period, &StlParams::window(STRENGTH_WINDOW), control)?;
    let both: Vec<f64> = parts
        .remainder
        .iter()
        .zip(&parts.seasonal)
        .map(|(r, s)| r + s)
        .collect();
    let variance = |values: &[f64]| mean_and_deviation(values).map_or(0.0, |(_, sd)| sd * sd);
    let whole = variance(&both);
    let scale = y.iter().map(|v| v.abs()).fold(0.0, f64::max) * 1e-12;
    if whole <= scale * scale {
        return Ok(0.0);
    }
    Ok((1.0 - variance(&parts.remainder) / whole).clamp(0.0, 1.0))
}

/// The periods among `candidates` that the series really has, ascending, each with its strength: the share of the variance
/// around the trend that a fixed season explains, with a correction for its number of steps (an adjusted R squared).
///
/// The strongest is taken first and removed, then the next is looked for in what is left, so that a multiple of a season is no
/// season of its own unless it adds something. A candidate counts when its strength is at least 0.2 and one over the number of
/// seasons, and chance gives as much once in 10,000 times (the F test). Periods below 2 and those that the series does not hold three times are no candidates.
///
/// # Errors
/// [`ForecastError::Infinite`], [`ForecastError::Stopped`].
pub fn candidate_seasons(
    y: &[f64],
    candidates: &[usize],
    control: &dyn Control,
) -> Result<Vec<(usize, f64)>, ForecastError> {
    let mut open: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|period| *period >= 2 && period.saturating_mul(3) <= y.len())
        .collect();
    open.sort_unstable();
    open.dedup();
    if y.iter().all(|v| v.is_nan()) {
        return Ok(Vec::new());
    }
    let mut rest = filled(y, 1);
    let mut found = Vec::new();
    while !open.is_empty() {
        let mut strengths = Vec::with_capacity(open.len());
        for period in &open {
            control.check()?;
            strengths.push((*period, fixed_season(&rest, *period, control)?));
        }
        strengths.retain(|(period, season)| {
            let least = LEAST_STRENGTH + *period as f64 / rest.len() as f64;
            season.strength >= least && season.chance <= CHANCE
        });
        let best = strengths
            .iter()
            .max_by(|a, b| a.1.strength.total_cmp(&b.1.strength).then(b.0.cmp(&a.0)));
        let Some((best, most)) = best.map(|(period, season)| (*period, season.strength)) else {
            break;
        };
        let first = strengths.into_iter().find(|(period, season)| {
            best.is_multiple_of(*period) && season.strength >= SHARE_OF_MULTIPLE * most
        });
        let Some((period, season)) = first else {
            break;
        };
        for (value, phase) in rest.iter_mut().zip(season.phases.iter().cycle()) {
            *value -= phase;
        }
        found.push((period, season.strength));
        open.retain(|p| *p != period);
    }
    found.sort_unstable_by_key(|(period, _)| *period);
    Ok(found)
}

/// A season that never changes.
struct FixedSeason {
    /// The adjusted share of the variance that it explains.
    strength: f64,
    /// The probability that chance explains as much.
    chance: f64,
    /// The mean of each phase.
    phases: Vec<f64>,
}

fn fixed_season(
    y: &[f64],
    period: usize,
    control: &dyn Control,
) -> Result<FixedSeason, ForecastError> {
    let parts = stl(y, period, &StlParams::default(), control)?;
    let phases: Vec<f64> = parts.seasonal.iter().copied().take(period).collect();
    let around: Vec<f64> = parts
        .seasonal
        .iter()
        .zip(&parts.remainder)
        .map(|(s, r)| s + r)
        .collect();
    let mean = around.iter().sum::<f64>() / around.len().max(1) as f64;
    let all: f64 = around.iter().map(|v| (v - mean) * (v - mean)).sum();
    let left: f64 = parts.remainder.iter().map(|v| v * v).sum();
    let (n, used) = (y.len() as f64, period as f64 - 1.0);
    // The trend takes its share of the degrees of freedom: about one for each period.
    let free = n - used - n / period as f64 - 1.0;
    let scale = y.iter().map(|v| v.abs()).fold(0.0, f64::max);
    let season = |strength, chance| FixedSeason {
        strength,
        chance,
        phases: phases.clone(),
    };
    if free < 1.0 || all <= n * (scale * 1e-12) * (scale * 1e-12) {
        return Ok(season(0.0, 1.0));
    }
    let share = (1.0 - left / all).clamp(0.0, 1.0);
    let strength = 1.0 - (left / free) / (all / (free + used));
    // The tail of F(used, free) as an incomplete beta function.
    let chance = incomplete_beta(free / 2.0, used / 2.0, 1.0 - share);
    Ok(season(strength.clamp(0.0, 1.0), chance))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "statistics_tests.rs"]
mod tests;
