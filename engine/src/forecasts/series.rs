//! What a method gets and what it gives.

/// A series that a method is fitted to: values at equal steps, the oldest first, and nothing that came later.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The values; NaN where one is missing. None is infinite or over 1e15.
    pub y: &'a [f64],
    /// Steps of the season that methods with one season take; 1 when there is none.
    pub season: usize,
    /// Steps of all seasons, ascending, for methods that take several; empty when there is none.
    pub seasons: &'a [usize],
    /// The moment of each step (microseconds since 1970), or nothing where steps have no dates.
    pub stamps: &'a [i64],
    /// Columns that are known in advance, each with a finite value for every step.
    pub regressors: &'a [Vec<f64>],
    /// What random draws come from.
    pub seed: i64,
}

impl<'a> Input<'a> {
    /// A series without dates and regressors.
    #[must_use]
    pub fn plain(y: &'a [f64], season: usize) -> Input<'a> {
        Input {
            y,
            season,
            seasons: &[],
            stamps: &[],
            regressors: &[],
            seed: 42,
        }
    }
}

/// The steps after the last one of the input, and what is known of them.
#[derive(Debug, Clone, Copy)]
pub struct Ahead<'a> {
    /// Steps to forecast, at least 1.
    pub horizon: usize,
    /// What the interval is to cover, over 0 and below 1.
    pub level: f64,
    /// The moment of each step, where the input had stamps.
    pub stamps: &'a [i64],
    /// The input's regressors at these steps.
    pub regressors: &'a [Vec<f64>],
}

impl Ahead<'_> {
    /// So many steps of a series without dates and regressors.
    #[must_use]
    pub fn plain(horizon: usize, level: f64) -> Ahead<'static> {
        Ahead {
            horizon,
            level,
            stamps: &[],
            regressors: &[],
        }
    }
}

/// A forecast: a value for each step ahead.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Path {
    /// Point forecasts.
    pub mean: Vec<f64>,
    /// Lower and upper bounds of a method that has analytic ones; others get theirs from past errors.
    pub bounds: Option<(Vec<f64>, Vec<f64>)>,
}

impl Path {
    /// Point forecasts alone.
    #[must_use]
    pub fn of(mean: Vec<f64>) -> Path {
        Path { mean, bounds: None }
    }
}

/// Rounds in which holes are filled from seasons.
const ROUNDS: usize = 4;

/// The values with missing ones filled: from the same phase of the nearest seasons where there are any (moved by the change of the
/// level between), otherwise on a straight line between the neighbours, at the ends as the nearest value. A series without
/// any value stays as it is.
#[must_use]
pub fn filled(y: &[f64], season: usize) -> Vec<f64> {
    let mut out = y.to_vec();
    if y.iter().all(|v| !v.is_nan()) {
        return out;
    }
    let line = on_lines(y);
    if season < 2 {
        return line;
    }
    // A hole moves the level around it, so what fills it makes a better level for the next round.
    let mut level_of = line.clone();
    for _ in 0..ROUNDS {
        let mut sums = vec![(0.0, 0u32); season];
        for ((at, value), sum) in y.iter().enumerate().zip((0..season).cycle()) {
            if let Some(sum) = sums.get_mut(sum)
                && !value.is_nan()
            {
                *sum = (
                    sum.0 + value - moving_level(&level_of, at, season),
                    sum.1 + 1,
                );
            }
        }
        if sums.iter().any(|(_, n)| *n == 0) {
            return line;
        }
        for (at, (value, (sum, n))) in out.iter_mut().zip(sums.iter().cycle()).enumerate() {
            if y.get(at).is_some_and(|v| v.is_nan()) {
                *value = moving_level(&level_of, at, season) + sum / f64::from(*n);
            }
        }
        level_of.clone_from(&out);
    }
    out
}

/// The mean of a season's length around a place.
fn moving_level(line: &[f64], at: usize, season: usize) -> f64 {
    let from = at.saturating_sub(season / 2);
    let to = (from + season).min(line.len());
    let from = to.saturating_sub(season);
    let window = line.get(from..to).unwrap_or_default();
    window.iter().sum::<f64>() / window.len().max(1) as f64
}

fn on_lines(y: &[f64]) -> Vec<f64> {
    let known: Vec<(usize, f64)> = y
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, v)| !v.is_nan())
        .collect();
    let mut out = y.to_vec();
    let mut next = 0;
    for (at, value) in out.iter_mut().enumerate() {
        while known.get(next).is_some_and(|k| k.0 < at) {
            next += 1;
        }
        let right = known.get(next);
        let left = next.checked_sub(1).and_then(|l| known.get(l));
        *value = match (left, right) {
            (_, Some((there, v))) if *there == at => *v,
            (Some((a, from)), Some((b, to))) => {
                from + (to - from) * (at - a) as f64 / (b - a) as f64
            }
            (Some((_, v)), None) | (None, Some((_, v))) => *v,
            (None, None) => f64::NAN,
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled() {
        let nan = f64::NAN;
        assert_eq!(
            filled(&[nan, 2.0, nan, nan, 5.0, nan], 1),
            [2.0, 2.0, 3.0, 4.0, 5.0, 5.0]
        );
        // A season without a trend is completed as it is.
        let mut wave: Vec<f64> = (0..28).map(|i| f64::from([5, 1, 9, 1][i % 4])).collect();
        wave[14] = nan;
        let whole = filled(&wave, 4);
        assert!((whole[14] - 9.0).abs() < 0.1, "{}", whole[14]);
        assert_eq!(whole[13], 1.0);
        assert!(filled(&[nan, nan], 7).iter().all(|v| v.is_nan()));
        assert!(filled(&[], 7).is_empty());
    }
}
