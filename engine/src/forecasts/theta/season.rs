//! Whether a series has a season, and the classical decomposition that takes it out.

use crate::forecasts::statistics::acf;

/// One-sided 95 % point of the normal distribution.
const SIGNIFICANT: f64 = 1.644_853_626_951_472_2;

/// True when the autocorrelation at the season's lag stands out: the test of the M3 and M4 competitions.
pub(super) fn is_seasonal(y: &[f64], season: usize) -> bool {
    if season < 2 || y.len() <= season.saturating_mul(2) {
        return false;
    }
    let r = acf(y, season);
    let before: f64 = r.iter().take(season).skip(1).map(|r| r * r).sum();
    let limit = ((1.0 + 2.0 * before) / y.len() as f64).sqrt();
    r.get(season).is_some_and(|r| r.abs() / limit > SIGNIFICANT)
}

/// What each phase of the season is, beginning with that of the first value, by the classical decomposition (moving averages, R's
/// `decompose()`): factors with mean 1, or terms with mean 0. For two seasons and more.
pub(super) fn classical(y: &[f64], season: usize, multiplicative: bool) -> Vec<f64> {
    let n = y.len();
    let half = season / 2;
    let even = season.is_multiple_of(2);
    let mut sums = vec![(0.0, 0usize); season];
    let mut window: f64 = y.iter().take(2 * half + 1).sum();
    for at in half..n.saturating_sub(half) {
        let value = |place: usize| y.get(place).copied().unwrap_or(0.0);
        if at > half {
            window += value(at + half) - value(at - half - 1);
        }
        // Over an even season the two ends count half.
        let ends = if even {
            f64::midpoint(value(at - half), value(at + half))
        } else {
            0.0
        };
        let trend = (window - ends) / season as f64;
        let off = if multiplicative {
            value(at) / trend
        } else {
            value(at) - trend
        };
        if let Some(sum) = sums.get_mut(at % season) {
            *sum = (sum.0 + off, sum.1 + 1);
        }
    }
    let mut phases: Vec<f64> = sums
        .iter()
        .map(|(sum, n)| sum / (*n).max(1) as f64)
        .collect();
    let mean = phases.iter().sum::<f64>() / season as f64;
    for phase in &mut phases {
        if multiplicative {
            *phase /= mean;
        } else {
            *phase -= mean;
        }
    }
    phases
}
