//! What is fitted to which series.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::control::testing::Probe;
use crate::control::{Free, Stop};
use crate::forecasts::{Ahead, Fitted, ForecastError, Input, oracle};
use crate::random::Stream;

fn params(model: &str) -> EtsParams {
    EtsParams {
        model: EtsParams::parse_model(model).unwrap(),
        damped: None,
    }
}

fn fitted(y: &[f64], season: usize, model: &str) -> Result<Ets, ForecastError> {
    fit(&Input::plain(y, season), &params(model), &Free)
}

fn forecast(ets: &Ets, horizon: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let path = ets.forecast(&Ahead::plain(horizon, 0.95), &Free).unwrap();
    let (lower, upper) = path.bounds.unwrap();
    (path.mean, lower, upper)
}

#[test]
fn a_season_has_24_steps_at_most_and_occurs_twice() {
    let y = oracle::series("airpassengers");
    let label = |n: usize, season| fitted(&y[..n], season, "ZZZ").unwrap().label();
    assert_eq!(label(144, 12), "ETS(M,A,M)");
    assert!(label(144, 25).ends_with(",N)"));
    assert!(label(23, 12).ends_with(",N)"));
    assert!(label(144, 1).ends_with(",N)") && label(144, 0).ends_with(",N)"));
    let refused = fitted(&y[..23], 12, "MAM").unwrap_err();
    assert!(matches!(
        refused,
        ForecastError::TooShort { needed: 24, .. }
    ));
    for season in [0, 1, 25, usize::MAX] {
        let refused = fitted(&y, season, "MAM").unwrap_err();
        assert!(matches!(refused, ForecastError::Range { .. }), "{refused}");
    }
    // The longest season.
    let wave: Vec<f64> = (0..120)
        .map(|i| f64::from(i % 24) + (f64::from(i) * 0.7).sin())
        .collect();
    assert!(fitted(&wave, 24, "ZZZ").unwrap().label().ends_with(",A)"));
}

#[test]
fn multiplicative_models_need_positive_values() {
    let mut y = oracle::series("airpassengers");
    y[20] = 0.0;
    let error = fitted(&y, 12, "MAM").unwrap_err();
    assert!(matches!(error, ForecastError::NotPositive { .. }));
    assert!(fitted(&y, 12, "ZZZ").unwrap().label().starts_with("ETS(A,"));
}

#[test]
fn short_series() {
    let short = |y: &[f64], model| fitted(y, 1, model).unwrap_err();
    assert!(matches!(short(&[], "ZZZ"), ForecastError::Empty));
    assert!(matches!(short(&[f64::NAN; 5], "ZZZ"), ForecastError::Empty));
    for y in [&[1.0][..], &[1.0, 2.0], &[1.0, f64::NAN, 2.0]] {
        assert!(matches!(
            short(y, "ZZZ"),
            ForecastError::TooShort { needed: 3, .. }
        ));
    }
    // Alpha 0.5 from the mean 4: 4, 2.5, 4.25, 6.125, and the error's sum of squares by hand.
    let few = fitted(&[1.0, 6.0, 5.0], 1, "ZZZ").unwrap();
    assert_eq!(few.weights().alpha, 0.5);
    let (mean, lower, _) = forecast(&few, 2);
    assert_eq!(mean, [4.625, 4.625]);
    let sigma2 = (9.0 + 12.25 + 0.75 * 0.75) / 2.0;
    assert!((few.quality().sigma2 - sigma2).abs() < 1e-12);
    assert!((lower[0] - (4.625 - 1.959_963_984_540_054 * f64::sqrt(sigma2))).abs() < 1e-9);
    let error = short(&[1.0, 6.0, 5.0, 7.0, 6.0, 8.0], "AAN");
    assert!(matches!(
        error,
        ForecastError::TooShort {
            needed: 7,
            found: 6,
            ..
        }
    ));
    for n in 3..40 {
        let y: Vec<f64> = (0..n).map(|i| f64::from(i * i % 7 + i) + 1.0).collect();
        let ets = fitted(&y, 7, "ZZZ").unwrap();
        ets.check().unwrap();
        assert!(ets.quality().aicc().is_finite() || n < 5);
    }
}

#[test]
fn series_without_noise_are_continued() {
    for value in [0.0, 5.0, -3.0, 1e15, 1e-300] {
        let mut y = [value; 30];
        y[7] = f64::NAN;
        let (mean, lower, upper) = forecast(&fitted(&y, 7, "ZZZ").unwrap(), 5);
        assert_eq!(
            (mean, lower, upper),
            (vec![value; 5], vec![value; 5], vec![value; 5])
        );
    }
    let line: Vec<f64> = (0..50).map(|i| 3.0 + 2.0 * f64::from(i)).collect();
    let (mean, lower, _) = forecast(&fitted(&line, 7, "ZZZ").unwrap(), 20);
    assert!((mean[19] - 141.0).abs() < 1e-6 && (lower[19] - 141.0).abs() < 1e-3);
    let wave: Vec<f64> = (0..49)
        .map(|i| [0.0, 2.0, 9.0, 4.0, -1.0, 7.0, 3.0][i % 7])
        .collect();
    let ets = fitted(&wave, 7, "ZZZ").unwrap();
    assert_eq!(ets.label(), "ETS(A,N,A)");
    let (mean, lower, _) = forecast(&ets, 14);
    for step in 0..14 {
        assert!((mean[step] - wave[step]).abs() < 1e-6 && (lower[step] - wave[step]).abs() < 1e-3);
    }
    // A factor a week: exactly exponential.
    let growth: Vec<f64> = (0..60).map(|i| 10.0 * 1.02_f64.powi(i)).collect();
    let (mean, _, _) = forecast(&fitted(&growth, 1, "MMN").unwrap(), 10);
    assert!(
        (mean[9] / (10.0 * 1.02_f64.powi(69)) - 1.0).abs() < 1e-4,
        "{}",
        mean[9]
    );
}

#[test]
fn holes_are_stepped_over() {
    let y = oracle::series("usaccdeaths");
    let whole = fitted(&y, 12, "ANA").unwrap();
    let mut holes = y.clone();
    for at in [3, 4, 30, 31, 32, 50, 71] {
        holes[at] = f64::NAN;
    }
    let ets = fitted(&holes, 12, "ANA").unwrap();
    assert_eq!(ets.quality().values, 65);
    let (a, b) = (forecast(&whole, 12).0, forecast(&ets, 12).0);
    for (a, b) in a.iter().zip(&b) {
        assert!((a / b - 1.0).abs() < 0.05, "{a} {b}");
    }
    // What is missing before the first value was never there.
    let late: Vec<f64> = [f64::NAN; 5].into_iter().chain(y.iter().copied()).collect();
    let after = fitted(&late, 12, "ANA").unwrap();
    assert_eq!(after.last(), whole.last());
    let means = after.one_step(&late, &Free).unwrap();
    assert!(means[4].is_nan() && means[5..] == whole.one_step(&y, &Free).unwrap()[..]);
}

#[test]
fn known_parameters_are_found_again() {
    // A long series of the model itself: level 200, alpha 0.3, season of 7 with gamma 0.1.
    let mut stream = Stream::new(5, "test", 0);
    let mnm = EtsParams::parse_model("MNM").unwrap().forms(true)[0];
    let weights = Weights {
        alpha: 0.3,
        beta: 0.0,
        gamma: 0.1,
        phi: 1.0,
    };
    let mut state = State {
        level: 200.0,
        trend: 0.0,
        season: vec![0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4],
    };
    let mut y = Vec::new();
    for _ in 0..3000 {
        let error = 0.05 * crate::forecasts::numeric::normal_quantile(stream.unit().max(1e-12));
        y.push(super::textbook::mean(mnm, &weights, &state) * (1.0 + error));
        state = super::textbook::next(mnm, &weights, &state, error);
    }
    let ets = fitted(&y, 7, "ZZZ").unwrap();
    assert_eq!(ets.label(), "ETS(M,N,M)");
    let found = ets.weights();
    assert!(
        (found.alpha - 0.3).abs() < 0.04 && (found.gamma - 0.1).abs() < 0.03,
        "{found:?}"
    );
    assert!((ets.quality().sigma2.sqrt() / 0.05 - 1.0).abs() < 0.04);
}

#[test]
fn the_same_series_gives_the_same_bytes() {
    let y = oracle::series("nottem");
    let bytes = || rmp_serde::to_vec(&fitted(&y, 12, "ZZZ").unwrap()).unwrap();
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_search_can_be_cancelled() {
    let y = oracle::series("nottem");
    let look = Probe::patient();
    fit(&Input::plain(&y, 12), &params("ZZZ"), &look).unwrap();
    let looks = look.looks();
    assert!(looks > 50, "{looks}");
    for patience in (0..looks).step_by(7) {
        let control = Probe::stopping_after(patience);
        let stopped = fit(&Input::plain(&y, 12), &params("ZZZ"), &control);
        assert!(matches!(
            stopped,
            Err(ForecastError::Stopped(Stop::Cancelled))
        ));
    }
    // A long series is looked at more than once a pass.
    let long: Vec<f64> = (0..100_000).map(|i| f64::from(i % 13) + 1.0).collect();
    let control = Probe::stopping_after(10);
    let stopped = fit(&Input::plain(&long, 1), &params("ANN"), &control);
    assert!(stopped.is_err() && control.looks() == 11);
}

/// Whatever comes, a model or an error comes back, and the model's forecasts are numbers.
#[test]
fn hostile_series() {
    let mut stream = Stream::new(9, "test", 0);
    for round in 0..90 {
        let n = 1 + stream.below(70);
        let scale = [1.0, 1e15, 1e-15, 1e-300, 1e7][round % 5];
        let kind = round / 5 % 6;
        let y: Vec<f64> = (0..n)
            .map(|i| {
                let u = stream.unit();
                let value = match kind {
                    0 => u,
                    1 => f64::from(u8::from(u > 0.9)),
                    2 => u - 0.5,
                    3 => {
                        if i == n / 2 {
                            1.0
                        } else {
                            1e-9
                        }
                    }
                    4 => {
                        if u < 0.6 {
                            f64::NAN
                        } else {
                            u
                        }
                    }
                    _ => (i as f64 * 0.02).exp() * (1.0 + 0.1 * u) / 5.0,
                };
                value * scale
            })
            .collect();
        for (season, model) in [(1, "ZZZ"), (4, "ZZZ"), (12, "MAdM"), (7, "MMM"), (3, "AAA")] {
            let Ok(mut ets) = fitted(&y, season, model) else {
                continue;
            };
            ets.check().unwrap();
            let (mean, lower, upper) = forecast(&ets, 15);
            let numbers = mean.iter().chain(&lower).chain(&upper);
            assert!(
                numbers.into_iter().all(|v| v.is_finite()),
                "{round} {model}"
            );
            let _ = ets.append(&Input::plain(&y, season), &Free);
        }
    }
    for bad in [f64::INFINITY, f64::NEG_INFINITY, 1.1e15] {
        let refused = fitted(&[1.0, 2.0, bad, 3.0, 4.0, 5.0], 1, "ZZZ");
        assert!(matches!(refused, Err(ForecastError::Infinite)));
    }
    let contradiction = EtsParams {
        damped: Some(false),
        ..params("AAdN")
    };
    let refused = fit(&Input::plain(&[1.0; 9], 1), &contradiction, &Free);
    assert!(matches!(refused, Err(ForecastError::Params(_))));
}
