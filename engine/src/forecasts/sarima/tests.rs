//! What a fit does with series of all kinds, and what a model keeps to.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::control::testing::Probe;
use crate::control::{Control, Free, Stop};
use crate::forecasts::{Ahead, Fitted, ForecastError, Input, oracle};
use crate::random::Stream;

fn model(y: &[f64], season: usize, params: &SarimaParams) -> Sarima {
    let model = fit(&Input::plain(y, season), params, &Free).unwrap();
    model.check().unwrap();
    model
}

fn path(model: &Sarima, horizon: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let path = model.forecast(&Ahead::plain(horizon, 0.9), &Free).unwrap();
    let (lower, upper) = path.bounds.unwrap();
    (path.mean, lower, upper)
}

fn near(a: &[f64], b: &[f64], by: f64) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= by * y.abs().max(1.0), "{x} {y}");
    }
}

#[test]
fn orders_are_those_of_r_or_better() {
    for (case, series, season) in [
        ("auto_air", "airpassengers", 12),
        ("auto_logair", "logair", 12),
        ("auto_usacc", "usaccdeaths", 12),
        ("auto_www", "wwwusage", 1),
        ("auto_nile", "nile", 1),
        ("auto_lakehuron", "lakehuron", 1),
        ("auto_lh", "lh", 1),
        ("auto_nottem", "nottem", 12),
        ("auto_loglynx", "lynx", 1),
        ("auto_retail7", "retail_daily", 7),
    ] {
        let mut y = oracle::series(series);
        if series == "lynx" {
            y.iter_mut().for_each(|v| *v = v.log10());
        }
        let r = oracle::r(case);
        // p, q, P, Q, season, d, D
        let theirs = r.many("arma");
        let ours = model(&y, season, &SarimaParams::default());
        let ([p, d, q], [sp, sd, sq]) = (ours.order(), ours.seasonal_order());
        // Criteria can be compared as the differences are the same.
        assert_eq!([d as f64, sd as f64], theirs[5..], "{case}");
        let same = [p, q, sp, sq].map(|o| o as f64) == theirs[..4];
        // R's wide prior moves its criterion by up to 0.0065 on these.
        let better = ours.aicc() < r.one("aicc") + 1e-2;
        assert!(better, "{case}: {} {}", ours.label(), ours.aicc());
        assert!(
            same || ours.aicc() < r.one("aicc") - 0.1,
            "{case}: {}",
            ours.label()
        );
    }
}

/// An ARIMA(1,1,1) with a season, and holes.
fn with_holes(holes: &[usize]) -> Vec<f64> {
    let mut y = oracle::series("airpassengers");
    y.iter_mut().for_each(|v| *v = v.ln());
    for at in holes {
        y[*at] = f64::NAN;
    }
    y
}

#[test]
fn appended_values_move_the_state_as_if_they_had_been_there() {
    let promo = oracle::columns("retail_promo");
    let holes = with_holes(&[3, 20, 21, 110, 140]);
    type Case<'a> = (&'a [f64], &'a [Vec<f64>], usize, SarimaParams);
    let cases: [Case; 4] = [
        (
            &promo[0],
            &promo[1..],
            7,
            SarimaParams::of([1, 1, 1], [0, 1, 1]),
        ),
        (&promo[0], &[], 7, SarimaParams::of([2, 0, 1], [1, 0, 0])),
        (&holes, &[], 12, SarimaParams::of([0, 1, 1], [0, 1, 1])),
        (
            &holes,
            &[],
            12,
            SarimaParams {
                drift: Some(true),
                ..SarimaParams::of([1, 1, 0], [0; 3])
            },
        ),
    ];
    for (y, regressors, season, params) in cases {
        let cut = y.len() - 30;
        let part = |from: usize, to: usize| -> Vec<Vec<f64>> {
            regressors.iter().map(|x| x[from..to].to_vec()).collect()
        };
        let (before, after) = (part(0, cut), part(cut, y.len()));
        let input = |y, regressors| Input {
            regressors,
            ..Input::plain(y, season)
        };
        let mut grown = fit(&input(&y[..cut], &before), &params, &Free).unwrap();
        // One at a time, then the rest at once.
        let one: Vec<Vec<f64>> = after.iter().map(|x| x[..1].to_vec()).collect();
        let rest: Vec<Vec<f64>> = after.iter().map(|x| x[1..].to_vec()).collect();
        grown.append(&input(&y[cut..=cut], &one), &Free).unwrap();
        grown.append(&input(&y[cut + 1..], &rest), &Free).unwrap();
        grown.check().unwrap();
        // The whole series through a filter with the same coefficients.
        let whole = grown.settled(y, regressors).unwrap();
        near(&grown.state, &whole.state, 1e-9);
        near(&grown.covariance, &whole.covariance, 1e-9);
        assert_eq!(
            (grown.steps, grown.whole_for),
            (whole.steps, whole.whole_for)
        );
    }
}

#[test]
fn a_model_survives_its_bytes() {
    let y = with_holes(&[143]);
    let before = model(&y, 12, &SarimaParams::of([0, 1, 1], [0, 1, 1]));
    let bytes = rmp_serde::to_vec(&before).unwrap();
    let after: Sarima = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(before, after);
    assert_eq!(path(&before, 9), path(&after, 9));
}

#[test]
fn hostile_models_are_refused() {
    let good = model(
        &with_holes(&[]),
        12,
        &SarimaParams::of([1, 1, 1], [0, 1, 1]),
    );
    let refused = |change: &dyn Fn(&mut Sarima)| {
        let mut model = good.clone();
        change(&mut model);
        model.check().unwrap_err();
    };
    refused(&|m| m.orders.p = 2);
    refused(&|m| m.orders.season = 0);
    refused(&|m| m.orders.season = 1);
    refused(&|m| m.orders.season = usize::MAX);
    refused(&|m| m.orders.seasonal_d = usize::MAX);
    refused(&|m| m.orders.d = 0);
    refused(&|m| m.regressors = 1);
    refused(&|m| m.regressors = usize::MAX);
    refused(&|m| m.terms.drift = true);
    refused(&|m| m.coefficients[0] = f64::NAN);
    refused(&|m| m.coefficients[0] = 1.2);
    refused(&|m| m.coefficients.truncate(m.coefficients.len() - 1));
    refused(&|m| m.errors = Some(vec![1.0]));
    refused(&|m| m.variance = -1.0);
    refused(&|m| m.variance = f64::INFINITY);
    refused(&|m| m.state[3] = f64::INFINITY);
    refused(&|m| m.state.truncate(5));
    refused(&|m| m.covariance.push(0.0));
    refused(&|m| m.covariance[0] = -1.0);
    refused(&|m| m.whole_for = 0);
    // What passes does not fail.
    let mut odd = good.clone();
    odd.steps = usize::MAX;
    odd.whole_for = usize::MAX;
    odd.used = 0;
    odd.check().unwrap();
    let _ = odd.append(&Input::plain(&[1.0, f64::NAN], 12), &Free);
    let _ = odd.forecast(&Ahead::plain(3, 0.5), &Free);
    assert!(odd.label().starts_with("SARIMA(1,1,1)(0,1,1)[12]"));
}

#[test]
fn wrong_input_is_refused() {
    let y = oracle::series("nile");
    let refused = |y: &[f64], regressors: &[Vec<f64>], params: &SarimaParams| {
        let input = Input {
            regressors,
            ..Input::plain(y, 1)
        };
        fit(&input, params, &Free).unwrap_err()
    };
    let auto = SarimaParams::default();
    let given = SarimaParams::of([1, 0, 0], [0; 3]);
    assert!(matches!(refused(&[], &[], &auto), ForecastError::Empty));
    assert!(matches!(
        refused(&[f64::NAN; 5], &[], &given),
        ForecastError::Empty
    ));
    for y in [&[3.0][..], &[3.0, f64::NAN, 4.0]] {
        assert!(matches!(
            refused(y, &[], &auto),
            ForecastError::TooShort { needed: 3, .. }
        ));
    }
    assert!(matches!(
        refused(&y[..4], &[], &SarimaParams::of([2, 1, 2], [0; 3])),
        ForecastError::TooShort {
            needed: 7,
            found: 4,
            ..
        }
    ));
    assert!(matches!(
        refused(&[1.0, f64::INFINITY, 2.0], &[], &auto),
        ForecastError::Infinite
    ));
    assert!(matches!(
        refused(&[1.0, 1e16, 2.0], &[], &auto),
        ForecastError::Infinite
    ));
    let line: Vec<f64> = (0..y.len()).map(|i| i as f64).collect();
    let flat = vec![2.0; y.len()];
    let steep: Vec<f64> = line.iter().map(|v| 5.0 - 3.0 * v).collect();
    for (regressors, name) in [
        (vec![flat], "x1"),
        (vec![line.clone(), steep], "x2"),
        (vec![vec![f64::NAN; y.len()]], "x1"),
        (vec![vec![0.0; y.len()]], "x1"),
    ] {
        for params in [&auto, &given] {
            let error = refused(&y, &regressors, params);
            assert!(
                matches!(&error, ForecastError::Regressor { name: n, .. } if n == name),
                "{error}"
            );
        }
    }
    assert!(matches!(
        refused(&y, &[line[1..].to_vec()], &auto),
        ForecastError::Shape { .. }
    ));
    // A trend and a drift are the same; where it may, the search does without the drift.
    let input = |y| Input {
        regressors: std::slice::from_ref(&line),
        ..Input::plain(y, 1)
    };
    let with_drift = SarimaParams {
        drift: Some(true),
        ..SarimaParams::of([0, 1, 1], [0; 3])
    };
    assert!(matches!(
        fit(&input(&y), &with_drift, &Free).unwrap_err(),
        ForecastError::Regressor { .. }
    ));
    let found = fit(&input(&y), &auto, &Free).unwrap();
    let short = Ahead {
        regressors: &[vec![1.0; 2]],
        ..Ahead::plain(3, 0.9)
    };
    assert!(matches!(
        found.forecast(&short, &Free).unwrap_err(),
        ForecastError::Shape {
            found: 2,
            wanted: 3,
            ..
        }
    ));
    assert!(found.forecast(&Ahead::plain(3, 0.9), &Free).is_err());
    assert!(
        found
            .clone()
            .append(&Input::plain(&[3.0], 1), &Free)
            .is_err()
    );
}

#[test]
fn params_are_verified() {
    let wrong = |season: usize, change: &dyn Fn(&mut SarimaParams)| {
        let mut params = SarimaParams::default();
        change(&mut params);
        params.check(season).unwrap_err().to_string()
    };
    assert!(wrong(1, &|p| p.order = Some([11, 0, 0])).contains("order"));
    assert!(wrong(1, &|p| p.order = Some([0, 3, 0])).contains("order"));
    assert!(wrong(7, &|p| p.seasonal_order = Some([0, 0, 4])).contains("seasonal_order"));
    assert!(wrong(201, &|p| p.seasonal_order = Some([0, 0, 2])).contains("400 steps"));
    assert!(wrong(usize::MAX, &|p| p.seasonal_order = Some([1, 0, 0])).contains("400 steps"));
    assert!(wrong(7, &|p| p.max_seasonal_q = 4).contains("max_Q"));
    let twice = |p: &mut SarimaParams| {
        p.order = Some([0, 1, 1]);
        p.seasonal_order = Some([0, 1, 1]);
    };
    assert!(
        wrong(7, &|p| {
            twice(p);
            p.drift = Some(true)
        })
        .contains("drift")
    );
    assert!(
        wrong(7, &|p| {
            twice(p);
            p.mean = Some(true)
        })
        .contains("mean")
    );
    SarimaParams::default().check(0).unwrap();
    let seasonal = SarimaParams::of([1, 0, 0], [1, 0, 0]);
    // Where the season is not known yet, the fit finds out.
    seasonal.check(1).unwrap();
    let error = fit(&Input::plain(&oracle::series("nile"), 1), &seasonal, &Free).unwrap_err();
    assert!(matches!(error, ForecastError::Params(_)), "{error}");
}

#[test]
fn odd_series_have_sensible_answers() {
    let auto = SarimaParams::default();
    let zeros = model(&[0.0; 30], 7, &auto);
    let (mean, lower, upper) = path(&zeros, 14);
    near(&mean, &[0.0; 14], 0.0);
    assert!(lower.iter().chain(&upper).all(|v| v.abs() < 1e-9));
    let constant = model(&[5.0; 40], 7, &auto);
    assert_eq!(constant.label(), "ARIMA(0,0,0) with mean");
    near(&path(&constant, 3).0, &[5.0; 3], 1e-12);
    let line: Vec<f64> = (0..50).map(|i| 3.0 + 0.1 * f64::from(i)).collect();
    let line = model(&line, 7, &auto);
    assert_eq!(line.label(), "ARIMA(0,1,0) with drift");
    near(&path(&line, 2).0, &[8.0, 8.1], 1e-9);
    let week: Vec<f64> = (0..70)
        .map(|i| f64::from([5, 1, 9, 1, 4, 4, 0][i % 7]))
        .collect();
    let week = model(&week, 7, &auto);
    assert_eq!(week.label(), "SARIMA(0,0,0)(0,1,0)[7]");
    near(
        &path(&week, 7).0,
        &[5.0, 1.0, 9.0, 1.0, 4.0, 4.0, 0.0],
        1e-9,
    );
    // Models with given orders, on series that do not determine them.
    for y in [vec![0.0; 30], vec![5.0; 30], vec![-1e15; 30]] {
        let (mean, ..) = path(&model(&y, 7, &SarimaParams::of([1, 1, 1], [0, 1, 1])), 3);
        near(&mean, &y[..3], 1e-6);
    }
    let mut stream = Stream::new(1, "sarima test", 0);
    for n in (3..12).chain([17, 24, 39]) {
        for kind in 0..5 {
            let y: Vec<f64> = (0..n)
                .map(|t| {
                    let u = stream.unit();
                    match kind {
                        0 => u,
                        1 => 1e15 * (u - 0.5),
                        2 => f64::from(u8::from(u > 0.8)),
                        3 if u > 0.5 && t > 2 => f64::NAN,
                        3 => u + t as f64,
                        _ => 1e-12 * u + 1e3,
                    }
                })
                .collect();
            for season in [1, 4, 1000] {
                match fit(&Input::plain(&y, season), &auto, &Free) {
                    Ok(model) => {
                        model.check().unwrap();
                        let (mean, lower, upper) = path(&model, 5);
                        let all = mean.iter().chain(&lower).chain(&upper);
                        assert!(
                            all.into_iter().all(|v| v.is_finite()),
                            "{n} {kind} {season}"
                        );
                    }
                    Err(error) => assert!(matches!(
                        error,
                        ForecastError::TooShort { .. } | ForecastError::NoFit { .. }
                    )),
                }
            }
        }
    }
}

#[test]
fn missing_values_are_stepped_over() {
    // Leading ones change nothing, trailing ones are forecast.
    let y = oracle::series("nile");
    let params = SarimaParams::of([1, 1, 1], [0; 3]);
    let plain = model(&y, 1, &params);
    let padded = [vec![f64::NAN; 3], y.clone(), vec![f64::NAN; 2]].concat();
    let padded = model(&padded, 1, &params);
    near(&[padded.log_likelihood()], &[plain.log_likelihood()], 1e-9);
    let (mean, lower, upper) = path(&plain, 5);
    let later = path(&padded, 3);
    near(&later.0, &mean[2..], 1e-5);
    near(&later.1, &lower[2..], 1e-5);
    near(&later.2, &upper[2..], 1e-5);
    // A shop that never opens on one weekday, on a grid of all days.
    let mut week = oracle::series("retail_daily");
    for at in (5..week.len()).step_by(7) {
        week[at] = f64::NAN;
    }
    let closed = model(&week, 7, &SarimaParams::default());
    let (mean, ..) = path(&closed, 28);
    assert!(mean.iter().all(|v| (500.0..3000.0).contains(v)), "{mean:?}");
    // A hole of a few values in a season costs little.
    let whole = model(
        &with_holes(&[]),
        12,
        &SarimaParams::of([0, 1, 1], [0, 1, 1]),
    );
    let holes = model(
        &with_holes(&[5, 70, 71, 120]),
        12,
        &SarimaParams::of([0, 1, 1], [0, 1, 1]),
    );
    assert_eq!(holes.used(), whole.used() - 4);
    near(&path(&holes, 24).0, &path(&whole, 24).0, 0.01);
}

#[test]
fn fits_are_the_same_every_time_and_can_be_stopped() {
    let y = oracle::series("retail_daily");
    let input = Input::plain(&y[..200], 7);
    let auto = SarimaParams::default();
    let probe = Probe::patient();
    let first = fit(&input, &auto, &probe).unwrap();
    assert_eq!(first, fit(&input, &auto, &Free).unwrap());
    assert_eq!(probe.held_bytes(), 0);
    let looks = probe.looks();
    assert!(looks > 1000, "{looks}");
    for patience in [0, 1, 20, looks / 2, looks - 1] {
        let stopped = fit(&input, &auto, &Probe::stopping_after(patience)).unwrap_err();
        assert!(matches!(stopped, ForecastError::Stopped(Stop::Cancelled)));
    }
    let poor = Probe::patient().granting(1000);
    let error = fit(&input, &auto, &poor).unwrap_err();
    assert!(
        matches!(error, ForecastError::Stopped(Stop::Memory { .. })),
        "{error}"
    );
    let stopped = first.forecast(&Ahead::plain(3, 0.5), &Probe::stopping_after(0));
    assert!(matches!(
        stopped,
        Err(ForecastError::Stopped(Stop::Cancelled))
    ));
    let mut first = first;
    let newer = Input::plain(&[1.0], 7);
    assert!(first.append(&newer, &Probe::stopping_after(0)).is_err());
    assert!(Free.check().is_ok());
}

#[test]
fn nothing_after_the_end_is_looked_at() {
    let y = oracle::series("retail_daily");
    let auto = SarimaParams::default();
    let mut hidden = y.clone();
    hidden[150..].fill(1e9);
    let seen = |y: &[f64]| fit(&Input::plain(&y[..150], 7), &auto, &Free).unwrap();
    assert_eq!(seen(&y), seen(&hidden));
}

#[test]
fn names_and_labels_are_rs() {
    let y = oracle::series("airpassengers");
    let x: Vec<f64> = (0..y.len()).map(|i| (i as f64).sin()).collect();
    let input = Input {
        regressors: &[x],
        ..Input::plain(&y, 12)
    };
    let params = SarimaParams {
        drift: Some(true),
        ..SarimaParams::of([1, 0, 1], [1, 1, 1])
    };
    let model = fit(&input, &params, &Free).unwrap();
    assert_eq!(model.label(), "SARIMAX(1,0,1)(1,1,1)[12] with drift");
    let names: Vec<String> = model.coefficients().into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["ar1", "ma1", "sar1", "sma1", "drift", "x1"]);
    assert_eq!(model.standard_errors().unwrap().len(), 6);
}
