#![allow(clippy::unwrap_used)]

use super::super::boosting;
use super::super::testing::{Oracle, assert_close, binned, customers, numbers, scores};
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use ndarray::Array2;

/// The trees of a model that xgboost has written as JSON.
fn of_xgboost(trees: &[serde_json::Value], features: usize, base: f64) -> Ensemble {
    let mut ensemble = Ensemble::new(features, base);
    for tree in trees {
        let column = |name: &str| numbers(&tree[name]);
        let (left, right) = (column("left_children"), column("right_children"));
        let condition = column("split_conditions");
        let mut grown = Tree::default();
        for (node, cover) in column("sum_hessian").into_iter().enumerate() {
            let leaf = left[node] < 0.0;
            grown.nodes.push(Grown {
                feature: column("split_indices")[node] as u32,
                // xgboost: x < condition.
                threshold: if leaf {
                    0.0
                } else {
                    condition[node].next_down()
                },
                left: left[node].max(0.0) as u32,
                right: right[node].max(0.0) as u32,
                missing_left: column("default_left")[node] > 0.5,
                value: if leaf { condition[node] } else { 0.0 },
                gain: column("loss_changes")[node],
                cover,
                ..Grown::default()
            });
        }
        ensemble.push(&grown);
    }
    ensemble
}

#[test]
fn a_model_of_xgboost_gives_its_scores_and_contributions() {
    let oracle = Oracle::read();
    let x = oracle.matrix("x");
    let case = &oracle.cases("boosted")[0];
    let labels = oracle.vector("label");
    let share = labels.iter().sum::<f64>() / labels.len() as f64;
    let trees = case["trees"].as_array().unwrap();
    let model = of_xgboost(trees, 5, (share / (1.0 - share)).ln());
    assert_close(&scores(&model, &x), &numbers(&case["first_raw"]), 1e-5);
    let explained = case["first_contributions"].as_array().unwrap();
    assert_eq!(explained.len(), 12);
    for (row, expected) in x.rows().into_iter().zip(explained) {
        let (base, mut got) = model.shap(&row.to_vec());
        got.push(base);
        assert_close(&got, &numbers(expected), 1e-5);
    }
}

fn model() -> Ensemble {
    let (x, y) = customers(1_000);
    let y: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y))).collect();
    let params = boosting::BoostingParams {
        n_estimators: 4,
        max_depth: 3,
        ..boosting::BoostingParams::default()
    };
    boosting::fit(&binned(&x), &y, None, &params, 1, &Free).unwrap()
}

#[test]
fn it_survives_storage_and_can_be_walked() {
    let model = model();
    let bytes = rmp_serde::to_vec(&model).unwrap();
    let stored: Ensemble = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(stored, model);
    stored.check().unwrap();
    let (x, _) = customers(50);
    for row in x.rows() {
        let mut score = model.base();
        for tree in 0..model.trees() {
            let mut at = model.nodes(tree).start;
            score += loop {
                match model.node(at) {
                    Node::Leaf { value } => break value,
                    Node::Split {
                        feature,
                        threshold,
                        left,
                        right,
                        missing_left,
                    } => {
                        let value = row[feature];
                        let goes_left = if value.is_nan() {
                            missing_left
                        } else {
                            value <= threshold
                        };
                        at = if goes_left { left } else { right };
                    }
                }
            };
        }
        assert_eq!(score, model.score_row(&row.to_vec()));
    }
    assert!(model.nodes(4).is_empty());
    assert!((model.gain_importance().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(Ensemble::new(2, 0.5).gain_importance(), [0.0, 0.0]);
    assert_eq!(Ensemble::new(2, 0.5).score_row(&[1.0, 2.0]), 0.5);
}

#[test]
fn scoring_takes_any_number_of_rows_and_stops() {
    let model = model();
    let (x, _) = customers(5_000);
    let all = scores(&model, &x);
    for rows in [0, 1, 7, 9, 2_049] {
        let some = x.slice(ndarray::s![..rows, ..]).to_owned();
        assert_eq!(scores(&model, &some), all[..rows]);
    }
    for (row, score) in x.rows().into_iter().zip(&all) {
        assert_eq!(model.score_row(&row.to_vec()), *score);
    }
    // Wider rows, of which a task's do not fit one block.
    let mut wide = Array2::zeros((5_000, 60));
    wide.slice_mut(ndarray::s![.., ..x.ncols()]).assign(&x);
    assert_eq!(scores(&model, &wide), all);
    // Another memory order.
    let turned = x.t().as_standard_layout().to_owned();
    let mut out = vec![0.0; 5_000];
    model.score(turned.t(), &mut out, &Free).unwrap();
    assert_eq!(out, all);
    let stopped = model.score(x.view(), &mut out, &Probe::stopping_after(2));
    assert_eq!(stopped, Err(crate::control::Stop::Cancelled));
    let refused = model.score(x.view(), &mut out, &Probe::patient().granting(100));
    assert!(matches!(refused, Err(crate::control::Stop::Memory { .. })));
    let without = Array2::zeros((3, 0));
    assert_eq!(scores(&Ensemble::new(0, 1.5), &without), [1.5; 3]);
}

type Damage<'a> = (&'a str, &'a dyn Fn(&mut Ensemble));

#[test]
fn every_kind_of_damage_is_found() {
    let good = model();
    let last = good.feature.len() as u32 - 1;
    let second = good.starts[1];
    let damages: [Damage; 25] = [
        ("threshold", &|m| _ = m.threshold.pop()),
        ("left", &|m| _ = m.left.pop()),
        ("right", &|m| m.right.push(0)),
        ("missing", &|m| _ = m.missing_left.pop()),
        ("value", &|m| _ = m.value.pop()),
        ("cover", &|m| _ = m.cover.pop()),
        ("gain", &|m| _ = m.gain.pop()),
        ("no starts", &|m| m.starts.clear()),
        ("starts begin", &|m| m.starts[0] = 1),
        ("starts end", &|m| _ = m.starts.pop()),
        ("starts order", &|m| m.starts.swap(1, 2)),
        ("empty tree", &|m| m.starts.insert(1, 0)),
        ("base", &|m| m.base = f64::NAN),
        ("feature", &|m| m.feature[0] = 6),
        ("finite threshold", &|m| m.threshold[0] = f64::INFINITY),
        ("finite value", &|m| m.value[last as usize] = f64::NAN),
        ("finite gain", &|m| m.gain[0] = f64::NEG_INFINITY),
        ("cover of nothing", &|m| m.cover[1] = 0.0),
        ("cover", &|m| m.cover[1] = f64::NAN),
        ("direction", &|m| m.missing_left[0] = 2),
        ("a loop", &|m| m.left[second as usize] = second),
        ("another tree", &|m| m.left[0] = last),
        ("beyond", &|m| m.right[second as usize] = last + 1),
        ("same child", &|m| m.left[0] = m.right[0]),
        ("one child", &|m| m.right[0] = 0),
    ];
    for (name, damage) in damages {
        let mut damaged = good.clone();
        damage(&mut damaged);
        assert!(damaged.check().is_err(), "{name}");
    }
    // A node that nobody leads to.
    let mut orphan = Ensemble::new(1, 0.0);
    let mut tree = Tree::default();
    tree.leaf(1.0, 1.0);
    tree.leaf(1.0, 1.0);
    orphan.push(&tree);
    assert!(orphan.check().is_err());
    // A vine, one level too deep.
    for (depth, fine) in [(64, true), (65, false)] {
        let mut vine = Ensemble::new(1, 0.0);
        let mut tree = Tree::default();
        tree.leaf(0.0, 1.0);
        let mut at = 0;
        for _ in 0..depth {
            let left = tree.leaf(1.0, 1.0);
            let right = tree.leaf(1.0, 1.0);
            (tree.nodes[at].left, tree.nodes[at].right) = (left, right);
            at = right as usize;
        }
        vine.push(&tree);
        assert_eq!(vine.check().is_ok(), fine);
        assert_eq!(vine.depth(), depth);
    }
}
