//! Preparation against scikit-learn, and its edges.
#![allow(clippy::unwrap_used)]

use ndarray::{Array2, array};

use super::FitError;
use super::oracle::{Oracle, generated, names, near, on_any_threads};
use super::prepare::Preparation;
use crate::control::testing::Probe;
use crate::control::{Free, Stop};

#[test]
fn columns_agree_with_scikit_learn() {
    let oracle = Oracle::read();
    let prepared = oracle.prepared();
    for (row, expected) in prepared.view().rows().into_iter().zip(&oracle.prepared) {
        assert_eq!(row.len(), expected.len());
        for (got, expected) in row.iter().zip(expected) {
            near(*got, *expected, 1e-12);
        }
    }
    for column in prepared.view().columns() {
        near(column.sum(), 0.0, 1e-10);
    }
    let preparation = oracle.preparation();
    assert_eq!(
        preparation.names(),
        ["f0", "f1", "f2", "f3", "f3 is missing"]
    );
    assert_eq!(preparation.sources().collect::<Vec<_>>(), [0, 1, 2, 3, 3]);
    assert!(preparation.log());
}

#[test]
fn a_row_is_prepared_as_in_a_batch_and_a_new_missing_value_is_the_mean() {
    let oracle = Oracle::read();
    let (preparation, x) = (oracle.preparation(), oracle.x());
    let prepared = oracle.prepared();
    for (row, expected) in x.rows().into_iter().zip(prepared.view().rows()) {
        assert_eq!(
            preparation.apply_row(row.as_slice().unwrap()),
            expected.to_vec()
        );
    }
    let row = preparation.apply_row(&[f64::NAN, 5.0, 2.0, 0.1]);
    assert_eq!(row[0], 0.0);
    assert!(row[1] != 0.0);
    // what is not given is missing
    assert_eq!(
        preparation.apply_row(&[1.0, 5.0]),
        preparation.apply_row(&[1.0, 5.0, f64::NAN, f64::NAN])
    );
    // a number far off stays finite
    let raw = Preparation::fit_apply(x.view(), &names(4), false, &Free)
        .unwrap()
        .0;
    assert!(
        raw.apply_row(&[1e308, -1e308, 0.0, 0.0])
            .iter()
            .all(|v| v.is_finite())
    );
}

#[test]
fn constant_and_absent_columns_weigh_nothing() {
    let nan = f64::NAN;
    let x = array![[0.1, nan, 1.0], [0.1, nan, nan], [0.1, nan, 3.0]];
    let preparation = Preparation::fit_apply(x.view(), &names(3), false, &Free)
        .unwrap()
        .0;
    let names = preparation.names();
    assert_eq!(names, ["f0", "f1", "f2", "f1 is missing", "f2 is missing"]);
    let root = 2.0_f64.sqrt();
    for (row, expected) in [
        ([0.1, nan, 1.0], [0.0, 0.0, -1.0, 0.0, -1.0 / root]),
        ([7.0, 9.0, nan], [0.0, 0.0, 0.0, 0.0, root]),
    ] {
        for (got, expected) in preparation.apply_row(&row).iter().zip(expected) {
            near(*got, expected, 1e-12);
        }
    }
    let units: Vec<bool> = preparation.units().map(|unit| unit.is_some()).collect();
    assert_eq!(units, [false, false, true, false, true]);
}

#[test]
fn the_rows_of_the_fit_are_prepared_as_any_others() {
    let nan = f64::NAN;
    let whole = array![[1.0, -2.0, 7.0], [3.5, 0.25, 7.0], [0.1, 1e9, 7.0]];
    let missing = array![[1.0, nan, 7.0], [3.5, 0.25, 7.0], [nan, 1e9, 7.0]];
    for x in [whole, missing] {
        for log in [false, true] {
            let (preparation, prepared) =
                Preparation::fit_apply(x.view(), &names(3), log, &Free).unwrap();
            let again = preparation.apply(x.view(), &Free).unwrap();
            assert_eq!(prepared.view(), again.view(), "{x} {log}");
        }
    }
}

#[test]
fn what_cannot_be_prepared_is_refused() {
    let empty = Array2::<f64>::zeros((0, 2));
    let fit = |x: &Array2<f64>, n| Preparation::fit_apply(x.view(), &names(n), false, &Free);
    assert!(matches!(fit(&empty, 2), Err(FitError::Data(_))));
    assert!(matches!(
        fit(&Array2::zeros((3, 2)), 3),
        Err(FitError::Data(_))
    ));
    assert!(matches!(
        fit(&array![[1e308], [-1e308], [1.7e308]], 1),
        Err(FitError::Data(_))
    ));
    let (preparation, _) = fit(&array![[1.0, 2.0], [2.0, 3.0]], 2).unwrap();
    assert!(
        preparation
            .apply(Array2::zeros((1, 3)).view(), &Free)
            .is_err()
    );
    assert_eq!(
        preparation.apply(empty.view(), &Free).unwrap().view().dim(),
        (0, 2)
    );
}

#[test]
fn damaged_bytes_are_noticed() {
    let oracle = Oracle::read();
    let value = serde_json::to_value(oracle.preparation()).unwrap();
    let read = |key: &str, changed: serde_json::Value| {
        let mut value = value.clone();
        value[key] = changed;
        serde_json::from_value::<Preparation>(value)
            .unwrap()
            .check()
    };
    assert_eq!(read("log", true.into()), Ok(()));
    for (key, changed) in [
        ("means", serde_json::json!([0.0])),
        ("scales", serde_json::json!([1.0, 0.0, 1.0, 1.0, 1.0])),
        ("varies", serde_json::json!([])),
        ("indicated", serde_json::json!([4])),
        ("indicated", serde_json::json!([])),
        ("features", serde_json::json!(["a"])),
    ] {
        assert!(read(key, changed).is_err(), "{key}");
    }
    let bytes = rmp_serde::to_vec(&oracle.preparation()).unwrap();
    let back: Preparation = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(back, oracle.preparation());
}

#[test]
fn the_moments_of_many_rows_are_those_of_their_formula() {
    // 0 to 9,999 in order, so that the chunks have different means: mean (n - 1) / 2, variance (n^2 - 1) / 12
    let n = 10_000;
    let x = Array2::from_shape_fn((n, 1), |(row, _)| row as f64);
    let preparation = Preparation::fit_apply(x.view(), &names(1), false, &Free)
        .unwrap()
        .0;
    let (mean, scale) = preparation.units().next().flatten().unwrap();
    near(mean, 4999.5, 1e-14);
    near(scale, ((1e8 - 1.0) / 12.0_f64).sqrt(), 1e-14);
}

#[test]
fn threads_change_nothing_and_work_can_be_stopped() {
    let (mut x, _) = generated(30_000, 3, 0.0);
    x.column_mut(1)
        .iter_mut()
        .step_by(7)
        .for_each(|v| *v = f64::NAN);
    let preparation = on_any_threads(|| {
        Preparation::fit_apply(x.view(), &names(3), true, &Free)
            .unwrap()
            .0
    });
    on_any_threads(|| {
        preparation
            .apply(x.view(), &Free)
            .unwrap()
            .view()
            .to_owned()
            .map(|v| v.to_bits())
    });
    let control = Probe::patient();
    let prepared = preparation.apply(x.view(), &control).unwrap();
    assert_eq!(control.held_bytes(), 30_000 * 4 * 8);
    drop(prepared);
    assert_eq!(control.held_bytes(), 0);
    let stopped = preparation.apply(x.view(), &Probe::stopping_after(3));
    assert!(matches!(stopped, Err(FitError::Stopped(Stop::Cancelled))));
    let stopped = Preparation::fit_apply(x.view(), &names(3), true, &Probe::stopping_after(3));
    assert!(matches!(stopped, Err(FitError::Stopped(Stop::Cancelled))));
    let poor = preparation.apply(x.view(), &Probe::patient().granting(900_000));
    assert!(matches!(poor, Err(FitError::Stopped(Stop::Memory { .. }))));
}
