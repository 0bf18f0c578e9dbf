#![allow(clippy::unwrap_used)]

use super::super::Node;
use super::super::testing::{
    Oracle, assert_close, binned, customers, numbers, same_for_all_threads, scores,
};
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use ndarray::Array2;

#[test]
fn stumps_and_scores_are_those_of_scikit_learn() {
    let oracle = Oracle::read();
    let x = oracle.matrix("full");
    for case in oracle.cases("stumps") {
        let params = AdaBoostParams {
            n_estimators: 20,
            learning_rate: case["learning_rate"].as_f64().unwrap(),
        };
        let weights = oracle.weights(case);
        let labels = oracle.labels();
        let model = fit(&binned(&x), &labels, weights.as_deref(), &params, &Free).unwrap();
        let (mut features, mut thresholds) = (Vec::new(), Vec::new());
        for tree in 0..model.trees() {
            if let Node::Split {
                feature, threshold, ..
            } = model.node(model.nodes(tree).start)
            {
                features.push(feature as f64);
                thresholds.push(threshold);
            }
        }
        assert_eq!(features, numbers(&case["features"]));
        assert_close(&thresholds, &numbers(&case["thresholds"]), 1e-12);
        assert_close(&scores(&model, &x), &numbers(&case["raw"]), 1e-9);
    }
}

#[test]
fn it_ends_early() {
    let x = Array2::from_shape_fn((20, 1), |(i, _)| i as f64);
    let perfect: Vec<bool> = (0..20).map(|i| i > 6).collect();
    let params = AdaBoostParams::default();
    let model = fit(&binned(&x), &perfect, None, &params, &Free).unwrap();
    assert_eq!(model.trees(), 1);
    let expected: Vec<f64> = perfect
        .iter()
        .map(|y| if *y { 2.0 } else { -2.0 })
        .collect();
    assert_eq!(scores(&model, &x), expected);
    // Constant features and even classes: chance.
    let even: Vec<bool> = (0..20).map(|i| i % 2 == 0).collect();
    let model = fit(
        &binned(&Array2::zeros((20, 2))),
        &even,
        None,
        &params,
        &Free,
    )
    .unwrap();
    assert_eq!(model.trees(), 0);
    assert_eq!(scores(&model, &Array2::zeros((3, 2))), [0.0; 3]);
    // One class is a leaf.
    let model = fit(&binned(&x), &[true; 20], None, &params, &Free).unwrap();
    assert_eq!((model.trees(), model.depth()), (1, 0));
    for (rows, weight) in [(0, 1.0), (1, 1e-300), (20, 1e300), (20, 1e-300)] {
        let x = Array2::from_shape_fn((rows, 1), |(i, _)| i as f64);
        let model = fit(
            &binned(&x),
            &even[..rows],
            Some(&vec![weight; rows]),
            &params,
            &Free,
        );
        model.unwrap().check().unwrap();
    }
}

#[test]
fn threads_do_not_matter_and_it_stops() {
    let (x, y) = customers(100_000);
    let params = AdaBoostParams {
        n_estimators: 5,
        learning_rate: 0.5,
    };
    same_for_all_threads(|| {
        let model = fit(&binned(&x), &y, None, &params, &Free).unwrap();
        rmp_serde::to_vec(&model).unwrap()
    });
    let binned = binned(&x);
    for looks in [3, 60] {
        let probe = Probe::stopping_after(looks);
        assert_eq!(
            fit(&binned, &y, None, &params, &probe),
            Err(Stop::Cancelled)
        );
        assert_eq!(probe.held_bytes(), 0);
    }
    let refused = fit(
        &binned,
        &y,
        None,
        &params,
        &Probe::patient().granting(1_000_000),
    );
    assert!(matches!(refused, Err(Stop::Memory { .. })));
    assert!(
        AdaBoostParams {
            n_estimators: 0,
            ..params
        }
        .check()
        .is_err()
    );
    assert!(
        AdaBoostParams {
            learning_rate: f64::NAN,
            ..params
        }
        .check()
        .is_err()
    );
}
