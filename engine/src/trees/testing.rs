//! What the tests of trees share.

use ndarray::Array2;
use serde_json::Value;

use super::{Binned, Bins, Ensemble};
use crate::control::Free;
use crate::random::Stream;

/// The answers of xgboost and scikit-learn (`engine/tests/oracle/trees.py` writes them).
pub(super) struct Oracle(Value);

impl Oracle {
    pub(super) fn read() -> Oracle {
        Oracle(serde_json::from_str(include_str!("../../tests/oracle/trees.json")).unwrap())
    }

    pub(super) fn matrix(&self, name: &str) -> Array2<f64> {
        let rows: Vec<Vec<f64>> = self.cases(name).iter().map(numbers).collect();
        Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
    }

    pub(super) fn vector(&self, name: &str) -> Vec<f64> {
        numbers(&self.0[name])
    }

    pub(super) fn labels(&self) -> Vec<bool> {
        self.vector("label").iter().map(|l| *l > 0.5).collect()
    }

    /// The weights, when the case has them.
    pub(super) fn weights(&self, case: &Value) -> Option<Vec<f64>> {
        let weighted = case["weighted"].as_bool().unwrap();
        weighted.then(|| self.vector("weight"))
    }

    pub(super) fn cases(&self, name: &str) -> &[Value] {
        self.0[name].as_array().unwrap()
    }
}

/// The numbers of a JSON array; null is NaN.
pub(super) fn numbers(value: &Value) -> Vec<f64> {
    let items = value.as_array().unwrap().iter();
    items.map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

pub(super) fn binned(x: &Array2<f64>) -> Binned {
    let bins = Bins::fit(x.view(), None, 255, &Free).unwrap();
    bins.apply(x.view(), &Free).unwrap()
}

/// The raw score of each row; both ways of computing it give the same bits.
pub(super) fn scores(model: &Ensemble, x: &Array2<f64>) -> Vec<f64> {
    model.check().unwrap();
    let mut scores = vec![0.0; x.nrows()];
    model.score(x.view(), &mut scores, &Free).unwrap();
    for (row, score) in x.rows().into_iter().zip(&scores) {
        assert_eq!(model.score_row(&row.to_vec()).to_bits(), score.to_bits());
    }
    scores
}

pub(super) fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= tolerance, "{i}: {g} instead of {e}");
    }
}

/// Customers: the labels follow two features, missing values mean something.
pub(super) fn customers(rows: usize) -> (Array2<f64>, Vec<bool>) {
    let mut stream = Stream::new(5, "customers of a test", 0);
    let mut x = Array2::from_shape_simple_fn((rows, 6), || stream.unit());
    let mut y = Vec::new();
    for mut row in x.rows_mut() {
        row[2] = (row[2] * 4.0).floor();
        let missing = row[3] < 0.2;
        let chance = 0.2 + 0.4 * row[0] * row[2] / 3.0 + f64::from(u8::from(missing)) * 0.3;
        if missing {
            row[3] = f64::NAN;
        }
        y.push(stream.unit() < chance);
    }
    (x, y)
}

/// The same result for 1, 2 and 8 threads.
pub(super) fn same_for_all_threads<T: PartialEq + std::fmt::Debug + Send>(
    f: impl Fn() -> T + Sync,
) -> T {
    let mut results = [1, 2, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(&f)
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
    std::mem::replace(&mut results[0], f())
}
