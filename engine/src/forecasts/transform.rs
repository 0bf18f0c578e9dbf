//! What is done to the values before a method sees them, and undone on its forecasts.

use serde::{Deserialize, Serialize};

use super::ForecastError;
use super::statistics::box_cox_lambda;

/// The range of the parameter that is looked for. Below 0 the transform has an upper end (-1 / lambda): forecasts beyond it would
/// have no value.
const LAMBDAS: (f64, f64) = (0.0, 1.0);

/// The largest value that is given back: that of the input's own limit.
const LARGEST: f64 = 1e15;

/// A transform of the values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub enum Transform {
    /// None.
    #[default]
    None,
    /// The natural logarithm.
    Log,
    /// Box and Cox's, (y^lambda - 1) / lambda, and the logarithm where lambda is 0.
    BoxCox(f64),
}

impl Transform {
    /// The logarithm, for values that have one.
    ///
    /// # Errors
    /// [`ForecastError::NotPositive`] when a value is 0 or below.
    pub fn log(y: &[f64]) -> Result<Transform, ForecastError> {
        Transform::Log.forward(y).map(|_| Transform::Log)
    }

    /// Box and Cox's transform with the parameter from 0 to 1 that [`box_cox_lambda`] finds.
    ///
    /// # Errors
    /// [`ForecastError::NotPositive`] when a value is 0 or below.
    pub fn box_cox(y: &[f64], season: usize) -> Result<Transform, ForecastError> {
        let lambda = box_cox_lambda(y, season, LAMBDAS.0, LAMBDAS.1);
        let transform = Transform::BoxCox(lambda);
        transform.forward(y).map(|_| transform)
    }

    /// The transformed values; NaN stays NaN.
    ///
    /// # Errors
    /// [`ForecastError::NotPositive`] when a value is 0 or below: a series with zeros is refused rather than moved, since every
    /// way to move it makes zeros weigh differently.
    pub fn forward(&self, y: &[f64]) -> Result<Vec<f64>, ForecastError> {
        let method = match self {
            Transform::None => return Ok(y.to_vec()),
            Transform::Log => "a logarithm",
            Transform::BoxCox(_) => "a Box-Cox transform",
        };
        if y.iter().any(|v| *v <= 0.0) {
            return Err(ForecastError::NotPositive { method });
        }
        let lambda = self.lambda();
        Ok(y.iter().map(|v| box_cox(*v, lambda)).collect())
    }

    /// Gives back values of forecasts or bounds, in place: the medians of the distributions. What lies outside of what the
    /// transform can give is the nearest value: 0, or 1e15.
    pub fn inverse(&self, values: &mut [f64]) {
        if *self == Transform::None {
            return;
        }
        let lambda = self.lambda();
        for value in values {
            *value = inverse_box_cox(*value, lambda);
        }
    }

    /// Gives back means, in place, from the means and variances of the transformed values: the second-order correction of
    /// Guerrero (1993), as R's `InvBoxCox(biasadj = TRUE)`. Values without a variance get none.
    pub fn inverse_mean(&self, values: &mut [f64], variances: &[f64]) {
        self.inverse(values);
        if *self == Transform::None {
            return;
        }
        let lambda = self.lambda();
        for (value, variance) in values.iter_mut().zip(variances) {
            let more = 0.5 * variance * (1.0 - lambda) / value.powf(2.0 * lambda);
            if more.is_finite() {
                *value = (*value * (1.0 + more)).min(LARGEST);
            }
        }
    }

    /// Verifies what was read from bytes.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Transform::BoxCox(lambda) if !(-5.0..=5.0).contains(lambda) => {
                Err("a transform has an impossible parameter")
            }
            _ => Ok(()),
        }
    }

    fn lambda(&self) -> f64 {
        match self {
            Transform::None => 1.0,
            Transform::Log => 0.0,
            Transform::BoxCox(lambda) => *lambda,
        }
    }
}

/// Near 0 the power loses its digits; the logarithm is within 1e-10 of it there.
fn is_log(lambda: f64) -> bool {
    lambda.abs() < 1e-12
}

/// Box and Cox's transform of a value above 0.
#[must_use]
pub fn box_cox(value: f64, lambda: f64) -> f64 {
    if is_log(lambda) {
        value.ln()
    } else {
        (lambda * value.ln()).exp_m1() / lambda
    }
}

/// Undoes [`box_cox`]. What lies outside of what it can give is the nearest value: 0, or 1e15.
#[must_use]
pub fn inverse_box_cox(value: f64, lambda: f64) -> f64 {
    let value = if is_log(lambda) {
        value.exp()
    } else {
        let inside = lambda * value;
        if inside > -1.0 {
            (inside.ln_1p() / lambda).exp()
        } else if value.is_nan() {
            value
        } else if lambda > 0.0 {
            0.0
        } else {
            LARGEST
        }
    };
    value.min(if value.is_nan() { value } else { LARGEST })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::forecasts::oracle;

    #[test]
    fn what_is_done_is_undone() {
        let y = [1e-6, 0.5, 1.0, 3.0, 1e9, f64::NAN];
        let transforms = [-0.9, -0.2, 1e-13, 0.0, 0.3, 1.0, 2.0].map(Transform::BoxCox);
        for transform in transforms
            .into_iter()
            .chain([Transform::Log, Transform::None])
        {
            let mut back = transform.forward(&y).unwrap();
            transform.inverse(&mut back);
            for (a, b) in y.iter().zip(&back).take(4) {
                assert!((a - b).abs() <= 1e-9 * a + 1e-10, "{transform:?}: {a} {b}");
            }
            assert!(back[5].is_nan());
            assert_eq!(transform.check(), Ok(()));
        }
        // R: BoxCox(3, 0.3), InvBoxCox(2, 0.3), InvBoxCox(2, 0.3, biasadj = TRUE, fvar = 0.04)
        assert!((box_cox(3.0, 0.3) - 1.301_297_234_39).abs() < 1e-9);
        assert!((inverse_box_cox(2.0, 0.3) - 4.790_710_662_29).abs() < 1e-8);
        let mut mean = [2.0];
        Transform::BoxCox(0.3).inverse_mean(&mut mean, &[0.04]);
        assert!((mean[0] - 4.816_909_861_22).abs() < 1e-8, "{}", mean[0]);
        // The mean of a lognormal, to the second order: e * (1 + 0.02).
        let mut mean = [1.0];
        Transform::Log.inverse_mean(&mut mean, &[0.04]);
        assert!((mean[0] - 1.02 * std::f64::consts::E).abs() < 1e-12);
    }

    #[test]
    fn forecasts_beyond_the_ends() {
        assert_eq!(inverse_box_cox(-10.0, 0.5), 0.0);
        assert_eq!(inverse_box_cox(10.0, -0.5), 1e15);
        assert_eq!(inverse_box_cox(1e9, 0.0), 1e15);
        assert_eq!(inverse_box_cox(f64::INFINITY, 0.5), 1e15);
        assert!(inverse_box_cox(f64::NAN, 0.5).is_nan());
        assert!(inverse_box_cox(f64::NAN, 0.0).is_nan());
    }

    #[test]
    fn what_is_refused() {
        for y in [[1.0, 0.0], [1.0, -3.0]] {
            assert!(matches!(
                Transform::log(&y),
                Err(ForecastError::NotPositive { .. })
            ));
            assert!(matches!(
                Transform::box_cox(&y, 1),
                Err(ForecastError::NotPositive { .. })
            ));
        }
        assert_eq!(Transform::log(&[f64::NAN, 1.0]).unwrap(), Transform::Log);
        assert!(Transform::BoxCox(f64::NAN).check().is_err());
        assert!(Transform::BoxCox(1e9).check().is_err());
        // Guerrero's parameter is below 0 here.
        let air = oracle::series("airpassengers");
        let Transform::BoxCox(lambda) = Transform::box_cox(&air, 12).unwrap() else {
            panic!("another transform");
        };
        assert!((0.0..0.001).contains(&lambda), "{lambda}");
    }
}
