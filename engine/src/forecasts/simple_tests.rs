//! The simple methods against R's forecast 8.20.

use super::*;
use crate::control::Free;
use crate::forecasts::oracle;

const NAN: f64 = f64::NAN;

fn fitted(y: &[f64], season: usize, kind: SimpleKind) -> Simple {
    fit(&Input::plain(y, season), kind, &Free).unwrap()
}

fn path(y: &[f64], season: usize, kind: SimpleKind, horizon: usize) -> Path {
    let fit = fitted(y, season, kind);
    assert_eq!(fit.check(), Ok(()));
    fit.forecast(&Ahead::plain(horizon, 0.95), &Free).unwrap()
}

fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} {b}");
    }
}

#[test]
fn forecasts_and_bounds_are_those_of_r() {
    for (kind, r) in [
        (SimpleKind::Naive, "naive"),
        (SimpleKind::SeasonalNaive, "snaive"),
        (SimpleKind::Drift, "rwf_drift"),
        (SimpleKind::Mean, "meanf"),
    ] {
        for (name, series, season) in [("air", "airpassengers", 12), ("retail", "retail_daily", 7)]
        {
            let case = oracle::r(&format!("simple_{name}_{r}"));
            let expected = case.many("fc");
            let y = oracle::series(series);
            // R was given all but the last steps.
            let known = &y[..y.len() - expected.len()];
            let path = path(known, season, kind, expected.len());
            close(&path.mean, &expected);
            let (low, high) = path.bounds.unwrap();
            close(&low, &case.many("lo95"));
            close(&high, &case.many("hi95"));
        }
    }
}

#[test]
fn weekdays_have_the_mean_of_their_last_values() {
    // Ten weeks of two days; the last six of the first are 9 to 19, of the second 10 to 20.
    let y: Vec<f64> = (1..=20).map(f64::from).collect();
    let path = path(&y, 2, SimpleKind::WeekdayMean, 3);
    assert_eq!(path.mean, [14.0, 15.0, 14.0]);
    // A line that rises by 2 a week is off by 2 and 1 for each week more that is averaged, up to 7.
    let standard: f64 = (1..=9)
        .map(|week| {
            let m = f64::from(week.min(6));
            let error = m + 1.0;
            error * error / (1.0 + 1.0 / m)
        })
        .sum::<f64>()
        / 9.0;
    let reach = 1.959_963_984_540_054 * (standard * (1.0 + 1.0 / 6.0)).sqrt();
    let (low, high) = path.bounds.unwrap();
    close(&low, &[14.0 - reach, 15.0 - reach, 14.0 - reach]);
    close(&high, &[14.0 + reach, 15.0 + reach, 14.0 + reach]);
}

#[test]
fn missing_values_are_steps_unseen() {
    let walk = path(&[1.0, NAN, 3.0, 2.0, NAN, NAN], 1, SimpleKind::Naive, 2);
    assert_eq!(walk.mean, [2.0, 2.0]);
    // Changes of 2 in two steps and -1 in one: 2^2 / 2 and 1, of variance 1.5 a step; the next is the third since the last value.
    let (low, _) = walk.bounds.unwrap();
    close(
        &low,
        &[
            2.0 - 1.959_963_984_540_054 * 4.5f64.sqrt(),
            2.0 - 1.959_963_984_540_054 * 6f64.sqrt(),
        ],
    );
    let drift = path(&[NAN, 1.0, NAN, 3.0, 4.0, NAN], 1, SimpleKind::Drift, 2);
    close(&drift.mean, &[6.0, 7.0]);
    let phases = path(
        &[1.0, 2.0, 3.0, 5.0, NAN, 7.0],
        3,
        SimpleKind::SeasonalNaive,
        4,
    );
    assert_eq!(phases.mean, [5.0, 2.0, 7.0, 5.0]);
}

#[test]
fn short_series_have_an_answer() {
    let kinds = [
        SimpleKind::Naive,
        SimpleKind::SeasonalNaive,
        SimpleKind::Drift,
        SimpleKind::Mean,
        SimpleKind::WeekdayMean,
    ];
    for kind in kinds {
        let one = path(&[4.0], 7, kind, 8);
        assert_eq!((one.mean, one.bounds), (vec![4.0; 8], None), "{kind:?}");
        for none in [&[][..], &[NAN, NAN]] {
            let error = fit(&Input::plain(none, 7), kind, &Free).unwrap_err();
            assert!(matches!(error, ForecastError::Empty));
        }
        let error = fit(&Input::plain(&[1.0, f64::INFINITY], 7), kind, &Free).unwrap_err();
        assert!(matches!(error, ForecastError::Infinite));
        let same = path(&[3.0; 30], 7, kind, 3);
        assert_eq!(same.bounds, Some((vec![3.0; 3], vec![3.0; 3])), "{kind:?}");
        let huge = path(&[1e15, -1e15, 1e15, -1e15], 2, kind, 3);
        assert!(huge.mean.iter().all(|v| v.is_finite()));
        let error = fit(
            &Input::plain(&[1.0], usize::MAX),
            SimpleKind::SeasonalNaive,
            &Free,
        )
        .unwrap_err();
        assert!(matches!(error, ForecastError::Stopped(_)));
    }
    // Phases that are not known yet: the mean.
    let young = path(&[2.0, 4.0], 3, SimpleKind::SeasonalNaive, 3);
    assert_eq!(young.mean, [3.0, 2.0, 4.0]);
}

#[test]
fn taking_in_is_fitting_later() {
    let y = oracle::series("retail_daily");
    for kind in [
        SimpleKind::Naive,
        SimpleKind::SeasonalNaive,
        SimpleKind::Drift,
        SimpleKind::Mean,
        SimpleKind::WeekdayMean,
    ] {
        let mut early = fitted(&y[..100], 7, kind);
        early.append(&Input::plain(&y[100..103], 7), &Free).unwrap();
        early.append(&Input::plain(&y[103..300], 7), &Free).unwrap();
        let late = fitted(&y[..300], 7, kind);
        let ahead = Ahead::plain(20, 0.8);
        assert_eq!(
            early.forecast(&ahead, &Free).unwrap(),
            late.forecast(&ahead, &Free).unwrap()
        );
        let bytes = rmp_serde::to_vec(&late).unwrap();
        let back: Simple = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(
            back.forecast(&ahead, &Free).unwrap(),
            late.forecast(&ahead, &Free).unwrap()
        );
    }
}

#[test]
fn impossible_bytes_are_refused() {
    let sound = fitted(&[1.0, 2.0, 4.0], 2, SimpleKind::SeasonalNaive);
    let spoil: [fn(&mut Simple); 5] = [
        |s| s.next = 2,
        |s| s.phases.clear(),
        |s| s.phases[0].values[0] = NAN,
        |s| s.errors.squares = -1.0,
        |s| s.values.n = 0,
    ];
    for spoil in spoil {
        let mut bad = sound.clone();
        spoil(&mut bad);
        assert!(bad.check().is_err());
    }
}
