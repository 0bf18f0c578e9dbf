#![allow(clippy::unwrap_used)]

use super::super::Bins;
use super::super::testing::{
    Oracle, assert_close, binned, customers, numbers, same_for_all_threads, scores,
};
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use ndarray::Array2;

#[test]
fn one_tree_on_all_features_is_scikit_learns() {
    let oracle = Oracle::read();
    for (i, case) in oracle.cases("trees").iter().enumerate() {
        let x = oracle.matrix(if i == 2 { "x" } else { "full" });
        let number = |key: &str| case["params"][key].as_u64();
        let params = ForestParams {
            n_estimators: 1,
            max_depth: number("max_depth").map(|d| d as u32),
            min_samples_leaf: number("min_samples_leaf").unwrap_or(1) as usize,
            max_features: MaxFeatures::All,
            bootstrap: false,
        };
        let weights = oracle.weights(case);
        let labels = oracle.labels();
        let model = fit(&binned(&x), &labels, weights.as_deref(), &params, 1, &Free).unwrap();
        assert_close(&scores(&model, &x), &numbers(&case["raw"]), 1e-9);
        assert_close(
            &model.gain_importance(),
            &numbers(&case["importance"]),
            1e-9,
        );
    }
}

fn fitted(params: &ForestParams, seed: i64) -> (Array2<f64>, Vec<bool>, Ensemble) {
    let (x, y) = customers(6_000);
    let model = fit(&binned(&x), &y, None, params, seed, &Free).unwrap();
    (x, y, model)
}

#[test]
fn leaves_are_as_large_and_trees_as_shallow_as_asked() {
    let params = ForestParams {
        n_estimators: 5,
        max_depth: Some(7),
        min_samples_leaf: 20,
        ..ForestParams::default()
    };
    let (x, _, model) = fitted(&params, 1);
    assert_eq!((model.trees(), model.depth()), (5, 7));
    for tree in 0..5 {
        let nodes = model.nodes(tree);
        // Rows drawn, with repetition.
        assert_eq!(model.cover(nodes.start), 6_000.0);
        for node in nodes {
            if let crate::trees::Node::Split { left, right, .. } = model.node(node) {
                assert_eq!(model.cover(node), model.cover(left) + model.cover(right));
            }
            assert!(model.cover(node) >= 20.0);
        }
    }
    assert!(scores(&model, &x).iter().all(|s| (0.0..=1.0).contains(s)));
}

#[test]
fn fully_grown_trees_know_their_rows() {
    let params = ForestParams {
        n_estimators: 3,
        bootstrap: false,
        ..ForestParams::default()
    };
    let (x, y, model) = fitted(&params, 1);
    for (score, y) in scores(&model, &x).iter().zip(y) {
        assert!((score - f64::from(u8::from(y))).abs() < 0.01, "{score} {y}");
    }
    // Without bootstrap the trees differ by the features that are drawn.
    assert_ne!(model.nodes(0).len(), model.nodes(1).len());
}

#[test]
fn features_are_drawn_by_rule() {
    let counts = [
        MaxFeatures::Sqrt,
        MaxFeatures::Log2,
        MaxFeatures::All,
        MaxFeatures::Fraction(0.5),
    ];
    assert_eq!(counts.map(|m| m.of(12)), [3, 3, 12, 6]);
    assert_eq!(counts.map(|m| m.of(1)), [1; 4]);
    // One of two features a split, the other constant: the search goes on to what can be split.
    let x = Array2::from_shape_fn((64, 2), |(i, j)| if j == 0 { 1.0 } else { i as f64 });
    let y: Vec<bool> = (0..64).map(|i| i >= 32).collect();
    let params = ForestParams {
        n_estimators: 20,
        ..ForestParams::default()
    };
    let model = fit(&binned(&x), &y, None, &params, 1, &Free).unwrap();
    assert_eq!(
        (model.depth(), model.gain_importance()),
        (1, vec![0.0, 1.0])
    );
}

#[test]
fn weights_count_like_repeated_rows() {
    let (x, y) = customers(500);
    let times: Vec<usize> = (0..500).map(|i| 1 + i % 3).collect();
    let rows: Vec<usize> = (0..500).flat_map(|i| vec![i; times[i]]).collect();
    let repeated = Array2::from_shape_fn((rows.len(), 6), |(i, j)| x[[rows[i], j]]);
    let labels: Vec<bool> = rows.iter().map(|i| y[*i]).collect();
    let weights: Vec<f64> = times.iter().map(|t| *t as f64).collect();
    let params = ForestParams {
        n_estimators: 1,
        max_depth: Some(5),
        max_features: MaxFeatures::All,
        bootstrap: false,
        ..ForestParams::default()
    };
    let bins = Bins::fit(x.view(), Some(&weights), 255, &Free).unwrap();
    let fitted = |x: &Array2<f64>, y: &[bool], w| {
        let binned = bins.apply(x.view(), &Free).unwrap();
        fit(&binned, y, w, &params, 1, &Free).unwrap()
    };
    let weighted = fitted(&x, &y, Some(&weights));
    assert_eq!(fitted(&repeated, &labels, None), weighted);
}

#[test]
fn odd_data_make_leaves() {
    let params = ForestParams {
        n_estimators: 3,
        ..ForestParams::default()
    };
    let y: Vec<bool> = (0..40).map(|i| i % 4 == 0).collect();
    let plain = ForestParams {
        bootstrap: false,
        ..params
    };
    for x in [
        Array2::from_elem((40, 2), f64::NAN),
        Array2::zeros((40, 2)),
        Array2::zeros((40, 0)),
    ] {
        let model = fit(&binned(&x), &y, None, &plain, 1, &Free).unwrap();
        assert_eq!(model.depth(), 0);
        assert_close(&scores(&model, &x), &[0.25; 40], 1e-12);
    }
    let x = Array2::from_shape_fn((40, 1), |(i, _)| i as f64);
    for class in [false, true] {
        let model = fit(&binned(&x), &[class; 40], None, &params, 1, &Free).unwrap();
        assert_eq!(model.depth(), 0);
        assert_close(
            &scores(&model, &x),
            &[f64::from(u8::from(class)); 40],
            1e-12,
        );
    }
    for (rows, weight) in [(0, 1.0), (1, 1.0), (40, 1e300), (40, 1e-300)] {
        let x = Array2::from_shape_fn((rows, 1), |(i, _)| i as f64);
        let weights = vec![weight; rows];
        let model = fit(&binned(&x), &y[..rows], Some(&weights), &params, 1, &Free).unwrap();
        model.check().unwrap();
    }
}

#[test]
fn threads_do_not_matter_and_it_stops() {
    let (x, y) = customers(70_000);
    let params = ForestParams {
        n_estimators: 4,
        max_depth: Some(8),
        ..ForestParams::default()
    };
    same_for_all_threads(|| {
        let model = fit(&binned(&x), &y, None, &params, 1, &Free).unwrap();
        (rmp_serde::to_vec(&model).unwrap(), scores(&model, &x))
    });
    let binned = binned(&x);
    assert_ne!(
        fit(&binned, &y, None, &params, 1, &Free).unwrap(),
        fit(&binned, &y, None, &params, 2, &Free).unwrap()
    );
    for looks in [3, 100] {
        let probe = Probe::stopping_after(looks);
        assert_eq!(
            fit(&binned, &y, None, &params, 1, &probe),
            Err(Stop::Cancelled)
        );
        assert_eq!(probe.held_bytes(), 0);
    }
    for memory in [100_000, 1_000_000] {
        let refused = fit(
            &binned,
            &y,
            None,
            &params,
            1,
            &Probe::patient().granting(memory),
        );
        assert!(matches!(refused, Err(Stop::Memory { .. })));
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let good = ForestParams::default();
    assert!(good.check().is_ok());
    for bad in [
        ForestParams {
            n_estimators: 0,
            ..good
        },
        ForestParams {
            max_depth: Some(65),
            ..good
        },
        ForestParams {
            min_samples_leaf: 0,
            ..good
        },
        ForestParams {
            max_features: MaxFeatures::Fraction(0.0),
            ..good
        },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}
