//! A series as the sum of its trend, its seasons and what is left.

use super::ForecastError;
use super::stl::{StlParams, smooth, stl};
use crate::control::Control;

/// Rounds over several seasons.
const ROUNDS: usize = 2;

/// The narrowest window of a trend without a season.
const NARROWEST: usize = 7;

/// The parts of a series; trend, seasons and remainder of a step add up to its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition {
    /// The trend.
    pub trend: Vec<f64>,
    /// The steps of each season, ascending, and its part of each step.
    pub seasonal: Vec<(usize, Vec<f64>)>,
    /// What is left; NaN where the value is missing.
    pub remainder: Vec<f64>,
}

impl Decomposition {
    /// What trend and seasons say of each step.
    #[must_use]
    pub fn expected(&self) -> Vec<f64> {
        let mut sum = self.trend.clone();
        for (_, part) in &self.seasonal {
            for (value, more) in sum.iter_mut().zip(part) {
                *value += more;
            }
        }
        sum
    }
}

/// Decomposes a series by loess: STL for one season, STL in turns for several (Bandara, Hyndman, Bergmeir, 2021, with R's windows), a smooth
/// through a quarter of the steps without any. Seasons that the series does not hold twice are left out. Where `robust`, values that stand
/// out have little say in trend and seasons. Missing values are filled for the parts, and have no remainder.
///
/// # Errors
/// [`ForecastError::Empty`] without any value, [`ForecastError::Infinite`], [`ForecastError::Stopped`].
pub fn decompose(
    y: &[f64],
    seasons: &[usize],
    robust: bool,
    control: &dyn Control,
) -> Result<Decomposition, ForecastError> {
    decompose_by(y, seasons, control, |place, _| StlParams {
        robust,
        ..StlParams::window(11 + 4 * place)
    })
}

/// The same with other windows: `params` gives those of the season at a place (from the shortest on) with so many steps. Those of place 0
/// tell whether a trend without a season is robust.
pub(super) fn decompose_by(
    y: &[f64],
    seasons: &[usize],
    control: &dyn Control,
    params: impl Fn(usize, usize) -> StlParams,
) -> Result<Decomposition, ForecastError> {
    let n = y.len();
    let mut periods: Vec<usize> = seasons.to_vec();
    periods.retain(|p| *p >= 2 && p.saturating_mul(2) < n);
    periods.sort_unstable();
    periods.dedup();
    let parts = (periods.len() as u64).saturating_add(3);
    control.budget("decompose", parts.saturating_mul(n as u64 * 8))?;
    if periods.is_empty() {
        let trend = smooth(y, (n / 4).max(NARROWEST), params(0, 1).robust, control)?;
        return Ok(Decomposition {
            remainder: y.iter().zip(&trend).map(|(y, t)| y - t).collect(),
            trend,
            seasonal: Vec::new(),
        });
    }
    let mut seasonal: Vec<(usize, Vec<f64>)> = periods.iter().map(|p| (*p, vec![0.0; n])).collect();
    let mut trend = Vec::new();
    let mut rest = y.to_vec();
    let rounds = if periods.len() > 1 { ROUNDS } else { 1 };
    for _ in 0..rounds {
        for (place, (period, part)) in seasonal.iter_mut().enumerate() {
            rest.iter_mut().zip(&*part).for_each(|(r, s)| *r += s);
            let parts = stl(&rest, *period, &params(place, *period), control)?;
            *part = parts.seasonal;
            trend = parts.trend;
            rest.iter_mut().zip(&*part).for_each(|(r, s)| *r -= s);
        }
    }
    Ok(Decomposition {
        remainder: rest.iter().zip(&trend).map(|(r, t)| r - t).collect(),
        trend,
        seasonal,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::control::Free;
    use crate::control::testing::Probe;
    use crate::forecasts::oracle;

    const NAN: f64 = f64::NAN;

    fn adds_up(y: &[f64], parts: &Decomposition) {
        let expected = parts.expected();
        for (at, value) in y.iter().enumerate() {
            let sum = expected[at] + parts.remainder[at];
            assert!(
                value.is_nan() && sum.is_nan()
                    || (sum - value).abs() <= 1e-9 * value.abs().max(1.0)
            );
            assert!(expected[at].is_finite());
        }
    }

    #[test]
    fn parts_are_those_of_r() {
        // R: mstl(ts(usaccdeaths, frequency = 12)): trend, season and remainder of the months 1, 30 and 72
        let y = oracle::series("usaccdeaths");
        let parts = decompose(&y, &[12], false, &Free).unwrap();
        adds_up(&y, &parts);
        assert_eq!(parts.seasonal.len(), 1);
        for (at, trend, season) in [(0, R[0], R[1]), (29, R[2], R[3]), (71, R[4], R[5])] {
            assert!(
                (parts.trend[at] - trend).abs() < 1e-6,
                "{}",
                parts.trend[at]
            );
            assert!((parts.seasonal[0].1[at] - season).abs() < 1e-6);
        }
    }

    const R: [f64; 6] = [
        9988.94900713,
        -860.44950334,
        8633.39218933,
        819.539499163,
        9071.57629881,
        39.4906336056,
    ];

    #[test]
    fn several_seasons_are_told_apart() {
        let season = |at: usize, of: &[f64]| of[at % of.len()];
        let (short, long) = ([3.0, -1.0, -2.0], [10.0, -4.0, 0.0, -6.0, 5.0, -5.0, 0.0]);
        let y: Vec<f64> = (0..210)
            .map(|t| 50.0 + 0.1 * t as f64 + season(t, &short) + season(t, &long))
            .collect();
        // Twice the same, one that is no season, and one that is too long.
        let parts = decompose(&y, &[7, 3, 7, 1, 120, usize::MAX], false, &Free).unwrap();
        adds_up(&y, &parts);
        let periods: Vec<usize> = parts.seasonal.iter().map(|(p, _)| *p).collect();
        assert_eq!(periods, [3, 7]);
        let mut worst = 0.0f64;
        for at in 21..189 {
            let off = [
                parts.seasonal[0].1[at] - season(at, &short),
                parts.seasonal[1].1[at] - season(at, &long),
                parts.remainder[at],
            ];
            worst = off.iter().fold(worst, |w, o| w.max(o.abs()));
        }
        assert!(worst < 0.5, "{worst}");
    }

    #[test]
    fn without_a_season_a_smooth_is_left() {
        let y: Vec<f64> = (0..100)
            .map(|t| f64::from(t) + if t == 50 { 400.0 } else { 0.0 })
            .collect();
        let parts = decompose(&y, &[], true, &Free).unwrap();
        adds_up(&y, &parts);
        assert!(parts.seasonal.is_empty());
        assert!(
            (parts.remainder[50] - 400.0).abs() < 1.0,
            "{}",
            parts.remainder[50]
        );
        let plain = decompose(&y, &[], false, &Free).unwrap();
        assert!(plain.remainder[50] < 395.0);
    }

    #[test]
    fn poor_series_have_an_answer() {
        for y in [
            &[5.0][..],
            &[1.0, 2.0],
            &[NAN, 3.0, NAN],
            &[7.0; 40],
            &[0.0; 3],
            &[1e15, -1e15, 1e15, 0.0, 1.0],
        ] {
            for robust in [false, true] {
                adds_up(y, &decompose(y, &[2, 7], robust, &Free).unwrap());
            }
        }
        let mut holes = oracle::series("retail_daily");
        holes.iter_mut().skip(3).step_by(11).for_each(|v| *v = NAN);
        adds_up(&holes, &decompose(&holes, &[7, 30], true, &Free).unwrap());
        assert!(matches!(
            decompose(&[], &[7], false, &Free),
            Err(ForecastError::Empty)
        ));
        assert!(matches!(
            decompose(&[NAN; 9], &[2], false, &Free),
            Err(ForecastError::Empty)
        ));
        assert!(matches!(
            decompose(&[f64::INFINITY; 9], &[2], false, &Free),
            Err(ForecastError::Infinite)
        ));
        let stopped = decompose(&[1.0; 90], &[7], true, &Probe::stopping_after(3));
        assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
    }
}
