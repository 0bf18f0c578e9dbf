//! Theta against R's forecast 8.20 and statsforecast 2.1.1.

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::oracle;

const NAN: f64 = f64::NAN;

const STANDARD: ThetaParams = ThetaParams {
    optimised: false,
    decomposition: Decomposition::Auto,
};

fn fitted(y: &[f64], season: usize, params: &ThetaParams) -> Theta {
    fit(&Input::plain(y, season), params, &Free).unwrap()
}

fn close(got: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= relative * b.abs(), "{a} {b}");
    }
}

#[test]
fn the_standard_method_is_that_of_r() {
    for (name, series, season) in [("air", "airpassengers", 12), ("retail", "retail_daily", 7)] {
        let case = oracle::r(&format!("simple_{name}_thetaf"));
        let y = oracle::series(series);
        let expected = case.many("fc");
        let known = &y[..y.len() - expected.len()];
        let theta = fitted(known, season, &STANDARD);
        let path = theta
            .forecast(&Ahead::plain(expected.len(), 0.95), &Free)
            .unwrap();
        // R's optimiser ends within some 1e-4 of the best smoothing.
        close(&path.mean, &expected, 1e-4);
        let (low, high) = path.bounds.unwrap();
        close(&low, &case.many("lo95"), 3e-4);
        close(&high, &case.many("hi95"), 3e-4);
    }
}

/// statsforecast 2.1.1, `auto_theta(model="OTM")`: mse, forecasts at 1, 2 and 14. Its mse is the sum of the squared errors
/// from the fourth on by the mean of the deseasonalised values.
#[test]
fn the_optimised_model_is_at_least_as_good_as_statsforecast() {
    for (series, season, mse, forecasts) in [
        (
            "airpassengers",
            12,
            53.089_405_78,
            [442.942_532, 432.231_016, 459.053_579],
        ),
        (
            "retail_daily",
            7,
            1_802.344_295,
            [1_575.952_16, 1_639.976_59, 1_531.766_01],
        ),
        (
            "nile",
            1,
            2_160.521_105,
            [799.194_99, 796.481_392, 763.918_216],
        ),
        (
            "wwwusage",
            1,
            23.595_286_21,
            [220.645_424, 221.264_196, 228.689_458],
        ),
        (
            "usaccdeaths",
            12,
            537.384_288_3,
            [8_260.979_72, 7_497.586_21, 7_409.544_83],
        ),
        (
            "lynx",
            1,
            104_307.159,
            [3_391.813_6, 3_395.091_38, 3_434.424_79],
        ),
    ] {
        let y = oracle::series(series);
        let theta = fitted(&y, season, &ThetaParams::default());
        let path = theta.forecast(&Ahead::plain(14, 0.95), &Free).unwrap();
        let some = [path.mean[0], path.mean[1], path.mean[13]];
        let mut plain = y.clone();
        if let Some(season) = &theta.season {
            for (at, value) in plain.iter_mut().enumerate() {
                *value = season.without(*value, at);
            }
        }
        let n = y.len() as f64;
        let mean = plain.iter().sum::<f64>() / n;
        let ours = theta.variance * (n - 3.0) / mean;
        assert!(ours <= mse * (1.0 + 1e-9), "{series}: {ours} {mse}");
        assert!(ours > 0.999 * mse, "{series}: {ours} {mse}");
        close(&some, &forecasts, 1e-3);
    }
}

#[test]
fn a_season_is_taken_out_by_factors_or_terms() {
    let y: Vec<f64> = (0..48)
        .map(|i| f64::from(100 + i) * [0.5, 1.0, 1.5, 1.0][i as usize % 4])
        .collect();
    let theta = fitted(&y, 4, &ThetaParams::default());
    assert!(
        theta.label().ends_with("(multiplicative season)"),
        "{}",
        theta.label()
    );
    let path = theta.forecast(&Ahead::plain(5, 0.95), &Free).unwrap();
    let expected = [74.0, 149.0, 225.0, 151.0, 76.0];
    close(&path.mean, &expected, 0.02);
    let lower: Vec<f64> = y.iter().map(|v| v - 120.0).collect();
    let theta = fitted(&lower, 4, &ThetaParams::default());
    assert!(
        theta.label().ends_with("(additive season)"),
        "{}",
        theta.label()
    );
    let factors = ThetaParams {
        decomposition: Decomposition::Multiplicative,
        ..STANDARD
    };
    let error = fit(&Input::plain(&lower, 4), &factors, &Free).unwrap_err();
    assert!(matches!(error, ForecastError::NotPositive { .. }));
    // A weekday without sales is no factor.
    let week: Vec<f64> = (0..70)
        .map(|i| if i % 7 == 6 { 0.001 } else { 50.0 })
        .collect();
    assert!(
        fitted(&week, 7, &STANDARD)
            .label()
            .ends_with("(additive season)")
    );
}

#[test]
fn a_line_is_continued() {
    let y: Vec<f64> = (1..=40).map(|i| 3.0 * f64::from(i)).collect();
    let path = fitted(&y, 1, &ThetaParams::default())
        .forecast(&Ahead::plain(3, 0.9), &Free)
        .unwrap();
    close(&path.mean, &[123.0, 126.0, 129.0], 1e-6);
}

#[test]
fn poor_series_have_an_answer() {
    for params in [STANDARD, ThetaParams::default()] {
        for few in [
            &[][..],
            &[1.0, 2.0, 3.0],
            &[NAN; 20],
            &[1.0, NAN, 2.0, NAN, 3.0],
        ] {
            let error = fit(&Input::plain(few, 4), &params, &Free).unwrap_err();
            assert!(matches!(error, ForecastError::TooShort { .. }));
        }
        let path = |y: &[f64], season| {
            let theta = fitted(y, season, &params);
            let path = theta.forecast(&Ahead::plain(9, 0.99), &Free).unwrap();
            assert!(path.mean.iter().all(|v| v.is_finite()));
            path
        };
        close(&path(&[5.0; 30], 7).mean, &[5.0; 9], 1e-12);
        assert_eq!(
            path(&[0.0; 30], 7).bounds,
            Some((vec![0.0; 9], vec![0.0; 9]))
        );
        path(&[1.0, 1e15, -1e15, 7.0, 0.0, 3.0, 1e15, 2.0, 3.0], 2);
        path(&[NAN, 4.0, 5.0, NAN, 6.0, 1.0, NAN], 3);
        let infinite = fit(
            &Input::plain(&[1.0, f64::INFINITY, 2.0, 3.0, 4.0], 1),
            &params,
            &Free,
        );
        assert!(matches!(infinite, Err(ForecastError::Infinite)));
        let stopped = fit(
            &Input::plain(&[1.0; 30], 1),
            &params,
            &Probe::stopping_after(3),
        );
        assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
    }
}

#[test]
fn the_level_follows_what_came_later() {
    let y = oracle::series("retail_daily");
    for params in [STANDARD, ThetaParams::default()] {
        let ahead = Ahead::plain(9, 0.8);
        let mut early = fitted(&y[..600], 7, &params);
        let before = early.forecast(&ahead, &Free).unwrap();
        // What was forecast for one step, taken in, changes no later forecast.
        let first = [before.mean[0]];
        let mut calm = early.clone();
        calm.append(&Input::plain(&first, 7), &Free).unwrap();
        let after = calm.forecast(&ahead, &Free).unwrap();
        let tolerance = if params.optimised { 1e-9 } else { 0.01 };
        close(&after.mean[..8], &before.mean[1..], tolerance);
        let mut missing = early.clone();
        missing.append(&Input::plain(&[NAN], 7), &Free).unwrap();
        close(
            &missing.forecast(&ahead, &Free).unwrap().mean[..8],
            &before.mean[1..],
            0.01,
        );
        // By single steps or at once, and through bytes.
        let mut at_once = early.clone();
        at_once
            .append(&Input::plain(&y[600..650], 7), &Free)
            .unwrap();
        for value in &y[600..650] {
            early.append(&Input::plain(&[*value], 7), &Free).unwrap();
        }
        let path = early.forecast(&ahead, &Free).unwrap();
        assert_eq!(path, at_once.forecast(&ahead, &Free).unwrap());
        let bytes = rmp_serde::to_vec(&early).unwrap();
        let back: Theta = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(back.check(), Ok(()));
        assert_eq!(path, back.forecast(&ahead, &Free).unwrap());
        // Parameters are old, the level is not.
        let late = fitted(&y[..650], 7, &params)
            .forecast(&ahead, &Free)
            .unwrap();
        close(&path.mean, &late.mean, 0.05);
    }
}

#[test]
fn impossible_bytes_are_refused() {
    let y = oracle::series("airpassengers");
    let sound = fitted(&y, 12, &ThetaParams::default());
    let spoil: [fn(&mut Theta); 6] = [
        |t| t.alpha = 0.0,
        |t| t.omega = 2.0,
        |t| t.level = NAN,
        |t| t.variance = -1.0,
        |t| t.season.as_mut().unwrap().phases.clear(),
        |t| t.season.as_mut().unwrap().phases[3] = 0.0,
    ];
    for spoil in spoil {
        let mut bad = sound.clone();
        spoil(&mut bad);
        assert!(bad.check().is_err());
    }
}
