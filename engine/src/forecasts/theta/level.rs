//! The parameters of theta: the level's smoothing, its start, and the weight of the line.

use crate::control::{Control, Stop};

/// Smoothing parameters that are tried before the search between them.
const GRID: usize = 90;

/// A level that follows the values, and a line through all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Level {
    /// How much the newest value counts.
    pub(super) alpha: f64,
    /// The level after the last value.
    pub(super) last: f64,
    /// The line's weight, from 0 to 1: 1 - 1 / theta.
    pub(super) omega: f64,
    /// The sum of the squared errors that count.
    pub(super) squares: f64,
}

/// The line through the values at 1, 2, ...: its value at 0 and its slope.
pub(super) fn line(y: &[f64]) -> (f64, f64) {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n.max(1.0);
    let centre = (n + 1.0) / 2.0;
    let mut products = 0.0;
    for (at, value) in y.iter().enumerate() {
        products += (at as f64 + 1.0 - centre) * (value - mean);
    }
    let spread = n * (n * n - 1.0) / 12.0;
    let slope = if spread > 0.0 { products / spread } else { 0.0 };
    (mean - slope * centre, slope)
}

/// Simple exponential smoothing with the parameter and the start that make its squared errors least.
pub(super) fn smoothed(y: &[f64], control: &dyn Control) -> Result<Level, Stop> {
    search(1e-4, 0.9999, control, |alpha| {
        profile(y, alpha, 0.0, 0, false)
    })
}

/// The optimised theta model of a series whose line has the slope `slope`: the errors of the first three steps do not count.
pub(super) fn optimised(y: &[f64], slope: f64, control: &dyn Control) -> Result<Level, Stop> {
    search(0.1, 0.99, control, |alpha| {
        profile(y, alpha, slope, 3, true)
    })
}

/// The parameter whose profile has the least squares.
fn search(
    least: f64,
    most: f64,
    control: &dyn Control,
    profile: impl Fn(f64) -> Level,
) -> Result<Level, Stop> {
    let place = |step: usize| least + (most - least) * step as f64 / GRID as f64;
    let mut best = (profile(least), 0);
    for step in 1..=GRID {
        control.check()?;
        let level = profile(place(step));
        if level.squares < best.0.squares {
            best = (level, step);
        }
    }
    let (mut low, mut high) = (
        place(best.1.saturating_sub(1)),
        place((best.1 + 1).min(GRID)),
    );
    let share = (5f64.sqrt() - 1.0) / 2.0;
    let mut best = best.0;
    while high - low > 1e-8 {
        control.check()?;
        let (a, b) = (
            profile(high - share * (high - low)),
            profile(low + share * (high - low)),
        );
        if a.squares <= b.squares {
            high = b.alpha;
        } else {
            low = a.alpha;
        }
        for level in [a, b] {
            if level.squares < best.squares {
                best = level;
            }
        }
    }
    Ok(best)
}

/// The best start and weight of the line for a smoothing parameter: the errors are linear in both.
///
/// With the level l and q(t) = (1 - alpha)^t the one-step forecast is l(t-1) + omega (q(t-1) A + B (1 - q(t)) / alpha)
/// (Fiorucci et al., 2016, equation 11). What multiplies q(t-1) is one number, whether it comes from l(0) or from A.
fn profile(y: &[f64], alpha: f64, slope: f64, skip: usize, with_line: bool) -> Level {
    let keep = 1.0 - alpha;
    let mut sums = [0.0f64; 6];
    let (mut level, mut faded) = (0.0, 1.0);
    for (at, value) in y.iter().enumerate() {
        let error = value - level;
        let drift = slope * (1.0 - faded * keep) / alpha;
        if at >= skip {
            let products = [
                faded * faded,
                faded * drift,
                drift * drift,
                faded * error,
                drift * error,
            ];
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum += product;
            }
        }
        level += alpha * error;
        faded *= keep;
    }
    let [ff, fd, dd, fe, de, _] = sums;
    let start_for = |omega: f64| {
        if ff > 1e-300 {
            (fe - omega * fd) / ff
        } else {
            0.0
        }
    };
    let determinant = ff * dd - fd * fd;
    let omega = if !with_line {
        0.0
    } else if determinant > 1e-12 * ff * dd {
        ((ff * de - fd * fe) / determinant).clamp(0.0, 1.0)
    } else if ff <= 1e-300 && dd > 0.0 {
        (de / dd).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let start = start_for(omega);
    // The squares from the errors themselves: sums of products would lose their digits.
    let (mut level, mut faded, mut squares) = (0.0, 1.0, 0.0);
    for (at, value) in y.iter().enumerate() {
        let drift = slope * (1.0 - faded * keep) / alpha;
        let error = value - level - faded * start - omega * drift;
        if at >= skip {
            squares += error * error;
        }
        level += alpha * (value - level);
        faded *= keep;
    }
    Level {
        alpha,
        last: level + faded * start,
        omega,
        squares,
    }
}
