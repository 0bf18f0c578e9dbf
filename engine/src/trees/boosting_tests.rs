#![allow(clippy::unwrap_used)]

use super::super::testing::{
    Oracle, assert_close, binned, customers, numbers, same_for_all_threads, scores,
};
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use ndarray::Array2;
use serde_json::Value;

fn params(case: &Value) -> BoostingParams {
    let params = &case["params"];
    let number = |key: &str| params[key].as_f64().unwrap();
    BoostingParams {
        n_estimators: 10,
        max_depth: number("max_depth") as u32,
        learning_rate: number("eta"),
        reg_lambda: number("reg_lambda"),
        reg_alpha: number("reg_alpha"),
        min_child_weight: number("min_child_weight"),
        gamma: number("gamma"),
        objective: if params["objective"] == "binary:logistic" {
            Objective::Logistic
        } else {
            Objective::Squared
        },
        ..BoostingParams::default()
    }
}

#[test]
fn predictions_contributions_and_gains_are_those_of_xgboost() {
    let oracle = Oracle::read();
    let x = oracle.matrix("x");
    for case in oracle.cases("boosted") {
        let params = params(case);
        let (y, tolerance) = match params.objective {
            Objective::Logistic => (oracle.vector("label"), 1e-5),
            Objective::Squared => (oracle.vector("target"), 1e-4),
        };
        let weights = oracle.weights(case);
        let model = fit(&binned(&x), &y, weights.as_deref(), &params, 1, &Free).unwrap();
        assert_close(&scores(&model, &x), &numbers(&case["raw"]), tolerance);
        let mut gains = numbers(&case["gain"]);
        let total: f64 = gains.iter().sum();
        gains.iter_mut().for_each(|g| *g /= total);
        assert_close(&model.gain_importance(), &gains, 1e-5);
        let explained = case["contributions"].as_array();
        for (row, expected) in x.rows().into_iter().zip(explained.into_iter().flatten()) {
            let (base, mut got) = model.shap(&row.to_vec());
            got.push(base);
            assert_close(&got, &numbers(expected), 1e-5);
        }
    }
}

fn sampled() -> BoostingParams {
    BoostingParams {
        n_estimators: 20,
        subsample: 0.7,
        colsample_bytree: 0.6,
        ..BoostingParams::default()
    }
}

fn customers_to_boost(rows: usize) -> (Array2<f64>, Vec<f64>) {
    let (x, y) = customers(rows);
    (x, y.iter().map(|y| f64::from(u8::from(*y))).collect())
}

#[test]
fn threads_do_not_matter() {
    // More rows than one task sums up.
    let (x, y) = customers_to_boost(100_000);
    let weights: Vec<f64> = (0..y.len()).map(|i| 1.0 + (i % 7) as f64 / 3.0).collect();
    for params in [
        BoostingParams {
            n_estimators: 5,
            ..BoostingParams::default()
        },
        sampled(),
    ] {
        same_for_all_threads(|| {
            let model = fit(&binned(&x), &y, Some(&weights), &params, 1, &Free).unwrap();
            (rmp_serde::to_vec(&model).unwrap(), scores(&model, &x))
        });
    }
}

#[test]
fn samples_come_from_the_seed() {
    let (x, y) = customers_to_boost(2_000);
    let fitted = |seed| fit(&binned(&x), &y, None, &sampled(), seed, &Free).unwrap();
    assert_eq!(fitted(1), fitted(1));
    assert_ne!(fitted(1), fitted(2));
    // Rows that a tree does not grow on get its leaves all the same: the mean of the residuals vanishes.
    let model = fitted(1);
    let p = scores(&model, &x).into_iter().map(sigmoid);
    let residual: f64 = p.zip(&y).map(|(p, y)| p - y).sum();
    assert!((residual / y.len() as f64).abs() < 0.02, "{residual}");
}

#[test]
fn odd_data_make_leaves() {
    let nothing = Array2::from_elem((50, 2), f64::NAN);
    let constant = Array2::from_elem((50, 2), 3.0);
    let y: Vec<f64> = (0..50).map(|i| f64::from(u8::from(i % 5 == 0))).collect();
    let params = BoostingParams {
        n_estimators: 3,
        ..BoostingParams::default()
    };
    for x in [nothing, constant, Array2::zeros((50, 0))] {
        let model = fit(&binned(&x), &y, None, &params, 1, &Free).unwrap();
        assert_eq!(model.depth(), 0);
        assert_close(&scores(&model, &x), &[(0.2f64 / 0.8).ln(); 50], 1e-6);
    }
    let x = Array2::from_shape_fn((50, 1), |(i, _)| i as f64);
    for class in [0.0, 1.0] {
        let model = fit(&binned(&x), &[class; 50], None, &params, 1, &Free).unwrap();
        assert_eq!(model.depth(), 0);
        assert!(
            scores(&model, &x)
                .iter()
                .all(|s| (s.abs() > 15.0) && (*s > 0.0) == (class > 0.5))
        );
    }
    let one = fit(
        &binned(&Array2::zeros((1, 1))),
        &[7.0],
        None,
        &BoostingParams {
            objective: Objective::Squared,
            ..params
        },
        1,
        &Free,
    )
    .unwrap();
    assert_close(&scores(&one, &Array2::zeros((1, 1))), &[7.0], 1e-12);
    let none = fit(
        &binned(&Array2::zeros((0, 1))),
        &[],
        None,
        &params,
        1,
        &Free,
    )
    .unwrap();
    none.check().unwrap();
    for weight in [1e-300, 1e-30, 1e30, 1e300] {
        let model = fit(
            &binned(&x),
            &y,
            Some(&[weight; 50]),
            &BoostingParams {
                reg_lambda: 0.0,
                min_child_weight: 0.0,
                ..params
            },
            1,
            &Free,
        )
        .unwrap();
        model.check().unwrap();
        let model = fit(
            &binned(&x),
            &[1e300; 50],
            Some(&[weight; 50]),
            &BoostingParams {
                objective: Objective::Squared,
                ..params
            },
            1,
            &Free,
        )
        .unwrap();
        model.check().unwrap();
    }
}

#[test]
fn only_missing_values_can_decide() {
    let x = Array2::from_shape_fn((40, 1), |(i, _)| if i < 20 { f64::NAN } else { 1.0 });
    let y: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i < 20))).collect();
    let model = fit(&binned(&x), &y, None, &BoostingParams::default(), 1, &Free).unwrap();
    let scores = scores(&model, &x);
    assert!(scores[0] > 2.0 && scores[39] < -2.0, "{scores:?}");
}

#[test]
fn it_stops_and_keeps_within_its_memory() {
    let (x, y) = customers_to_boost(50_000);
    let binned = binned(&x);
    let fitted = |control: &Probe| fit(&binned, &y, None, &BoostingParams::default(), 1, control);
    assert_eq!(fitted(&Probe::stopping_after(40)), Err(Stop::Cancelled));
    let probe = Probe::stopping_after(400);
    assert_eq!(fitted(&probe), Err(Stop::Cancelled));
    assert_eq!(probe.held_bytes(), 0);
    assert!(probe.most_held() > 1_600_000);
    for memory in [100_000, 1_610_000] {
        let refused = fitted(&Probe::patient().granting(memory));
        assert!(matches!(refused, Err(Stop::Memory { .. })), "{memory}");
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    assert!(BoostingParams::default().check().is_ok());
    let good = BoostingParams::default();
    for bad in [
        BoostingParams {
            n_estimators: 0,
            ..good
        },
        BoostingParams {
            max_depth: 17,
            ..good
        },
        BoostingParams {
            learning_rate: 0.0,
            ..good
        },
        BoostingParams {
            subsample: f64::NAN,
            ..good
        },
        BoostingParams {
            colsample_bytree: 1.1,
            ..good
        },
        BoostingParams {
            reg_lambda: -1.0,
            ..good
        },
        BoostingParams {
            gamma: f64::INFINITY,
            ..good
        },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}
