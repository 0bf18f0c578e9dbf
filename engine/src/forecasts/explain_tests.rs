#![allow(clippy::unwrap_used)]

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::ets::{EtsParams, fit as smoothing};
use crate::forecasts::{Input, Path, oracle};

/// A method whose parts are known: a straight line and a season, a price, a flag, and holidays by a factor.
#[derive(Clone, Copy)]
struct Known {
    slope: f64,
    season: &'static [f64],
    price: f64,
    holiday: f64,
}

impl Fitted for Known {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        control.check()?;
        let at = |column: usize, h: usize| ahead.regressors.get(column).map_or(0.0, |c| c[h]);
        let mean = (0..ahead.horizon).map(|h| {
            let base = 100.0 + self.slope * (h + 1) as f64 + self.season[h % self.season.len()];
            let regressors = self.price * at(0, h) + 20.0 * at(1, h);
            (base + regressors) * (1.0 + self.holiday * at(2, h))
        });
        Ok(Path::of(mean.collect()))
    }

    fn append(&mut self, _: &Input<'_>, _: &dyn Control) -> Result<(), ForecastError> {
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

const WEEK: [f64; 7] = [5.0, -3.0, 0.0, 4.0, 9.0, -8.0, -7.0];
const QUARTER: [f64; 4] = [2.0, -5.0, 4.0, -1.0];

fn near(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-9, "{got} {expected}");
}

fn adds_up(parts: &[Explanation], path: &[f64]) {
    assert_eq!(parts.len(), path.len());
    for (parts, forecast) in parts.iter().zip(path) {
        assert!(
            (parts.sum() - forecast).abs() <= 1e-9 * forecast.abs(),
            "{parts:?} {forecast}"
        );
    }
}

#[test]
fn a_straight_line_and_a_season_are_taken_apart() {
    for (season, horizon) in [
        (&WEEK[..], 28),
        (&WEEK[..], 14),
        (&QUARTER[..], 8),
        (&QUARTER[..], 9),
    ] {
        let fit = Known {
            slope: 1.5,
            season,
            price: 0.0,
            holiday: 0.0,
        };
        let background = Background {
            recent: &[f64::NAN, 90.0, f64::NAN, 98.0, 94.0],
            season: season.len(),
            usual: &[],
        };
        let ahead = Ahead::plain(horizon, 0.9);
        let parts = explain(&fit, &ahead, &background, &Free).unwrap();
        adds_up(&parts, &fit.forecast(&ahead, &Free).unwrap().mean);
        for (h, parts) in parts.iter().enumerate() {
            near(parts.level, 94.0);
            near(parts.trend, 100.0 + 1.5 * (h + 1) as f64 - 94.0);
            near(parts.season, season[h % season.len()]);
            assert_eq!(
                (parts.holidays, parts.regressors, parts.remainder),
                (0.0, 0.0, 0.0)
            );
        }
    }
}

#[test]
fn short_paths_go_on_from_the_past() {
    let fit = Known {
        slope: 0.0,
        season: &WEEK,
        price: 0.0,
        holiday: 0.0,
    };
    let past: Vec<f64> = (0..14).map(|t| 100.0 + WEEK[t % 7]).collect();
    let background = |recent, season| Background {
        recent,
        season,
        usual: &[],
    };
    for horizon in [1, 3, 8] {
        let ahead = Ahead::plain(horizon, 0.9);
        let parts = explain(&fit, &ahead, &background(&past, 7), &Free).unwrap();
        for (h, parts) in parts.iter().enumerate() {
            near(parts.level, 100.0);
            near(parts.trend, 0.0);
            near(parts.season, WEEK[h % 7]);
        }
    }
    // Without a past: what differs from the mean is the season.
    let ahead = Ahead::plain(5, 0.9);
    let parts = explain(&fit, &ahead, &background(&[], 7), &Free).unwrap();
    near(parts[0].level, 105.0);
    near(parts[0].level + parts[0].trend, 103.0);
    near(parts[0].season, 2.0);
    // Without a season: all of it is trend.
    let parts = explain(&fit, &ahead, &background(&[f64::NAN, 80.0], 1), &Free).unwrap();
    near(parts[4].level, 80.0);
    near(parts[4].trend, 29.0);
    assert_eq!(parts[4].season, 0.0);
    // Beyond the last whole season it goes on by the mean change over a season, not by the last one.
    let late = Known {
        season: &[0.0, 0.0, 0.0, 0.0, 0.0, 3.0],
        ..fit
    };
    let parts = explain(&late, &Ahead::plain(6, 0.9), &background(&[], 3), &Free).unwrap();
    near(parts[4].level + parts[4].trend, 101.0);
    near(parts[5].level + parts[5].trend, 101.0 + 1.0 / 3.0);
    let parts = explain(&fit, &ahead, &background(&past, usize::MAX), &Free).unwrap();
    adds_up(&parts, &fit.forecast(&ahead, &Free).unwrap().mean);
}

#[test]
fn holidays_and_regressors_have_their_share() {
    let fit = Known {
        slope: 0.0,
        season: &WEEK,
        price: -2.0,
        holiday: -0.5,
    };
    let mut columns = vec![vec![10.0; 21], vec![0.0; 21], vec![0.0; 21]];
    columns[0][4] = 8.0;
    columns[1][5] = 1.0;
    columns[2][6] = 1.0;
    // A price of 10 and no offer are usual.
    let usual = usual_values(&[
        vec![9.0, 10.0, 10.0, 12.0, 11.0],
        vec![0.0, 1.0, 0.0, 0.0, f64::NAN],
        vec![],
    ]);
    assert_eq!(usual, [10.0, 0.0, 0.0]);
    let background = Background {
        recent: &[80.0],
        season: 7,
        usual: &usual[..2],
    };
    let ahead = Ahead {
        regressors: &columns,
        ..Ahead::plain(21, 0.9)
    };
    let parts = explain(&fit, &ahead, &background, &Free).unwrap();
    adds_up(&parts, &fit.forecast(&ahead, &Free).unwrap().mean);
    for (h, parts) in parts.iter().enumerate() {
        near(parts.level + parts.trend, 80.0);
        near(parts.season, WEEK[h % 7]);
        near(
            parts.regressors,
            [4.0, 20.0].get(h.wrapping_sub(4)).copied().unwrap_or(0.0),
        );
        // Half of what the day would have had.
        let day = 80.0 + WEEK[6];
        near(parts.holidays, if h == 6 { -0.5 * day } else { 0.0 });
        assert_eq!(parts.remainder, 0.0);
    }
    // A method that is not asked for more than it has to be.
    let asked = |columns: &[Vec<f64>]| {
        let probe = Probe::patient();
        let ahead = Ahead {
            regressors: columns,
            ..ahead
        };
        explain(&fit, &ahead, &background, &probe).unwrap();
        probe.looks()
    };
    assert_eq!(asked(&columns), 3);
    assert_eq!(asked(&[vec![10.0; 21], vec![0.0; 21], vec![0.0; 21]]), 1);
}

/// The parts of exponential smoothing are in its state.
#[test]
fn smoothing_is_taken_apart_as_its_state_says() {
    let y = oracle::series("logair");
    let params = EtsParams {
        model: EtsParams::parse_model("AAA").unwrap(),
        damped: Some(false),
    };
    let fit = smoothing(&Input::plain(&y, 12), &params, &Free).unwrap();
    let state = fit.last();
    let mean = state.season.iter().sum::<f64>() / 12.0;
    let background = Background {
        recent: &y[120..],
        season: 12,
        usual: &[],
    };
    let parts = explain(&fit, &Ahead::plain(36, 0.9), &background, &Free).unwrap();
    for (h, parts) in parts.iter().enumerate() {
        near(parts.season, state.season[h % 12] - mean);
        let line = state.level + state.trend * (h + 1) as f64 + mean;
        near(parts.level + parts.trend, line);
        near(parts.level, y[132..].iter().sum::<f64>() / 12.0);
    }
}

#[test]
fn what_became_of_a_forecast_is_the_remainder() {
    let parts = Explanation {
        level: 10.0,
        trend: -8.0,
        season: -7.5,
        ..Explanation::default()
    };
    let kept = parts.of(0.0);
    assert_eq!((kept.remainder, kept.sum()), (5.5, 0.0));
    assert_eq!(kept.of(-5.5), parts);
    // Rounding is no remainder.
    let parts = Explanation {
        level: 1e9,
        season: 0.1,
        ..Explanation::default()
    };
    assert_eq!(parts.of(1e9 + 0.1 + 1e-7).remainder, 0.0);
    assert!(parts.of(1e9 + 0.2).remainder > 0.09);
}

#[test]
fn what_is_no_number_is_not_explained() {
    let fit = Known {
        slope: f64::NAN,
        season: &WEEK,
        price: 0.0,
        holiday: 0.0,
    };
    let background = Background {
        recent: &[],
        season: 7,
        usual: &[],
    };
    let ahead = Ahead::plain(3, 0.9);
    let refused = explain(&fit, &ahead, &background, &Free);
    assert!(matches!(refused, Err(ForecastError::NoFit { .. })));
    let stopped = explain(&fit, &ahead, &background, &Probe::stopping_after(0));
    assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
}
