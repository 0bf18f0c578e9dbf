//! How many differences a series needs.

use super::kalman::integration;
use super::params::{MOST_DIFFERENCES, Orders};
use super::problem::difference;
use crate::control::{Control, Free, Stop};
use crate::forecasts::numeric::linear::dot;
use crate::forecasts::stl::{StlParams, stl};
use crate::forecasts::{ForecastError, filled};

/// The value that the statistic of a stationary series exceeds with a probability of 5 % (Kwiatkowski and others 1992, table 1).
const CRITICAL: f64 = 0.463;
/// A season with more strength is differenced.
const STRONG: f64 = 0.64;
/// Seasons that tell what one season is like, as in R's `mstl()`.
const WINDOW: usize = 11;

/// The differences (0 to 2) after which the level of a series is stationary by the test of Kwiatkowski, Phillips, Schmidt and Shin
/// (Journal of Econometrics 54, 1992) at 5 %, as R's `forecast::ndiffs()`. Missing values are left out.
#[must_use]
pub fn ndiffs(y: &[f64]) -> usize {
    let values: Vec<f64> = y.iter().copied().filter(|v| v.is_finite()).collect();
    differences(&values, MOST_DIFFERENCES)
}

/// The seasonal differences (0 or 1) that a series needs by the strength of its season (Wang, Smith and Hyndman 2006), as R's
/// `forecast::nsdiffs()`. None for two seasons or less.
#[must_use]
pub fn nsdiffs(y: &[f64], season: usize) -> usize {
    match is_strong(&filled(y, season), season, &Free) {
        Ok(true) => 1,
        _ => 0,
    }
}

/// [`ndiffs`] up to `most` of a series without missing values.
pub(super) fn differences(y: &[f64], most: usize) -> usize {
    let mut y = y.to_vec();
    let mut d = 0;
    while d < most && !is_constant(&y) && kpss(&y) > CRITICAL {
        y = differenced(&y, 1, 0, 1);
        d += 1;
    }
    d
}

/// A series with `d` differences and `seasonal_d` of a season.
pub(super) fn differenced(y: &[f64], d: usize, seasonal_d: usize, season: usize) -> Vec<f64> {
    let orders = Orders::new([0, d, 0], [0, seasonal_d, 0], season);
    difference(y, &integration(&orders), orders.lost())
}

/// True when all values are the same but for rounding.
pub(super) fn is_constant(y: &[f64]) -> bool {
    let Some(first) = y.first() else {
        return true;
    };
    y.iter().all(|v| (v - first).abs() <= 1e-12 * first.abs())
}

/// The statistic of the test for a stationary level, with a window of `3 sqrt(n) / 13` lags.
fn kpss(y: &[f64]) -> f64 {
    let n = y.len();
    let mean = y.iter().sum::<f64>() / n as f64;
    let e: Vec<f64> = y.iter().map(|v| v - mean).collect();
    let lags = (3.0 * (n as f64).sqrt() / 13.0) as usize;
    let weighted = |lag: usize| {
        let weight = 1.0 - lag as f64 / (lags as f64 + 1.0);
        2.0 * weight * dot(&e[lag.min(n)..], &e)
    };
    let variance = (dot(&e, &e) + (1..=lags).map(weighted).sum::<f64>()) / n as f64;
    let mut sum = 0.0;
    let sums = e.iter().map(|v| {
        sum += v;
        sum * sum
    });
    sums.sum::<f64>() / (n as f64 * n as f64 * variance)
}

/// Whether the season explains most of what the trend leaves, in a series without missing values.
pub(super) fn is_strong(y: &[f64], season: usize, control: &dyn Control) -> Result<bool, Stop> {
    if season < 2 || y.len() / 2 < season || y.len() <= 2 * season || is_constant(y) {
        return Ok(false);
    }
    let parts = match stl(y, season, &StlParams::window(WINDOW), control) {
        Ok(parts) => parts,
        Err(ForecastError::Stopped(stop)) => return Err(stop),
        Err(_) => return Ok(false),
    };
    let both = parts.seasonal.iter().zip(&parts.remainder);
    let both: Vec<f64> = both.map(|(s, r)| s + r).collect();
    Ok(1.0 - variance(&parts.remainder) / variance(&both) > STRONG)
}

fn variance(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecasts::oracle;

    #[test]
    fn differences_are_those_of_r() {
        for (case, name, season) in [
            ("tests_air", "airpassengers", 12),
            ("tests_retail7", "retail_daily", 7),
            ("tests_usacc", "usaccdeaths", 12),
            ("tests_nile", "nile", 1),
        ] {
            let y = oracle::series(name);
            let r = oracle::r(case);
            assert_eq!(ndiffs(&y) as f64, r.one("ndiffs"), "{case}");
            assert_eq!(nsdiffs(&y, season) as f64, r.one("nsdiffs"), "{case}");
        }
    }

    #[test]
    fn odd_series_need_none() {
        for y in [
            &[][..],
            &[f64::NAN; 9],
            &[5.0; 30],
            &[1.0],
            &[0.0; 40],
            &[1e15, -1e15],
        ] {
            assert_eq!((ndiffs(y), nsdiffs(y, 7)), (0, 0), "{y:?}");
        }
        let line: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!((ndiffs(&line), nsdiffs(&line, 7)), (1, 0));
        assert_eq!(nsdiffs(&line, 0), 0);
        assert_eq!(nsdiffs(&line, usize::MAX), 0);
    }
}
