//! Intermittent demand against R's forecast 8.20 and statsforecast 2.1.1.

use super::*;
use crate::control::Free;
use crate::forecasts::oracle;

const NAN: f64 = f64::NAN;

const KINDS: [IntermittentKind; 3] = [
    IntermittentKind::Croston,
    IntermittentKind::Sba,
    IntermittentKind::Tsb,
];

fn fitted(y: &[f64], kind: IntermittentKind, alpha: Option<f64>) -> Intermittent {
    let params = IntermittentParams { kind, alpha };
    fit(&Input::plain(y, 1), &params, &Free).unwrap()
}

fn rate(y: &[f64], kind: IntermittentKind, alpha: f64) -> f64 {
    let fit = fitted(y, kind, Some(alpha));
    assert_eq!(fit.check(), Ok(()));
    let path = fit.forecast(&Ahead::plain(3, 0.9), &Free).unwrap();
    assert_eq!((path.mean[2], path.bounds), (path.mean[0], None));
    path.mean[0]
}

#[test]
fn forecasts_are_those_of_others() {
    let y = oracle::series("intermittent");
    let r = oracle::r("croston_a01").many("fc")[0];
    assert!((rate(&y, IntermittentKind::Croston, 0.1) - r).abs() < 1e-10);
    // statsforecast: CrostonSBA(), TSB(0.1, 0.1), TSB(0.2, 0.2)
    for (kind, alpha, expected) in [
        (IntermittentKind::Sba, 0.1, 1.469_351_209_438_2),
        (IntermittentKind::Tsb, 0.1, 2.248_420_447_611_3),
        (IntermittentKind::Tsb, 0.2, 2.794_337_778_783_2),
    ] {
        assert!((rate(&y, kind, alpha) - expected).abs() < 1e-10, "{kind:?}");
    }
}

#[test]
fn by_hand() {
    // Sizes 4 and 8, intervals 2 and 3; then nothing for two steps.
    let y = [0.0, 4.0, 0.0, 0.0, 8.0, 0.0, 0.0];
    assert!((rate(&y, IntermittentKind::Croston, 0.5) - 6.0 / 2.5).abs() < 1e-12);
    assert!((rate(&y, IntermittentKind::Sba, 0.5) - 0.75 * 6.0 / 2.5).abs() < 1e-12);
    // Probabilities 0, .5, .25, .125, .5625, .28125, .140625
    assert!((rate(&y, IntermittentKind::Tsb, 0.5) - 6.0 * 0.140_625).abs() < 1e-12);
    // Missing values are no steps, and returns no demand.
    let holes = [0.0, NAN, 4.0, -3.0, 0.0, NAN, NAN, 8.0, 0.0, 0.0];
    for kind in KINDS {
        assert_eq!(rate(&holes, kind, 0.5), rate(&y, kind, 0.5));
    }
}

#[test]
fn the_smoothing_is_chosen_by_its_errors() {
    // Demand that ends: the probability has to follow fast.
    let y: Vec<f64> = (0..60)
        .map(|i| if i < 40 && i % 2 == 0 { 5.0 } else { 0.0 })
        .collect();
    let mut level: Vec<f64> = vec![3.0, 0.0, 3.0, 0.0];
    level.extend((0..80).map(|i| if i % 2 == 0 { 9.0 } else { 0.0 }));
    let squares = |y: &[f64], kind, alpha| follow(y, kind, alpha, &Free).unwrap().1;
    for (y, kind) in [
        (&y, IntermittentKind::Tsb),
        (&level, IntermittentKind::Croston),
    ] {
        let best = fitted(y, kind, None).alpha();
        assert!(squares(y, kind, best) < squares(y, kind, 0.1));
        for hundredths in 2..=30 {
            assert!(squares(y, kind, best) <= squares(y, kind, f64::from(hundredths) / 100.0));
        }
    }
}

#[test]
fn poor_series_have_an_answer() {
    for kind in KINDS {
        assert_eq!(rate(&[0.0; 9], kind, 0.1), 0.0);
        assert_eq!(rate(&[-1.0, 0.0], kind, 0.1), 0.0);
        assert_eq!(
            rate(&[NAN, 1e15], kind, 1.0),
            if kind == IntermittentKind::Sba {
                5e14
            } else {
                1e15
            }
        );
        let params = IntermittentParams { kind, alpha: None };
        for none in [&[][..], &[NAN, NAN]] {
            let error = fit(&Input::plain(none, 1), &params, &Free).unwrap_err();
            assert!(matches!(error, ForecastError::Empty));
        }
        assert!(matches!(
            fit(&Input::plain(&[f64::INFINITY], 1), &params, &Free),
            Err(ForecastError::Infinite)
        ));
        for alpha in [0.0, 1.1, NAN] {
            let params = IntermittentParams {
                kind,
                alpha: Some(alpha),
            };
            let error = fit(&Input::plain(&[1.0], 1), &params, &Free).unwrap_err();
            assert!(matches!(error, ForecastError::Range { .. }));
        }
    }
}

#[test]
fn taking_in_is_fitting_later() {
    let y = oracle::series("intermittent");
    for kind in KINDS {
        let mut early = fitted(&y[..50], kind, Some(0.1));
        early.append(&Input::plain(&y[50..51], 1), &Free).unwrap();
        early.append(&Input::plain(&y[51..], 1), &Free).unwrap();
        let bytes = rmp_serde::to_vec(&early).unwrap();
        let back: Intermittent = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(back.check(), Ok(()));
        assert_eq!(back.rate(), fitted(&y, kind, Some(0.1)).rate());
        let spoil: [fn(&mut Intermittent); 4] = [
            |i| i.alpha = 0.0,
            |i| i.size = NAN,
            |i| i.interval = 0.0,
            |i| i.probability = 1.5,
        ];
        for spoil in spoil {
            let mut bad = back;
            spoil(&mut bad);
            assert!(bad.check().is_err());
        }
    }
}

#[test]
fn demand_is_classified() {
    let class = |y: &[f64]| classify(y).map(|d| d.class);
    assert_eq!(class(&[5.0, 6.0, 5.0, 4.0]), Some(DemandClass::Smooth));
    assert_eq!(class(&[1.0, 9.0, 1.0, 20.0]), Some(DemandClass::Erratic));
    assert_eq!(
        class(&[5.0, 0.0, 6.0, 0.0, 5.0, 0.0]),
        Some(DemandClass::Intermittent)
    );
    assert_eq!(
        class(&[1.0, 0.0, 20.0, 0.0, 1.0, 0.0]),
        Some(DemandClass::Lumpy)
    );
    assert_eq!(classify(&[0.0, -2.0, NAN]), None);
    assert_eq!(classify(&[]), None);
    // Sizes 1 and 3: mean 2, variance 2; five steps with a value that is no return.
    let demand = classify(&[1.0, 0.0, NAN, 3.0, 0.0, -4.0, 0.0]).unwrap();
    assert_eq!((demand.adi, demand.cv2), (2.5, 0.5));
    assert!(is_intermittent(&oracle::series("intermittent")));
    assert!(!is_intermittent(&oracle::series("retail_daily")));
    assert!(!is_intermittent(&[0.0; 9]));
}
