//! Transforms of the values before a method is fitted: for series whose spread grows with their level.

use serde::{Deserialize, Serialize};

use super::ForecastError;
use super::statistics::box_cox_lambda;

/// The range of the parameter of Box and Cox.
const LAMBDA: (f64, f64) = (-1.0, 2.0);
/// No value's logarithm is larger: what is transformed back stays finite.
const LARGEST_LOG: f64 = 100.0;

/// What is done to each value. The forecast that is transformed back is a median, not a mean.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Transform {
    /// Nothing.
    #[default]
    None,
    /// The natural logarithm.
    Log,
    /// `(y^lambda - 1) / lambda` (Box and Cox, Journal of the Royal Statistical Society B 26, 1964).
    BoxCox(f64),
}

impl Transform {
    /// The logarithm, for values that have one.
    ///
    /// # Errors
    /// [`ForecastError::NotPositive`].
    pub fn log(y: &[f64]) -> Result<Transform, ForecastError> {
        positive(y)?;
        Ok(Transform::Log)
    }

    /// The transform of Box and Cox with the parameter after which the spread within seasons depends least on their level (Guerrero,
    /// Journal of Forecasting 12, 1993; as R's `BoxCox.lambda`).
    ///
    /// # Errors
    /// [`ForecastError::NotPositive`].
    pub fn box_cox(y: &[f64], season: usize) -> Result<Transform, ForecastError> {
        positive(y)?;
        let lambda = box_cox_lambda(y, season, LAMBDA.0, LAMBDA.1);
        // Between the two the difference is that of rounding.
        if lambda.abs() < 1e-8 {
            return Ok(Transform::Log);
        }
        Ok(Transform::BoxCox(lambda))
    }

    /// The values transformed; missing ones stay missing.
    ///
    /// # Errors
    /// [`ForecastError::NotPositive`] for a value that has no transform.
    pub fn forward(self, y: &[f64]) -> Result<Vec<f64>, ForecastError> {
        if self != Transform::None {
            positive(y)?;
        }
        Ok(y.iter()
            .map(|v| match self {
                Transform::None => *v,
                Transform::Log => v.ln(),
                Transform::BoxCox(lambda) => (v.powf(lambda) - 1.0) / lambda,
            })
            .collect())
    }

    /// Transforms back. What is beyond the transform's range becomes the nearest value within.
    pub fn inverse(self, values: &mut [f64]) {
        // `min` and `max` would make a number of what is none.
        for value in values.iter_mut().filter(|v| !v.is_nan()) {
            *value = match self {
                Transform::None => *value,
                Transform::Log => value.min(LARGEST_LOG).exp(),
                Transform::BoxCox(lambda) => {
                    let power = (lambda * *value + 1.0).max(0.0);
                    power.powf(1.0 / lambda).min(LARGEST_LOG.exp())
                }
            };
        }
    }

    /// Verifies what was read from bytes.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(self) -> Result<(), &'static str> {
        match self {
            Transform::BoxCox(lambda)
                if !(LAMBDA.0..=LAMBDA.1).contains(&lambda) || lambda == 0.0 =>
            {
                Err("a transform has an impossible parameter")
            }
            _ => Ok(()),
        }
    }
}

fn positive(y: &[f64]) -> Result<(), ForecastError> {
    if y.iter().any(|v| *v <= 0.0) {
        return Err(ForecastError::NotPositive {
            method: "a transform",
        });
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::forecasts::oracle;

    #[test]
    fn guerreros_parameter_is_that_of_r() {
        for (case, series, season) in [
            ("tests_air", "airpassengers", 12),
            ("tests_usacc", "usaccdeaths", 12),
            ("tests_retail7", "retail_daily", 7),
            ("tests_nile", "nile", 1),
        ] {
            let theirs = oracle::r(case).one("boxcox_lambda_guerrero");
            let y = oracle::series(series);
            let Transform::BoxCox(ours) = Transform::box_cox(&y, season).unwrap() else {
                unreachable!("{case}");
            };
            // R's search ends when it is within 1.2e-4.
            assert!((ours - theirs).abs() < 1e-3, "{case}: {ours} {theirs}");
        }
    }

    #[test]
    fn values_come_back() {
        let y = [0.5, 1.0, f64::NAN, 300.0];
        for transform in [
            Transform::None,
            Transform::Log,
            Transform::BoxCox(-0.3),
            Transform::BoxCox(0.5),
        ] {
            let mut there = transform.forward(&y).unwrap();
            transform.inverse(&mut there);
            for (a, b) in there.iter().zip(&y) {
                assert!((a - b).abs() < 1e-9 * b || a.is_nan() && b.is_nan());
            }
            assert_eq!(transform.check(), Ok(()));
        }
        // 2 sqrt(y) - 2 is never below -2.
        let mut beyond = [-5.0, -2.0, 1e9];
        Transform::BoxCox(0.5).inverse(&mut beyond);
        assert_eq!(&beyond[..2], [0.0, 0.0]);
        assert!(beyond[2].is_finite());
        assert!(Transform::log(&[1.0, 0.0]).is_err());
        assert!(Transform::BoxCox(f64::NAN).check().is_err());
        assert_eq!(
            Transform::box_cox(&[3.0; 50], 7).unwrap(),
            Transform::BoxCox(1.0)
        );
    }
}
