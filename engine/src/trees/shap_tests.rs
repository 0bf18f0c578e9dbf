#![allow(clippy::unwrap_used)]

use super::super::testing::{binned, customers};
use super::super::{boosting, forest};
use super::*;
use crate::control::Free;

/// What a tree is expected to give when only the features in `known` (bits) are: Lundberg's Algorithm 1.
fn expectation(model: &Ensemble, node: usize, row: &[f64], known: usize) -> f64 {
    if model.left[node] == 0 {
        return model.value[node];
    }
    if known >> model.feature[node] & 1 == 1 {
        let child = model.child(node, row[model.feature[node] as usize]);
        return expectation(model, child, row, known);
    }
    let children = [model.left[node], model.right[node]].map(|c| c as usize);
    let sum = |f: &dyn Fn(usize) -> f64| children.iter().map(|c| f(*c)).sum::<f64>();
    sum(&|c| model.cover[c] * expectation(model, c, row, known)) / sum(&|c| model.cover[c])
}

/// Shapley values by their definition, over all subsets.
fn by_definition(model: &Ensemble, row: &[f64]) -> Vec<f64> {
    let n = model.features();
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let worth = |known: usize| {
        let roots = (0..model.trees()).map(|t| model.nodes(t).start);
        roots
            .map(|r| expectation(model, r, row, known))
            .sum::<f64>()
    };
    let worths: Vec<f64> = (0..1 << n).map(worth).collect();
    (0..n)
        .map(|feature| {
            (0..1usize << n)
                .filter(|set| set >> feature & 1 == 0)
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let share = factorial(size) * factorial(n - size - 1) / factorial(n);
                    share * (worths[set | 1 << feature] - worths[set])
                })
                .sum()
        })
        .collect()
}

fn models() -> Vec<Ensemble> {
    let (x, y) = customers(400);
    let binned = binned(&x);
    let targets: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y))).collect();
    let mut models = Vec::new();
    for max_depth in [1, 2, 4, 7] {
        let params = boosting::BoostingParams {
            n_estimators: 3,
            max_depth,
            min_child_weight: 0.1,
            ..boosting::BoostingParams::default()
        };
        models.push(boosting::fit(&binned, &targets, None, &params, 1, &Free).unwrap());
    }
    let params = forest::ForestParams {
        n_estimators: 3,
        ..forest::ForestParams::default()
    };
    models.push(forest::fit(&binned, &y, None, &params, 1, &Free).unwrap());
    models
}

#[test]
fn contributions_are_shapley_values_and_add_up() {
    let (x, _) = customers(12);
    for model in models() {
        for row in x.rows() {
            let row = row.to_vec();
            let (base, contributions) = model.shap(&row);
            for (got, expected) in contributions.iter().zip(by_definition(&model, &row)) {
                assert!((got - expected).abs() < 1e-12, "{got} {expected}");
            }
            let sum = base + contributions.iter().sum::<f64>();
            assert!((sum - model.score_row(&row)).abs() < 1e-12);
        }
    }
}

#[test]
fn deep_trees_add_up() {
    let (x, y) = customers(3_000);
    let params = forest::ForestParams {
        n_estimators: 5,
        ..forest::ForestParams::default()
    };
    let model = forest::fit(&binned(&x), &y, None, &params, 1, &Free).unwrap();
    assert!(model.depth() > 15);
    let explainer = Explainer::new(&model);
    let mut contributions = vec![0.0; 6];
    for row in x.rows().into_iter().take(50) {
        let row = row.to_vec();
        let base = explainer.explain(&row, &mut contributions);
        let sum = base + contributions.iter().sum::<f64>();
        assert!((sum - model.score_row(&row)).abs() < 1e-9);
    }
}

#[test]
fn quadrature_is_exact_for_polynomials() {
    for n in [1, 2, 4, 8, 16, 32] {
        let points = gauss_legendre(n);
        for degree in 0..2 * n as i32 {
            let integral: f64 = points.iter().map(|(t, w)| w * t.powi(degree)).sum();
            assert!(
                (integral - 1.0 / f64::from(degree + 1)).abs() < 1e-13,
                "{n} {degree}"
            );
        }
    }
}

#[test]
fn an_ensemble_without_trees_explains_nothing() {
    assert_eq!(Ensemble::new(2, 0.5).shap(&[1.0, 2.0]), (0.5, vec![0.0; 2]));
}
