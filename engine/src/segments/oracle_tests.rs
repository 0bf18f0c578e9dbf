//! Against scikit-learn and scipy, on fixed data: `engine/tests/oracle/segments.py` made both files.
#![allow(clippy::unwrap_used)]

use ndarray::Array2;
use serde::Deserialize;

use super::kmeans::{Effort, Partition, best_partition, lloyd};
use super::matching::assignment;
use super::mixture::fit_mixture;
use super::prepare::Preparation;
use super::silhouette::silhouettes;
use super::tiles::Tiles;
use crate::control::Free;

#[derive(Deserialize)]
struct Expected {
    kmeans: Vec<Best>,
    given: Given,
    mixture: MixtureExpected,
    assignment: Vec<AssignmentExpected>,
}

#[derive(Deserialize)]
struct Best {
    k: usize,
    inertia: f64,
    silhouette: f64,
}

#[derive(Deserialize)]
struct Given {
    inertia: f64,
    silhouette: f64,
    step_inertia: f64,
    step_centres: Vec<f64>,
}

#[derive(Deserialize)]
struct MixtureExpected {
    log_likelihood: f64,
    bic: f64,
    iterations: u64,
    weights: Vec<f64>,
    means: Vec<f64>,
    precisions: Vec<f64>,
    labels: Vec<u32>,
}

#[derive(Deserialize)]
struct AssignmentExpected {
    costs: Vec<Vec<f64>>,
    total: f64,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("../../tests/oracle/segments.json")).unwrap()
}

/// The fixed data: 400 x 3.
pub(super) fn data() -> Array2<f64> {
    let values: Vec<f64> = include_str!("../../tests/oracle/segments.csv")
        .split([',', '\n'])
        .filter(|v| !v.is_empty())
        .map(|v| v.parse().unwrap())
        .collect();
    Array2::from_shape_vec((values.len() / 3, 3), values).unwrap()
}

/// Rows as they are, not standardised.
pub(super) fn raw(x: &Array2<f64>) -> Tiles {
    let preparation = Preparation::none(x.ncols());
    Tiles::new(x.view(), &preparation, &Free).unwrap()
}

fn given_centres(x: &Array2<f64>) -> Vec<f64> {
    [0, 100, 200, 300]
        .iter()
        .flat_map(|r| x.row(*r).to_vec())
        .collect()
}

fn labels_of(x: &Array2<f64>, centres: &[f64]) -> Vec<u8> {
    x.outer_iter()
        .map(|row| {
            let distance = |c: &[f64]| row.iter().zip(c).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            let nearest = centres.chunks(x.ncols()).map(distance).enumerate();
            nearest.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0 as u8
        })
        .collect()
}

fn near(found: f64, wanted: f64, tolerance: f64) {
    assert!(
        (found - wanted).abs() <= tolerance * wanted.abs().max(1.0),
        "{found} instead of {wanted}"
    );
}

fn all_near(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    found
        .iter()
        .zip(wanted)
        .for_each(|(f, w)| near(*f, *w, tolerance));
}

#[test]
fn the_best_start_finds_the_inertia_of_scikit_learn() {
    let (x, expected) = (data(), expected());
    let tiles = raw(&x);
    let mut labellings = Vec::new();
    for best in &expected.kmeans {
        let effort = Effort {
            n_init: 50,
            max_iter: 300,
            seed: 1,
        };
        let found = best_partition(&tiles, best.k, effort, &Free).unwrap();
        near(found.inertia, best.inertia, 1e-6);
        labellings.push(labels_of(&x, &found.centres));
    }
    let found = silhouettes(&tiles, &labellings, &Free).unwrap();
    for (found, best) in found.iter().zip(&expected.kmeans) {
        near(*found, best.silhouette, 1e-9);
    }
}

#[test]
fn from_given_centres_each_figure_is_that_of_scikit_learn() {
    let (x, given) = (data(), expected().given);
    let tiles = raw(&x);
    let centres = given_centres(&x);
    let none = lloyd(&tiles, centres.clone(), 0, 0.0, &Free).unwrap();
    near(none.inertia, given.inertia, 1e-12);
    let labels = labels_of(&x, &centres);
    near(
        silhouettes(&tiles, &[labels], &Free).unwrap()[0],
        given.silhouette,
        1e-12,
    );
    let one = lloyd(&tiles, centres, 1, 0.0, &Free).unwrap();
    near(one.inertia, given.step_inertia, 1e-12);
    all_near(&one.centres, &given.step_centres, 1e-12);
}

#[test]
fn the_mixture_is_that_of_scikit_learn() {
    let (x, expected) = (data(), expected().mixture);
    let tiles = raw(&x);
    let partition = Partition {
        centres: given_centres(&x),
        inertia: 0.0,
        iterations: 0,
    };
    let fitted = fit_mixture(&tiles, &partition, 500, &Free).unwrap();
    assert_eq!(fitted.iterations, expected.iterations);
    near(fitted.log_likelihood, expected.log_likelihood, 1e-9);
    near(fitted.bic(x.nrows()), expected.bic, 1e-9);
    all_near(&fitted.mixture.weights, &expected.weights, 1e-6);
    all_near(&fitted.mixture.means, &expected.means, 1e-6);
    // The precision is W^T W of the inverse factor W.
    let precisions: Vec<f64> = fitted
        .mixture
        .factors
        .chunks(9)
        .flat_map(|w| {
            (0..9).map(|at| {
                (0..3)
                    .map(|l| w[l * 3 + at / 3] * w[l * 3 + at % 3])
                    .sum::<f64>()
            })
        })
        .collect();
    all_near(&precisions, &expected.precisions, 1e-5);
    let components = super::Components::Mixture(fitted.mixture);
    let (mut segments, mut distances) = (vec![0; 400], vec![0.0; 400]);
    components
        .assign(&tiles, (&mut segments, &mut distances), &Free)
        .unwrap();
    assert_eq!(segments, expected.labels);
    // Mahalanobis' distance from scikit-learn's precision matrix
    let (row, c) = (x.row(7), segments[7] as usize);
    let d: Vec<f64> = (0..3).map(|j| row[j] - expected.means[c * 3 + j]).collect();
    let square: f64 = (0..9)
        .map(|at| d[at / 3] * expected.precisions[c * 9 + at] * d[at % 3])
        .sum();
    near(distances[7], square.sqrt(), 1e-6);
}

#[test]
fn assignments_cost_what_scipy_finds() {
    for case in expected().assignment {
        let found = assignment(&case.costs);
        let (rows, columns) = (case.costs.len(), case.costs[0].len());
        let mut chosen: Vec<usize> = found.iter().flatten().copied().collect();
        assert_eq!(chosen.len(), rows.min(columns));
        let total: f64 = found
            .iter()
            .enumerate()
            .filter_map(|(row, column)| Some(case.costs[row][(*column)?]))
            .sum();
        near(total, case.total, 1e-12);
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen.len(), rows.min(columns), "a column twice");
    }
}

/// By hand: on a line 0, 1 | 5, 7. a(0) = 1, b(0) = 6, s = 5/6; s(1) = 1 - 1/5; s(5) = 1 - 2/4.5; s(7) = 1 - 2/6.5.
#[test]
fn silhouettes_by_hand() {
    let x = Array2::from_shape_vec((4, 1), vec![0.0, 1.0, 5.0, 7.0]).unwrap();
    let tiles = raw(&x);
    let cases = [
        vec![0, 0, 1, 1],
        vec![0, 0, 0, 0],
        vec![0, 1, 2, 3],
        vec![0, 0, 0, 3],
    ];
    let found = silhouettes(&tiles, &cases, &Free).unwrap();
    let by_hand = (5.0 / 6.0 + 1.0 - 1.0 / 5.0 + 1.0 - 2.0 / 4.5 + 1.0 - 2.0 / 6.5) / 4.0;
    near(found[0], by_hand, 1e-15);
    assert_eq!(found[1..3], [0.0, 0.0]);
    // 7 is alone: 0. The others: a = 3, 2.5, 4.5; b = 7, 6, 2.
    near(
        found[3],
        (1.0 - 3.0 / 7.0 + 1.0 - 2.5 / 6.0 + 2.0 / 4.5 - 1.0) / 4.0,
        1e-15,
    );
}

#[test]
fn a_centre_without_rows_gets_the_farthest_row() {
    let x = Array2::from_shape_vec((4, 1), vec![0.0, 1.0, 2.0, 30.0]).unwrap();
    // Nothing is nearest to 1000. The farthest row is 30, but it is alone at 5 and stays; the next are 0 and 2.
    let found = lloyd(&raw(&x), vec![1.0, 5.0, 1000.0], 300, 0.0, &Free).unwrap();
    assert_eq!(found.centres, [1.5, 30.0, 0.0]);
    assert_eq!(found.inertia, 0.5);
}
