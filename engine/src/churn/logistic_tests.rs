//! Logistic regression against scikit-learn and of one solver against the other.
#![allow(clippy::unwrap_used)]

use ndarray::{Array2, Axis, concatenate};
use serde_json::json;

use super::FitError;
use super::logistic::{LogisticFit, LogisticModel, LogisticParams, Solver, fit};
use super::oracle::{Oracle, generated, near, on_any_threads};
use crate::control::testing::Probe;
use crate::control::{Free, Stop};
use crate::params::Params;

fn lbfgs() -> LogisticParams {
    LogisticParams {
        solver: Solver::Lbfgs,
        ..LogisticParams::default()
    }
}

#[track_caller]
fn same(a: &LogisticFit, b: &LogisticFit, tolerance: f64) {
    assert!(a.converged && b.converged);
    near(a.model.intercept, b.model.intercept, tolerance);
    for (a, b) in a.model.coefficients.iter().zip(&b.model.coefficients) {
        near(*a, *b, tolerance);
    }
}

#[test]
fn coefficients_agree_with_scikit_learn() {
    let oracle = Oracle::read();
    let prepared = oracle.prepared();
    assert_eq!(oracle.fits.len(), 6);
    for expected in &oracle.fits {
        let weights = expected.weighted.then_some(oracle.weights.as_slice());
        let params = LogisticParams {
            c: expected.c,
            l1_ratio: expected.l1_ratio,
            ..LogisticParams::default()
        };
        let got = fit(prepared.view(), &oracle.labels, weights, &params, &Free).unwrap();
        assert!(got.converged && got.iterations <= 10);
        near(got.model.intercept, expected.intercept, 1e-7);
        for (got, expected) in got.model.coefficients.iter().zip(&expected.coefficients) {
            near(*got, *expected, 1e-7);
            // what the l1 penalty makes 0 is exactly 0
            assert_eq!(*got == 0.0, *expected == 0.0);
        }
    }
}

#[test]
fn linfa_finds_the_same_whichever_class_is_the_larger() {
    for shift in [-1.5, 1.5] {
        let (x, labels) = generated(3000, 6, shift);
        let churned = labels.iter().filter(|&&label| label).count();
        assert_eq!(churned > 1500, shift > 0.0);
        for c in [0.01, 1.0, 50.0] {
            let newton = LogisticParams {
                c,
                ..LogisticParams::default()
            };
            let ours = fit(x.view(), &labels, None, &newton, &Free).unwrap();
            let theirs = fit(
                x.view(),
                &labels,
                None,
                &LogisticParams { c, ..lbfgs() },
                &Free,
            );
            same(&ours, &theirs.unwrap(), 1e-6);
            assert_eq!(ours.model.intercept > 0.0, shift > 0.0);
        }
    }
}

#[test]
fn many_rows_start_from_a_sample_and_end_at_the_same_minimum() {
    let (x, labels) = generated(70_000, 4, 0.3);
    let params = LogisticParams::default();
    let whole = fit(x.view(), &labels, None, &params, &Free).unwrap();
    assert!(whole.iterations <= 3);
    same(
        &whole,
        &fit(x.view(), &labels, None, &lbfgs(), &Free).unwrap(),
        1e-6,
    );
    // A sample without one class is no start, and no harm.
    let rare: Vec<bool> = (0..70_000).map(|row| row == 100 || row == 150).collect();
    let found = fit(x.view(), &rare, None, &params, &Free).unwrap();
    assert!(found.converged);
    near(found.model.intercept, (2.0_f64 / 70_000.0).ln(), 0.2);
}

#[test]
fn weights_count_as_so_many_rows() {
    let (x, labels) = generated(400, 3, 0.0);
    let weights: Vec<f64> = (0..400).map(|i| 1.0 + f64::from(i % 2)).collect();
    let every_second = x.select(Axis(0), &(1..400).step_by(2).collect::<Vec<_>>());
    let rows = concatenate(Axis(0), &[x.view(), every_second.view()]).unwrap();
    let repeated: Vec<bool> = labels
        .iter()
        .chain(labels.iter().skip(1).step_by(2))
        .copied()
        .collect();
    for l1_ratio in [0.0, 0.7] {
        let params = LogisticParams {
            l1_ratio,
            ..LogisticParams::default()
        };
        let weighted = fit(x.view(), &labels, Some(&weights), &params, &Free).unwrap();
        same(
            &weighted,
            &fit(rows.view(), &repeated, None, &params, &Free).unwrap(),
            1e-8,
        );
    }
}

#[test]
fn separable_copied_and_constant_columns_converge() {
    let (x, labels) = generated(300, 2, 0.0);
    let mut wide = Array2::zeros((300, 5));
    for (mut row, (cells, &label)) in wide
        .rows_mut()
        .into_iter()
        .zip(x.rows().into_iter().zip(&labels))
    {
        // a perfect column, one twice, one of zeros
        row.assign(&ndarray::arr1(&[
            if label { 1.0 } else { -1.0 },
            cells[0],
            cells[0],
            cells[1],
            0.0,
        ]));
    }
    for c in [1e-4, 1.0, 1e6] {
        for l1_ratio in [0.0, 0.5, 1.0] {
            let params = LogisticParams {
                c,
                l1_ratio,
                ..LogisticParams::default()
            };
            let found = fit(wide.view(), &labels, None, &params, &Free).unwrap();
            assert!(found.converged, "c {c}, l1_ratio {l1_ratio}: {found:?}");
            let b = &found.model.coefficients;
            assert!(b[0] >= 0.0 && b[4] == 0.0);
            if l1_ratio == 0.0 {
                near(b[1], b[2], 1e-6);
            }
        }
    }
}

#[test]
fn a_model_without_columns_gives_the_share() {
    let x = Array2::zeros((4, 0));
    let found = fit(
        x.view(),
        &[true, false, true, true],
        None,
        &LogisticParams::default(),
        &Free,
    )
    .unwrap();
    near(found.model.intercept, 3.0_f64.ln(), 1e-12);
    let mut margins = [0.0; 4];
    found.model.score(x.view(), &mut margins, &Free).unwrap();
    assert_eq!(margins, [found.model.intercept; 4]);
}

#[test]
fn contributions_sum_to_the_margin() {
    let oracle = Oracle::read();
    let (preparation, prepared) = (oracle.preparation(), oracle.prepared());
    let params = LogisticParams::default();
    let model = fit(prepared.view(), &oracle.labels, None, &params, &Free)
        .unwrap()
        .model;
    let mut margins = vec![0.0; 120];
    model.score(prepared.view(), &mut margins, &Free).unwrap();
    for (row, margin) in prepared.view().rows().into_iter().zip(&margins) {
        let row = row.as_slice().unwrap();
        assert_eq!(model.score_row(row), *margin);
        let contributions = model.contributions(row, &preparation);
        assert_eq!(contributions.len(), 4);
        near(
            model.intercept + contributions.iter().sum::<f64>(),
            *margin,
            1e-12,
        );
        near(
            contributions[3],
            row[3] * model.coefficients[3] + row[4] * model.coefficients[4],
            1e-12,
        );
    }
    assert!(model.score(prepared.view(), &mut [0.0; 3], &Free).is_err());
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let x = Array2::from_elem((3, 1), 1.0);
    let newton = LogisticParams::default();
    let message =
        |x: &Array2<f64>, labels: &[bool], weights: Option<&[f64]>, params: &LogisticParams| {
            fit(x.view(), labels, weights, params, &Free)
                .unwrap_err()
                .to_string()
        };
    let labels = [true, false, true];
    for params in [newton, lbfgs()] {
        assert!(message(&Array2::zeros((0, 1)), &[], None, &params).contains("at least one row"));
        assert!(message(&x, &[true; 3], None, &params).contains("same label"));
        assert!(message(&x, &[true, false], None, &params).contains("differ in number"));
        let infinite = Array2::from_elem((3, 1), f64::INFINITY);
        assert!(message(&infinite, &labels, None, &params).contains("not finite"));
    }
    assert!(message(&x, &labels, Some(&[1.0, 0.0, 1.0]), &newton).contains("positive"));
    assert!(message(&x, &labels, Some(&[1.0; 3]), &lbfgs()).contains("use \"newton\""));
    assert!(message(&x, &labels, None, &LogisticParams { c: 0.0, ..newton }).contains("above 0"));
    let large = Array2::zeros((70_000, 60));
    let labels: Vec<bool> = (0..70_000).map(|row| row % 2 == 0).collect();
    assert!(message(&large, &labels, None, &lbfgs()).contains("4000000 values"));
    let read = |json| LogisticParams::read(&Params::parse(&json, &LogisticParams::KEYS).unwrap());
    assert_eq!(read(json!({})), Ok(newton));
    assert_eq!(
        read(json!({"c": 2, "solver": "lbfgs"})),
        Ok(LogisticParams { c: 2.0, ..lbfgs() })
    );
    for json in [
        json!({"c": 0}),
        json!({"l1_ratio": 1.5}),
        json!({"solver": "sag"}),
        json!({"solver": "lbfgs", "l1_ratio": 0.5}),
    ] {
        assert!(read(json).is_err());
    }
}

#[test]
fn threads_change_nothing() {
    let (x, labels) = generated(70_001, 13, 0.5);
    let weights: Vec<f64> = labels
        .iter()
        .map(|&label| if label { 0.7 } else { 1.6 })
        .collect();
    for l1_ratio in [0.0, 0.4] {
        let params = LogisticParams {
            l1_ratio,
            c: 0.01,
            ..LogisticParams::default()
        };
        let model = on_any_threads(|| {
            let found = fit(x.view(), &labels, Some(&weights), &params, &Free).unwrap();
            rmp_serde::to_vec(&found.model).unwrap()
        });
        let model: LogisticModel = rmp_serde::from_slice(&model).unwrap();
        assert_eq!(model.check(13), Ok(()));
        assert!(model.check(12).is_err());
        on_any_threads(|| {
            let mut margins = vec![0.0; labels.len()];
            model.score(x.view(), &mut margins, &Free).unwrap();
            margins
        });
    }
    on_any_threads(|| fit(x.view(), &labels, None, &lbfgs(), &Free).unwrap().model);
    assert!(
        LogisticModel {
            intercept: f64::NAN,
            coefficients: vec![]
        }
        .check(0)
        .is_err()
    );
}

#[test]
fn work_can_be_stopped_and_is_charged() {
    let (x, labels) = generated(70_000, 5, 0.0);
    for params in [
        LogisticParams::default(),
        LogisticParams {
            l1_ratio: 1.0,
            ..LogisticParams::default()
        },
        lbfgs(),
    ] {
        let control = Probe::patient();
        fit(x.view(), &labels, None, &params, &control).unwrap();
        assert_eq!(control.held_bytes(), 0);
        assert!(control.most_held() > 32 * 2 * 2 * 64 * 32);
        for looks in [0, 2, control.looks() / 2, control.looks() - 1] {
            let stopped = fit(
                x.view(),
                &labels,
                None,
                &params,
                &Probe::stopping_after(looks),
            );
            assert!(matches!(stopped, Err(FitError::Stopped(Stop::Cancelled))));
        }
        let poor = Probe::patient().granting(100_000);
        let refused = fit(x.view(), &labels, None, &params, &poor);
        assert!(matches!(
            refused,
            Err(FitError::Stopped(Stop::Memory { .. }))
        ));
    }
}
