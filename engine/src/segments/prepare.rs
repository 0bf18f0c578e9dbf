//! Preparation of the features: signed logarithm, missing values, standardisation.

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::SegmentError;
use super::tiles::{CHUNK, added};
use crate::control::Control;

/// How a value in original units becomes one that distances are measured in: `(t(x) - centre) / scale`, where `t` is
/// `sign(x) ln(1 + |x|)` or nothing. A missing value becomes 0, which is the mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Whether the logarithm is taken.
    log: bool,
    /// Mean of each feature after the logarithm.
    centre: Vec<f64>,
    /// Standard deviation (of the population) of each; 1 for one that is constant.
    scale: Vec<f64>,
}

impl Preparation {
    /// Learns from rows (rows x features, NaN = missing).
    ///
    /// # Errors
    /// [`SegmentError::Infinite`] when a value, or the spread of the values, is not finite; [`SegmentError::Stopped`].
    pub fn fit(
        x: ArrayView2<'_, f64>,
        log: bool,
        names: &[String],
        control: &dyn Control,
    ) -> Result<Preparation, SegmentError> {
        let (n, p) = (x.nrows(), x.ncols());
        let sums = |of: &(dyn Fn(usize, f64) -> f64 + Sync)| -> Result<Vec<f64>, SegmentError> {
            let parts = (0..n.div_ceil(CHUNK))
                .into_par_iter()
                .map(|c| {
                    control.check()?;
                    let mut part = vec![0.0; p];
                    for row in c * CHUNK..n.min((c + 1) * CHUNK) {
                        for (j, (sum, v)) in part.iter_mut().zip(x.row(row)).enumerate() {
                            if !v.is_nan() {
                                *sum += of(j, *v);
                            }
                        }
                    }
                    Ok(part)
                })
                .collect::<Result<Vec<_>, SegmentError>>()?;
            Ok(added(&parts, p))
        };
        let present = sums(&|_, _| 1.0)?;
        let mut centre = sums(&|_, v| transformed(log, v))?;
        for (sum, count) in centre.iter_mut().zip(&present) {
            *sum /= count.max(1.0);
        }
        let squares = sums(&|j, v| (transformed(log, v) - centre[j]).powi(2))?;
        // What is left of a constant feature is rounding.
        let scale: Vec<f64> = squares
            .iter()
            .zip(&centre)
            .map(|(s, c)| (s / n.max(1) as f64, c))
            .map(|(var, c)| {
                let rounding = (n as f64 * c * f64::EPSILON).powi(2);
                if var <= rounding { 1.0 } else { var.sqrt() }
            })
            .collect();
        match (0..p).find(|j| !(squares[*j].is_finite() && centre[*j].is_finite())) {
            None => Ok(Preparation { log, centre, scale }),
            Some(j) => Err(SegmentError::Infinite {
                feature: names.get(j).cloned().unwrap_or_default(),
            }),
        }
    }

    /// The preparation that leaves values as they are, but for missing ones.
    pub(super) fn none(features: usize) -> Preparation {
        Preparation {
            log: false,
            centre: vec![0.0; features],
            scale: vec![1.0; features],
        }
    }

    /// Number of features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.centre.len()
    }

    /// Whether the logarithm is taken.
    #[must_use]
    pub fn log(&self) -> bool {
        self.log
    }

    /// A value of a feature, prepared. The feature must exist.
    pub(super) fn prepared(&self, feature: usize, value: f64) -> f64 {
        if value.is_nan() {
            return 0.0;
        }
        (transformed(self.log, value) - self.centre[feature]) / self.scale[feature]
    }

    /// A prepared value in original units. The feature must exist.
    pub(super) fn original(&self, feature: usize, value: f64) -> f64 {
        let t = value * self.scale[feature] + self.centre[feature];
        if self.log {
            t.abs().exp_m1().copysign(t)
        } else {
            t
        }
    }

    /// Checks what was read from outside.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.centre.is_empty() || self.centre.len() != self.scale.len() {
            return Err("the preparation has parts of different lengths");
        }
        let fine = self.centre.iter().all(|c| c.is_finite())
            && self.scale.iter().all(|s| s.is_finite() && *s > 0.0);
        if fine {
            Ok(())
        } else {
            Err("the preparation has a number that is not finite")
        }
    }
}

fn transformed(log: bool, value: f64) -> f64 {
    if log {
        value.abs().ln_1p().copysign(value)
    } else {
        value
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::control::Free;
    use ndarray::array;

    fn fit(x: &ndarray::Array2<f64>, log: bool) -> Result<Preparation, SegmentError> {
        let names: Vec<String> = (0..x.ncols()).map(|j| format!("f{j}")).collect();
        Preparation::fit(x.view(), log, &names, &Free)
    }

    #[test]
    fn values_are_standardised_and_come_back() {
        let x = array![[1.0, 7.0], [3.0, 7.0], [f64::NAN, 7.0], [5.0, 7.0]];
        let prep = fit(&x, false).unwrap();
        // mean 3; variance over the four rows, of which the missing one is the mean: 8 / 4
        assert_eq!(prep.centre, [3.0, 7.0]);
        assert_eq!(prep.scale, [2f64.sqrt(), 1.0]);
        assert_eq!(prep.prepared(0, f64::NAN), 0.0);
        assert_eq!(prep.prepared(1, 8.0), 1.0);
        let logs = fit(&array![[-9.0], [0.0], [99.0]], true).unwrap();
        for v in [-1e6, -9.0, 0.0, 0.5, 99.0, 1e300] {
            let back = logs.original(0, logs.prepared(0, v));
            assert!(
                (back - v).abs() <= 1e-12 * v.abs().max(1.0) * 1e3,
                "{v} {back}"
            );
        }
        assert!((logs.centre[0] - (100f64.ln() - 10f64.ln()) / 3.0).abs() < 1e-15);
    }

    #[test]
    fn infinite_and_huge_values_are_refused_by_name() {
        for x in [
            array![[1.0, f64::INFINITY], [2.0, 1.0]],
            array![[0.0, 1e300], [1.0, -1e300]],
        ] {
            let error = fit(&x, false).unwrap_err();
            assert_eq!(
                error.to_string(),
                "\"f1\": a value is infinite or too large"
            );
        }
        assert!(fit(&array![[1.0], [f64::NEG_INFINITY]], true).is_err());
        assert!(fit(&array![[1e300], [-1e300]], true).is_ok());
    }
}
