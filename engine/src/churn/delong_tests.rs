//! DeLong's test against its definition by all pairs.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::delong::{auc_interval, compare};
use super::oracle::{Oracle, near};
use super::ranking::Ranking;
use crate::control::Free;
use crate::control::testing::Probe;

/// Area and placements of each class, by comparing all pairs.
fn placements(scores: &[f64], labels: &[bool]) -> (f64, Vec<f64>, Vec<f64>) {
    let of = |class: bool| -> Vec<f64> {
        scores
            .iter()
            .zip(labels)
            .filter(|(_, l)| **l == class)
            .map(|(s, _)| *s)
            .collect()
    };
    let (positive, negative) = (of(true), of(false));
    let wins = |a: f64, b: f64| {
        if a > b {
            1.0
        } else if a == b {
            0.5
        } else {
            0.0
        }
    };
    let first: Vec<f64> = positive
        .iter()
        .map(|p| negative.iter().map(|n| wins(*p, *n)).sum::<f64>() / negative.len() as f64)
        .collect();
    let second = negative
        .iter()
        .map(|n| positive.iter().map(|p| wins(*p, *n)).sum::<f64>() / positive.len() as f64)
        .collect();
    (
        first.iter().sum::<f64>() / first.len() as f64,
        first,
        second,
    )
}

fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - ma) * (y - mb))
        .sum::<f64>()
        / (a.len() as f64 - 1.0)
}

fn variance(a: &[f64], b: &[f64], labels: &[bool]) -> f64 {
    let (a, b) = (placements(a, labels), placements(b, labels));
    let of = |a: &[f64], b: &[f64]| {
        (covariance(a, a) + covariance(b, b) - 2.0 * covariance(a, b)) / a.len() as f64
    };
    of(&a.1, &b.1) + of(&a.2, &b.2)
}

#[test]
fn it_agrees_with_the_definition_in_python() {
    let oracle = Oracle::read();
    let expected = &oracle.delong;
    let got = compare(&oracle.p, &oracle.q, &oracle.labels, &Free)
        .unwrap()
        .unwrap();
    near(got.auc_a, expected.auc_a, 1e-14);
    near(got.auc_b, expected.auc_b, 1e-14);
    assert!((got.variance / expected.variance - 1.0).abs() < 1e-12);
    let z = (expected.auc_a - expected.auc_b) / expected.variance.sqrt();
    near(got.z.unwrap(), z, 1e-12);
    near(got.p_two_sided, 2.0 * got.p_a_better, 1e-15);
    // scipy.stats.norm.sf(0.6651332)
    near(got.p_a_better, 0.252_983_6, 1e-5);
    let swapped = compare(&oracle.q, &oracle.p, &oracle.labels, &Free)
        .unwrap()
        .unwrap();
    near(swapped.p_a_better, 1.0 - got.p_a_better, 1e-12);
    let ranking = Ranking::new(&oracle.p, &oracle.labels, &Free).unwrap();
    let interval = auc_interval(&ranking, &oracle.labels, &Free)
        .unwrap()
        .unwrap();
    near(interval.standard_error, expected.standard_error_a, 1e-13);
    near(
        interval.upper - interval.lower,
        2.0 * 1.959963984540054 * expected.standard_error_a,
        1e-13,
    );
}

#[test]
fn degenerate_cases_have_answers() {
    let labels = [true, true, false, false];
    let right = [4.0, 3.0, 2.0, 1.0];
    let wrong = [1.0, 2.0, 3.0, 4.0];
    let same = compare(&right, &right, &labels, &Free).unwrap().unwrap();
    assert_eq!(
        (same.variance, same.z, same.p_two_sided, same.p_a_better),
        (0.0, Some(0.0), 1.0, 0.5)
    );
    let opposite = compare(&right, &wrong, &labels, &Free).unwrap().unwrap();
    assert_eq!(
        (
            opposite.variance,
            opposite.z,
            opposite.p_two_sided,
            opposite.p_a_better
        ),
        (0.0, None, 0.0, 0.0)
    );
    assert_eq!(
        compare(&wrong, &right, &labels, &Free)
            .unwrap()
            .unwrap()
            .p_a_better,
        1.0
    );
    for labels in [
        [true; 4],
        [true, false, false, false],
        [true, true, true, false],
    ] {
        assert_eq!(compare(&right, &wrong, &labels, &Free).unwrap(), None);
        let ranking = Ranking::new(&right, &labels, &Free).unwrap();
        assert_eq!(auc_interval(&ranking, &labels, &Free).unwrap(), None);
    }
    assert!(compare(&right, &wrong[..3], &labels, &Free).is_err());
    assert!(compare(&right, &wrong, &labels, &Probe::stopping_after(1)).is_err());
    let control = Probe::patient();
    compare(&right, &wrong, &labels, &control).unwrap();
    assert_eq!(control.held_bytes(), 0);
    assert!(control.most_held() >= 4 * (13 + 13 + 8 + 8));
}

proptest! {
    #[test]
    fn it_agrees_with_all_pairs(rows in prop::collection::vec((0u8..9, 0u8..9, any::<bool>()), 4..40)) {
        let a: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
        let b: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
        let labels: Vec<bool> = rows.iter().map(|r| r.2).collect();
        let positives = labels.iter().filter(|&&l| l).count();
        let got = compare(&a, &b, &labels, &Free).unwrap();
        prop_assert_eq!(got.is_some(), positives >= 2 && rows.len() - positives >= 2);
        if let Some(got) = got {
            prop_assert!((got.auc_a - placements(&a, &labels).0).abs() < 1e-12);
            prop_assert!((got.auc_b - placements(&b, &labels).0).abs() < 1e-12);
            prop_assert!((got.variance - variance(&a, &b, &labels)).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&got.p_two_sided));
        }
    }
}
