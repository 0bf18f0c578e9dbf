//! STL against R 4.2.2's `stl()`.

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::oracle;

fn close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (at, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{at}: {a} {b}");
    }
}

#[test]
fn parts_are_those_of_r() {
    let case = oracle::r("stl_logair_periodic");
    let y = oracle::series("logair");
    let parts = stl(&y, 12, &StlParams::default(), &Free).unwrap();
    close(&parts.trend, &case.many("trend"), 1e-10);
    close(&parts.seasonal, &case.many("seasonal"), 1e-10);
    close(&parts.remainder, &case.many("remainder"), 1e-10);
    let case = oracle::r("stl_retail7_s13_robust");
    let y = oracle::series("retail_daily");
    let parts = stl(&y, 7, &StlParams::window(13).robust(), &Free).unwrap();
    // With an even number of values R's partial sort is asked for two places in descending order and now and then gives
    // another value than the median: here in rounds 7 and 11 of 16, where its weights imply a scale of 25.2 and 117 instead
    // of 24.5 and 24.0. So its parts are a little off, and exact once the last value is left out.
    close(&parts.trend, &case.many("trend"), 15.0);
    close(&parts.seasonal, &case.many("seasonal"), 15.0);
    let parts = stl(&y[..729], 7, &StlParams::window(13).robust(), &Free).unwrap();
    let places = [0, 99, 364, 599, 728];
    let r = [
        924.670_747_162,
        1_165.856_148_88,
        1_277.279_236_42,
        1_367.084_036_12,
        1_614.147_984_79,
    ];
    close(&places.map(|p| parts.trend[p]), &r, 1e-8);
    let r = [
        -115.692_971_118,
        -90.442_774_006_8,
        -94.997_242_304_5,
        57.672_346_818,
        -94.577_022_313_2,
    ];
    close(&places.map(|p| parts.seasonal[p]), &r, 1e-8);
    // R: stl(ts(air[1:143], frequency = 12), s.window = 7, t.window = 21, l.window = 15, robust = TRUE)
    let params = StlParams {
        seasonal: Some(7),
        trend: Some(21),
        low_pass: Some(15),
        robust: true,
    };
    let parts = stl(&oracle::series("airpassengers")[..143], 12, &params, &Free).unwrap();
    let some = |values: &[f64], places: [usize; 3]| places.map(|p| values[p]);
    close(
        &some(&parts.seasonal, [0, 59, 142]),
        &[-13.48280014, -23.6698208, -74.10428893],
        1e-7,
    );
    close(
        &some(&parts.trend, [0, 59, 142]),
        &[123.1400938, 228.2554346, 495.7803941],
        1e-6,
    );
    // R: stl(ts(z, frequency = 364), "periodic"): two seasons and two days
    let parts = stl(&y, 364, &StlParams::default(), &Free).unwrap();
    close(
        &some(&parts.seasonal, [0, 299, 729]),
        &[-88.161_268_46, 154.380_084_3, -54.681_513_96],
        1e-6,
    );
    close(
        &some(&parts.trend, [0, 299, 729]),
        &[1_042.320_359, 1_233.751_637, 1_536.758_056],
        1e-5,
    );
}

#[test]
fn huge_values_stay_finite() {
    // R: stl(ts(y, frequency = 2), s.window = 7)
    let y = [1e15, -3.0, 5.0, 2.0, 1e15, -3.0, 5.0, 1.0, 2.0];
    let parts = stl(&y, 2, &StlParams::window(7), &Free).unwrap();
    let first = [2.423_039_721e14, -2.386_519_912e14, 2.345_130_849e14];
    close(&parts.seasonal[..3], &first, 1e6);
    let sum = parts.trend[4] + parts.seasonal[4] + parts.remainder[4];
    assert!((sum - 1e15).abs() <= 1.0);
}

#[test]
fn missing_values_are_filled() {
    let whole: Vec<f64> = (0..120)
        .map(|i| f64::from(i) * 0.5 + [4.0, -1.0, 2.0, -5.0][i as usize % 4])
        .collect();
    let mut holes = whole.clone();
    for at in [0, 17, 50, 51, 52, 53, 54, 119] {
        holes[at] = f64::NAN;
    }
    for params in [StlParams::default(), StlParams::window(7).robust()] {
        let parts = stl(&holes, 4, &params, &Free).unwrap();
        let (mut worst, mut sum) = (0.0f64, 0.0f64);
        for (at, value) in whole.iter().enumerate() {
            let fit = parts.trend[at] + parts.seasonal[at];
            worst = worst.max((fit - value).abs());
            sum += (fit - value).abs();
            assert_eq!(parts.remainder[at].is_nan(), holes[at].is_nan());
        }
        assert!(worst < 1.5 && sum / 120.0 < 0.12, "{worst} {sum}");
    }
    // A phase that never has a value is on the line of its neighbours.
    let mut phase = whole;
    phase
        .iter_mut()
        .skip(1)
        .step_by(4)
        .for_each(|v| *v = f64::NAN);
    let parts = stl(&phase, 4, &StlParams::default(), &Free).unwrap();
    assert!(
        parts
            .trend
            .iter()
            .chain(&parts.seasonal)
            .all(|v| v.is_finite())
    );
}

#[test]
fn an_outlier_moves_a_robust_fit_little() {
    let y: Vec<f64> = (0..84)
        .map(|i| f64::from(i % 7) * 3.0 + if i == 40 { 500.0 } else { 0.0 })
        .collect();
    let season_at = |params: StlParams| stl(&y, 7, &params, &Free).unwrap().seasonal[40];
    let clean = f64::from(40 % 7) * 3.0 - 9.0;
    assert!((season_at(StlParams::default().robust()) - clean).abs() < 0.5);
    assert!((season_at(StlParams::default()) - clean).abs() > 10.0);
}

#[test]
fn what_is_refused() {
    let y: Vec<f64> = (0..20).map(f64::from).collect();
    let refuse = |y: &[f64], period, params: StlParams| stl(y, period, &params, &Free).unwrap_err();
    let plain = StlParams::default();
    assert!(matches!(refuse(&y, 1, plain), ForecastError::Range { .. }));
    assert!(matches!(
        refuse(&y, usize::MAX, plain),
        ForecastError::Range { .. }
    ));
    assert!(matches!(
        refuse(&y, 4, StlParams::window(1)),
        ForecastError::Range { .. }
    ));
    assert!(matches!(
        refuse(&y, 10, plain),
        ForecastError::TooShort {
            needed: 21,
            found: 20,
            ..
        }
    ));
    assert!(matches!(
        refuse(&[], 2, plain),
        ForecastError::TooShort { .. }
    ));
    assert!(matches!(
        refuse(&[f64::NAN; 9], 2, plain),
        ForecastError::Empty
    ));
    assert!(matches!(
        refuse(&[1.0, f64::INFINITY, 2.0, 1.0, 5.0], 2, plain),
        ForecastError::Infinite
    ));
    // A constant is all trend.
    let parts = stl(&[7.0; 30], 7, &plain.robust(), &Free).unwrap();
    close(&parts.trend, &[7.0; 30], 1e-12);
    close(&parts.seasonal, &[0.0; 30], 1e-12);
}

#[test]
fn it_can_be_stopped() {
    let y: Vec<f64> = (0..20_000).map(|i| f64::from(i % 7)).collect();
    let patient = Probe::patient();
    stl(&y, 7, &StlParams::window(7).robust(), &patient).unwrap();
    assert!(patient.looks() > 20, "{}", patient.looks());
    let error = stl(&y, 7, &StlParams::default(), &Probe::stopping_after(2)).unwrap_err();
    assert!(matches!(error, ForecastError::Stopped(_)));
    let short = Probe::patient().granting(1000);
    let error = stl(&y, 7, &StlParams::default(), &short).unwrap_err();
    assert!(matches!(error, ForecastError::Stopped(_)));
}
