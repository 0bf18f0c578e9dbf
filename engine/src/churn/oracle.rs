//! The numbers of `tests/oracle/churn.json`, which `tests/oracle/churn.py` made with scikit-learn.
#![allow(clippy::unwrap_used, clippy::panic)]

use ndarray::Array2;
use serde::Deserialize;

use super::prepare::{Preparation, Prepared};
use crate::control::Free;
use crate::random::Stream;

#[derive(Deserialize)]
pub(super) struct Fit {
    pub(super) c: f64,
    pub(super) l1_ratio: f64,
    pub(super) weighted: bool,
    pub(super) intercept: f64,
    pub(super) coefficients: Vec<f64>,
}

#[derive(Deserialize)]
pub(super) struct Isotonic {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) grid: Vec<f64>,
}

#[derive(Deserialize)]
pub(super) struct Platt {
    pub(super) a: f64,
    pub(super) b: f64,
}

#[derive(Deserialize)]
pub(super) struct DeLong {
    pub(super) auc_a: f64,
    pub(super) auc_b: f64,
    pub(super) variance: f64,
    pub(super) standard_error_a: f64,
}

#[derive(Deserialize)]
pub(super) struct Oracle {
    x: Vec<Vec<Option<f64>>>,
    pub(super) labels: Vec<bool>,
    pub(super) weights: Vec<f64>,
    pub(super) prepared: Vec<Vec<f64>>,
    pub(super) fits: Vec<Fit>,
    pub(super) p: Vec<f64>,
    pub(super) q: Vec<f64>,
    pub(super) roc_auc: f64,
    pub(super) average_precision: f64,
    pub(super) log_loss: f64,
    pub(super) brier: f64,
    pub(super) ece: f64,
    pub(super) accuracy: f64,
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
    pub(super) roc: Vec<[f64; 2]>,
    pub(super) pr: Vec<[f64; 2]>,
    pub(super) isotonic: Isotonic,
    pub(super) platt: Platt,
    pub(super) delong: DeLong,
}

impl Oracle {
    pub(super) fn read() -> Oracle {
        serde_json::from_str(include_str!("../../tests/oracle/churn.json")).unwrap()
    }

    pub(super) fn x(&self) -> Array2<f64> {
        let cells = self
            .x
            .iter()
            .flatten()
            .map(|v| v.unwrap_or(f64::NAN))
            .collect();
        Array2::from_shape_vec((self.x.len(), 4), cells).unwrap()
    }

    pub(super) fn preparation(&self) -> Preparation {
        Preparation::fit_apply(self.x().view(), &names(4), true, &Free)
            .unwrap()
            .0
    }

    pub(super) fn prepared(&self) -> Prepared {
        self.preparation().apply(self.x().view(), &Free).unwrap()
    }
}

pub(super) fn names(n: usize) -> Vec<String> {
    (0..n).map(|j| format!("f{j}")).collect()
}

#[track_caller]
pub(super) fn near(got: f64, expected: f64, tolerance: f64) {
    let apart = (got - expected).abs() / expected.abs().max(1.0);
    assert!(apart <= tolerance, "{got} is not {expected}");
}

/// Rows of standard columns and labels that follow a logistic model with intercept `shift`.
pub(super) fn generated(rows: usize, columns: usize, shift: f64) -> (Array2<f64>, Vec<bool>) {
    let mut stream = Stream::new(11, "churn test", 0);
    let x = Array2::from_shape_simple_fn((rows, columns), || {
        2.0 * (stream.unit() + stream.unit() + stream.unit() - 1.5)
    });
    let labels = x.rows().into_iter().map(|row| {
        let terms = row
            .iter()
            .enumerate()
            .map(|(j, x)| x * ((j % 5) as f64 - 2.0) * 0.4);
        stream.unit() < super::calibration::sigmoid(shift + terms.sum::<f64>())
    });
    let labels = labels.collect();
    (x, labels)
}

/// What `work` gives on pools of 1, 2 and 8 threads; fails unless they are the same.
pub(super) fn on_any_threads<T: PartialEq + std::fmt::Debug + Send>(
    work: impl Fn() -> T + Sync,
) -> T {
    let mut results = [1, 2, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        Some(pool.install(&work))
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    results[0].take().unwrap()
}
